//! `<Connect><Stream>`: opens the stream, runs it, tells its status and decides what follows.

use std::sync::Arc;

use talia_twilio::{
    StreamSid,
    error_codes::{SCHEMA_VALIDATION_WARNING, StreamCode},
};
use tokio::time::Instant;

use crate::{
    assistant_ear::Edge,
    call::{Call, Flow},
    events::{EndedBy, Purpose, Side, What},
    fields,
    media_socket::{MediaSocket, StreamFault},
    settings::{AfterBreak, CarrierSettings, FallThrough, Secret},
    stream::{Stream, StreamEnd},
    tamper::Tamper,
    twiml::{self, StreamNoun, Target},
};

impl Call {
    /// `<Connect><Stream>`: the call is the server's until the stream ends.
    pub(crate) async fn connect(&mut self, noun: &StreamNoun, base: &str, action: Option<Target>) -> Flow {
        let stream_sid = StreamSid::from_bits(crate::carrier::random_bits());
        let end = match self.open(noun, base).await {
            Ok((socket, handshake_ms)) => {
                self.stopwatch.figures.handshake_ms.push(handshake_ms);
                self.log(What::StreamStart {
                    stream_sid: stream_sid.as_str().to_owned(),
                    handshake_ms,
                });
                if let Some(Edge::Ended { from_ms, to_ms }) = self.phone.break_off() {
                    self.log(What::SpeechEnd {
                        side: Side::Assistant,
                        from_ms,
                        to_ms,
                    });
                }
                self.tell_stream(noun, &stream_sid, ("stream-started", None));
                Ok(Stream::start(self, socket, stream_sid.clone(), noun).run().await)
            }
            Err(fault) => Err(fault),
        };
        let opened = end.is_ok();
        let error = match &end {
            Err(fault) => Some((fault.code, fault.detail.clone())),
            Ok(StreamEnd::Server(code, _)) => Some((*code, "the server ended the stream".to_owned())),
            Ok(StreamEnd::Dropped) => Some((StreamCode::BrokenPipe, "the connection broke".to_owned())),
            Ok(_) => None,
        };
        if let Some((code, detail)) = &error {
            self.warn(code.code(), detail);
        }
        // A close by the server is logged as an error, but its callback says that the stream has stopped.
        let failed = error.filter(|(code, _)| *code != StreamCode::ClosedByServer);
        let event = match &failed {
            Some((code, detail)) => ("stream-error", Some(format!("{code}: {detail}"))),
            None => ("stream-stopped", None),
        };
        // Told beside the call, but in order.
        self.streams_told().await;
        self.tell_stream(noun, &stream_sid, event);
        match end {
            Ok(StreamEnd::CallerHungUp) => return Flow::End(EndedBy::Caller),
            Ok(StreamEnd::TimeLimit) => return Flow::End(EndedBy::TimeLimit),
            Ok(StreamEnd::Rest(control)) => return self.controlled(control),
            Ok(StreamEnd::Server(..) | StreamEnd::Dropped) | Err(_) => {}
        }
        let now_ms = self.now_ms();
        self.phone.broke(now_ms);
        // A stream that never was can't break.
        let broke = failed.is_some() && opened;
        if let (true, AfterBreak::Hangs { at_most_ms }) = (broke, self.settings.after_break) {
            self.log(What::Hangs);
            return match self.pass(at_most_ms).await {
                Flow::Next => Flow::End(EndedBy::TimeLimit),
                other => other,
            };
        }
        match action {
            Some(action) if failed.is_none() || self.settings.fall_through == FallThrough::Action => {
                Flow::Fetch(Purpose::Action, action, Vec::new())
            }
            _ => Flow::Next,
        }
    }

    async fn open(&mut self, noun: &StreamNoun, base: &str) -> Result<(MediaSocket, f64), StreamFault> {
        if noun.track.as_deref().is_some_and(|track| track != "inbound_track") {
            return Err(StreamFault {
                code: StreamCode::InvalidTrack,
                detail: "a two-way stream has the inbound track only".to_owned(),
            });
        }
        for (name, value) in &noun.parameters {
            if name.chars().count() + value.chars().count() >= 500 {
                self.warn(SCHEMA_VALIDATION_WARNING, "a <Parameter> of 500 characters or more");
            }
        }
        let mut url = twiml::resolve(base, &noun.url);
        if !noun.url.contains("://") {
            // A relative URL keeps the document's host; its scheme is the stream's own.
            url = url.replacen("https://", "wss://", 1);
        }
        if let Some((before, _)) = url.split_once('?') {
            url = before.to_owned();
            self.warn(StreamCode::Handshake.code(), "the stream's query string was stripped");
        }
        let before = Instant::now();
        let settings = Arc::clone(&self.settings);
        let socket = if self.tampers.contains(&Tamper::ForgedHandshake) {
            let forged = CarrierSettings {
                auth_token: Secret::new("not the account's token"),
                ..CarrierSettings::clone(&settings)
            };
            self.meanwhile(Box::pin(MediaSocket::connect(&forged, &url))).await?
        } else {
            self.meanwhile(Box::pin(MediaSocket::connect(&settings, &url))).await?
        };
        Ok((socket, (Instant::now() - before).as_secs_f64() * 1_000.0))
    }

    /// Sends a stream's callback beside the call.
    fn tell_stream(&mut self, noun: &StreamNoun, sid: &StreamSid, event: (&'static str, Option<String>)) {
        let Some(url) = noun.status_callback.clone() else {
            return;
        };
        let fields = fields::stream_status(
            &self.settings.account_sid,
            &self.sid,
            (sid, noun.name.as_deref()),
            event,
        );
        let (webhooks, settings) = (self.webhooks.clone(), Arc::clone(&self.settings));
        let method = noun.status_method;
        self.telling.spawn(async move {
            let before = Instant::now();
            let result = webhooks.send(&settings, method, &url, &fields).await;
            ((Instant::now() - before).as_secs_f64() * 1_000.0, result)
        });
    }

    /// Waits until the callbacks of streams have been sent.
    pub(crate) async fn streams_told(&mut self) {
        while let Some(told) = self.telling.join_next().await {
            let Ok((took_ms, result)) = told else { continue };
            self.log(What::Webhook {
                purpose: Purpose::StreamStatus,
                status: result
                    .as_ref()
                    .map_or_else(|fault| fault.status, |reply| Some(reply.status)),
                took_ms,
            });
            if let Err(fault) = result {
                self.warn(fault.code, &fault.detail);
            }
        }
    }
}
