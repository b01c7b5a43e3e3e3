//! What a person hears alone before the caller is joined: the document of a noun's `url`.

use talia_twilio::error_codes::SCHEMA_VALIDATION_WARNING;

use super::leg::Leg;
use crate::{
    call::{Call, Flow},
    events::{Purpose, What},
    gather::Keys,
    passing::{Grid, frame_of},
    twiml::{self, Document, Gather, Target, Verb},
};

/// Documents in one whisper.
const MAX_DOCUMENTS: usize = 20;

/// What follows a verb.
enum After {
    Next,
    Fetch(Target, Vec<(String, String)>),
    /// The person is gone, or was sent away.
    Gone,
}

impl Call {
    /// Executes the whisper; true: the caller is joined. The caller goes on hearing the line ring.
    pub(super) async fn whisper(&mut self, leg: &mut Leg, target: Target) -> Result<bool, Flow> {
        let mut next = Some((target, Vec::new()));
        let mut documents = 0;
        while let Some((target, extra)) = next.take() {
            documents += 1;
            // A document that can't be had ends the person's call, as it would end any.
            let document = match self.whispered(leg, &target, &extra).await {
                Some(document) if documents <= MAX_DOCUMENTS => document,
                _ => return Ok(false),
            };
            for verb in &document.verbs {
                match self.whisper_verb(leg, verb, &document.url).await? {
                    After::Next => {}
                    After::Gone => return Ok(false),
                    After::Fetch(target, extra) => {
                        next = Some((target, extra));
                        break;
                    }
                }
            }
        }
        Ok(true)
    }

    async fn whispered(&mut self, leg: &Leg, target: &Target, extra: &[(String, String)]) -> Option<Document> {
        let mut told = leg.fields.with_status(leg.status);
        told.extend_from_slice(extra);
        let reply = match self.request(Purpose::Whisper, target, &told).await {
            Ok(reply) => reply,
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                return None;
            }
        };
        if let Err(fault) = twiml::check_content_type(reply.content_type.as_deref()) {
            self.warn(fault.code, &fault.detail);
            return None;
        }
        self.read(&reply.body, &reply.url).ok()
    }

    async fn whisper_verb(&mut self, leg: &mut Leg, verb: &Verb, base: &str) -> Result<After, Flow> {
        self.log(What::Whisper {
            name: verb.name().to_owned(),
            text: match verb {
                Verb::Say { text, .. } => Some(text.clone()),
                _ => None,
            },
        });
        match verb {
            Verb::Say { .. } | Verb::Play { .. } | Verb::Pause { .. } => {
                let (samples, ms, times) = self.sound(verb, base).await;
                for _ in 0..times {
                    if ms == 0 {
                        break;
                    }
                    if !self.alone(leg, &samples, (ms, false)).await? {
                        return Ok(After::Gone);
                    }
                }
                Ok(After::Next)
            }
            Verb::Gather(gather) => self.whisper_gather(leg, gather, base).await,
            Verb::Redirect(to) => Ok(After::Fetch(to.from(base), Vec::new())),
            Verb::Hangup => Ok(After::Gone),
            other => {
                let warning = format!("<{}> isn't executed in a whisper", other.name());
                self.warn(SCHEMA_VALIDATION_WARNING, &warning);
                Ok(After::Next)
            }
        }
    }

    async fn whisper_gather(&mut self, leg: &mut Leg, gather: &Gather, base: &str) -> Result<After, Flow> {
        let mut keys = Keys::new(gather);
        leg.keys.clear();
        for verb in &gather.verbs {
            let (samples, ms, _) = self.sound(verb, base).await;
            if leg.keys.is_empty() && !self.alone(leg, &samples, (ms, true)).await? {
                return Ok(After::Gone);
            }
        }
        loop {
            while let Some(key) = leg.keys.pop_front() {
                if gather.keys && keys.take(key) {
                    leg.keys.clear();
                    return Ok(gathered(keys, gather, base));
                }
            }
            if !self.alone(leg, &[], (gather.timeout_s * 1_000, true)).await? {
                return Ok(After::Gone);
            }
            if leg.keys.is_empty() {
                return Ok(gathered(keys, gather, base));
            }
        }
    }

    /// Lets the person hear samples for so many milliseconds, or until a key where that is asked for. False: the person
    /// is gone.
    async fn alone(&mut self, leg: &mut Leg, samples: &[i16], (ms, to_key): (u64, bool)) -> Result<bool, Flow> {
        let mut grid = Grid::new(None);
        while (grid.frames() as u64) * 20 < ms {
            if let Some(call_ms) = self.caller_hears_ringing(&mut grid, false).await? {
                let heard = frame_of(samples, grid.frames() - 1);
                let person = leg.frame(call_ms, &heard, &mut self.journal);
                if person.left {
                    return Ok(false);
                }
                if to_key && !leg.keys.is_empty() {
                    break;
                }
            }
        }
        Ok(true)
    }
}

fn gathered(keys: Keys<'_>, gather: &Gather, base: &str) -> After {
    match keys.told() {
        Some(told) => After::Fetch(gather.target(base), told),
        None => After::Next,
    }
}
