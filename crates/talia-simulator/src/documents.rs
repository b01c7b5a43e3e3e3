//! How a call gets its documents: the request, the Fallback URL, what Twilio refuses.

use talia_twilio::error_codes::SCHEMA_VALIDATION_WARNING;
use tokio::time::Instant;

use crate::{
    call::Call,
    events::{Purpose, What},
    twiml::{self, Document, Target},
    webhook::{Reply, WebhookFault, new_token},
};

impl Call {
    /// Requests a document; on failure the Fallback URL's. The error is Twilio's code.
    pub(crate) async fn fetch(
        &mut self,
        purpose: Purpose,
        target: &Target,
        extra: &[(String, String)],
    ) -> Result<Document, u16> {
        match self.fetch_once(purpose, target, extra).await {
            Ok(document) => Ok(document),
            Err(code) if purpose == Purpose::Fallback => Err(code),
            Err(code) => {
                let Some(fallback) = self.fallback.clone() else {
                    return Err(code);
                };
                let mut extra = extra.to_vec();
                extra.push(("ErrorCode".to_owned(), code.to_string()));
                extra.push(("ErrorUrl".to_owned(), target.url.clone()));
                self.fetch_once(Purpose::Fallback, &fallback, &extra).await
            }
        }
    }

    async fn fetch_once(
        &mut self,
        purpose: Purpose,
        target: &Target,
        extra: &[(String, String)],
    ) -> Result<Document, u16> {
        let mut fields = self.base_fields.with_status(self.status);
        fields.extend_from_slice(extra);
        let copies = if purpose == Purpose::Voice {
            self.voice_copies
        } else {
            0
        };
        let token = new_token();
        let mut reply = self.request_as(purpose, target, &fields, &token).await;
        for copy in 0..copies {
            // The carrier hears the last answer of a doubled request.
            let token = if copy % 2 == 0 { token.clone() } else { new_token() };
            reply = self.request_as(purpose, target, &fields, &token).await;
        }
        let reply = match reply {
            Ok(reply) => reply,
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                return Err(fault.code);
            }
        };
        if let Err(fault) = twiml::check_content_type(reply.content_type.as_deref()) {
            self.warn(fault.code, &fault.detail);
            return Err(fault.code);
        }
        self.read(&reply.body, &reply.url)
    }

    pub(crate) async fn request(
        &mut self,
        purpose: Purpose,
        target: &Target,
        fields: &[(String, String)],
    ) -> Result<Reply, WebhookFault> {
        self.request_as(purpose, target, fields, &new_token()).await
    }

    async fn request_as(
        &mut self,
        purpose: Purpose,
        target: &Target,
        fields: &[(String, String)],
        token: &str,
    ) -> Result<Reply, WebhookFault> {
        let before = Instant::now();
        let (webhooks, settings) = (self.webhooks.clone(), self.settings.clone());
        let result = self.meanwhile(webhooks.send_as(&settings, target, fields, token)).await;
        let took_ms = (Instant::now() - before).as_secs_f64() * 1_000.0;
        let status = result
            .as_ref()
            .map_or_else(|fault| fault.status, |reply| Some(reply.status));
        if purpose == Purpose::Voice {
            self.stopwatch.figures.webhook_ms.get_or_insert(took_ms);
        }
        self.log(What::Webhook {
            purpose,
            status,
            took_ms,
        });
        result
    }

    pub(crate) fn read(&mut self, body: &[u8], url: &str) -> Result<Document, u16> {
        match twiml::parse(body, url) {
            Ok(document) => {
                for warning in &document.warnings {
                    self.warn(SCHEMA_VALIDATION_WARNING, warning);
                }
                let verbs = document.verbs.iter().map(|verb| verb.name().to_owned()).collect();
                self.log(What::Twiml { verbs });
                Ok(document)
            }
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                Err(fault.code)
            }
        }
    }
}
