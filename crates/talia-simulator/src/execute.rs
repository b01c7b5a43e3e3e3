//! The verbs of a document, one after the other.

use talia_twilio::{
    CallStatus,
    error_codes::{HTTP_RETRIEVAL_FAILURE, SCHEMA_VALIDATION_WARNING},
};

use crate::{
    call::{Call, Flow},
    events::{EndedBy, Purpose, What},
    passing::Source,
    sounds,
    twiml::{Document, Target, Verb, resolve},
    webhook::Method,
};

/// A key's tone, and its `w`, in milliseconds.
const KEY_MS: u64 = 200;
const WAIT_MS: u64 = 500;
/// A recording that isn't a WAV of 16 bits is heard as sounds without words for so long, in milliseconds.
const OTHER_RECORDING_MS: u64 = 2_000;

impl Call {
    pub(crate) async fn execute(&mut self, document: Document) -> Flow {
        for (index, verb) in document.verbs.iter().enumerate() {
            self.log(What::Verb {
                name: verb.name().to_owned(),
                text: match verb {
                    Verb::Say { text, .. } => Some(text.clone()),
                    _ => None,
                },
            });
            if let Verb::Reject { reason } = verb {
                if index == 0 && self.status == CallStatus::Ringing {
                    let busy = reason == "busy";
                    self.tell_status(if busy { CallStatus::Busy } else { CallStatus::NoAnswer });
                    return Flow::End(EndedBy::Rejected);
                }
                self.warn(SCHEMA_VALIDATION_WARNING, "<Reject> isn't the first verb");
                continue;
            }
            if self.status == CallStatus::Ringing && !matches!(verb, Verb::Redirect(_)) {
                self.tell_status(CallStatus::InProgress);
            }
            let flow = self.verb(verb, &document.url).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
        }
        Flow::End(EndedBy::Document)
    }

    async fn verb(&mut self, verb: &Verb, base: &str) -> Flow {
        match verb {
            Verb::Connect { action, stream } => {
                let action = action.as_ref().map(|action| action.from(base));
                self.connect(stream, base, action).await
            }
            Verb::Say { .. } | Verb::Play { .. } | Verb::Pause { .. } => {
                let (samples, ms, times) = self.sound(verb, base).await;
                for _ in 0..times {
                    match self.play(&samples, ms, Source::Document).await {
                        Flow::Next if ms > 0 => {}
                        other => return other,
                    }
                }
                Flow::Next
            }
            Verb::Gather(gather) => self.gather(gather, base).await,
            Verb::Redirect(to) => Flow::Fetch(Purpose::Document, to.from(base), Vec::new()),
            Verb::Dial(dial) => self.dial(dial, base).await,
            // `Reject` behind the first verb was warned of already.
            Verb::Hangup | Verb::Reject { .. } => Flow::End(EndedBy::Document),
        }
    }

    /// What a `<Say>`, `<Play>` or `<Pause>` sounds like, how long it lasts in milliseconds, and how often it comes.
    pub(crate) async fn sound(&mut self, verb: &Verb, base: &str) -> (Vec<i16>, u64, u32) {
        match verb {
            Verb::Say { text, voice, times } => {
                let (samples, ms) = self.spoken(text, voice.as_deref()).await;
                (samples, ms, *times)
            }
            Verb::Play { digits, times, .. } if !digits.is_empty() => {
                let waits = digits.chars().filter(|key| key.eq_ignore_ascii_case(&'w')).count() as u64;
                let ms = waits * WAIT_MS + (digits.len() as u64 - waits) * KEY_MS;
                (sounds::murmur(digits, ms), ms, *times)
            }
            Verb::Play { url, times, .. } => {
                let samples = self.recording_at(url, base).await;
                let ms = sounds::lasts_ms(&samples);
                (samples, ms, *times)
            }
            Verb::Pause { length_s } => (Vec::new(), length_s * 1_000, 1),
            _ => (Vec::new(), 0, 1),
        }
    }

    /// With the carrier's speaker, or as syllables whose length follows the text.
    async fn spoken(&mut self, text: &str, voice: Option<&str>) -> (Vec<i16>, u64) {
        if let Some(speaker) = self.speaker.clone() {
            let (text, voice) = (text.to_owned(), voice.map(str::to_owned));
            let spoken = async move { speaker.speak(&text, voice.as_deref()).await };
            match self.meanwhile(spoken).await {
                Ok(samples) => {
                    let ms = sounds::lasts_ms(&samples);
                    return (samples, ms);
                }
                Err(fault) => self.phone.listener_faults.push(fault.to_string()),
            }
        }
        let ms = text.chars().count() as u64 * self.settings.say_ms_per_char;
        (sounds::murmur(text, ms), ms)
    }

    /// A recording of the server; nothing when it can't be had.
    async fn recording_at(&mut self, url: &str, base: &str) -> Vec<i16> {
        let target = Target {
            url: resolve(base, url),
            method: Method::Get,
        };
        let (webhooks, settings) = (self.webhooks.clone(), self.settings.clone());
        let fetched = async move { webhooks.send(&settings, target.method, &target.url, &[]).await };
        match self.meanwhile(fetched).await {
            Ok(reply) => {
                let audio = reply
                    .content_type
                    .as_deref()
                    .is_some_and(|kind| kind.starts_with("audio/"));
                if let Some(samples) = sounds::read_wave(&reply.body) {
                    samples
                } else if audio {
                    sounds::murmur("una grabación que no se puede leer", OTHER_RECORDING_MS)
                } else {
                    self.warn(HTTP_RETRIEVAL_FAILURE, "a <Play> of something that is no recording");
                    Vec::new()
                }
            }
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                Vec::new()
            }
        }
    }
}
