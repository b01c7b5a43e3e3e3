//! The number's status callbacks: terminal only or progress too, once or doubled, in order or not.

use talia_twilio::CallStatus;

use crate::{
    fields::{Fields, pairs},
    outcome::SentStatus,
    settings::{CarrierSettings, StatusOrder},
    webhook::{Method, Webhooks},
};

/// Twilio's debugger code for a status callback that wasn't taken; the call isn't touched.
pub(crate) const FAILED: u16 = 15_003;

/// The callbacks of one call.
#[derive(Debug, Default)]
pub(crate) struct StatusCallbacks {
    pub(crate) sent: Vec<SentStatus>,
    held: Vec<(CallStatus, Fields)>,
    sequence: u64,
}

impl StatusCallbacks {
    /// Tells that the call has lasted some seconds and reached a status. Returns why it couldn't be told.
    pub(crate) async fn tell(
        &mut self,
        webhooks: &Webhooks,
        settings: &CarrierSettings,
        mut fields: Fields,
        (status, seconds): (CallStatus, u64),
    ) -> Vec<String> {
        let plan = settings.status;
        if settings.status_url.is_none() || !(status.is_terminal() || plan.progress) {
            return Vec::new();
        }
        if status.is_terminal() {
            fields.extend(pairs([
                ("CallDuration", seconds.to_string().as_str()),
                ("Duration", seconds.div_ceil(60).to_string().as_str()),
            ]));
        }
        if plan.progress {
            let timestamp = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
            fields.extend(pairs([
                ("SequenceNumber", self.sequence.to_string().as_str()),
                ("Timestamp", &timestamp),
                ("CallbackSource", "call-progress-events"),
            ]));
            self.sequence += 1;
        }
        if plan.order == StatusOrder::Reversed {
            self.held.push((status, fields));
            return Vec::new();
        }
        self.send(webhooks, settings, status, &fields).await
    }

    /// Sends what was held back, the last first.
    pub(crate) async fn flush(&mut self, webhooks: &Webhooks, settings: &CarrierSettings) -> Vec<String> {
        let mut failed = Vec::new();
        while let Some((status, fields)) = self.held.pop() {
            failed.extend(self.send(webhooks, settings, status, &fields).await);
        }
        failed
    }

    async fn send(
        &mut self,
        webhooks: &Webhooks,
        settings: &CarrierSettings,
        status: CallStatus,
        fields: &Fields,
    ) -> Vec<String> {
        let Some(url) = &settings.status_url else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        for _ in 0..=settings.status.duplicates {
            let answer = match webhooks.send(settings, Method::Post, url, fields).await {
                Ok(reply) => Some(reply.status),
                Err(fault) => {
                    failed.push(fault.detail);
                    fault.status
                }
            };
            self.sent.push(SentStatus { status, answer });
        }
        failed
    }
}
