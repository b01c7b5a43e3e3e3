//! Who wants no more calls is told so in our own words and let go: no model decides about it.
//!
//! The caller's words come while the model answers already: then its answer is dropped. What comes after the answer was
//! complete is made good with the next thing that the brain is asked.

use super::RealtimeBrain;
use crate::brain::{Sensed, Thought};
use talia_dialogue::{Cue, CueId, SpeechKind};
use talia_spanish::{Expectation, ear};

/// No cue of this stream.
const BEFORE: CueId = CueId(0);

/// Whether the caller has asked not to be called any more.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// With what they have said since we last spoke: who goes on may take it back.
    now: bool,
    /// Before that.
    earlier: bool,
    /// The answer that tells them that we have understood; [`BEFORE`] in an earlier stream of the call.
    told: Option<CueId>,
}

impl RealtimeBrain {
    pub(super) fn refuses(&self) -> bool {
        self.refusal.now || self.refusal.earlier
    }

    /// It was said in an earlier stream of the call.
    pub(super) fn recall_refusal(&mut self) {
        self.refusal.earlier = true;
        self.refusal.told = Some(BEFORE);
    }

    /// Nobody wants this answer any more: if it let the caller go, they have gone on and are heard out first.
    pub(super) fn untell(&mut self, cue: CueId) {
        self.refusal.told.take_if(|told| *told == cue);
    }

    /// We have spoken: what was said before that stands.
    pub(super) fn settle_refusal(&mut self) {
        self.refusal.earlier |= std::mem::take(&mut self.refusal.now);
    }

    /// The caller has said something: all since we last spoke is looked at again.
    pub(super) fn look_for_refusal(&mut self) {
        let words = self.last_words().unwrap_or_default();
        self.refusal.now = ear::refuses_calls(&words);
        if let Some(cue) = self.asked.as_ref().map(|asked| asked.cue) {
            self.lets_go(cue);
        }
    }

    /// Whether this cue comes from somebody who is let go, and was. What was said since we last spoke is not looked at:
    /// its end may not be written down yet.
    pub(super) fn lets_go_before(&mut self, cue: CueId, about: &Cue) -> bool {
        let asks = !matches!(about, Cue::Opening | Cue::Closing(_) | Cue::Filler);
        asks && self.refusal.earlier && self.lets_go(cue)
    }

    fn lets_go(&mut self, cue: CueId) -> bool {
        // Promised only where there is a number that can be kept from being called.
        if self.given_up || self.refusal.told.is_some() || !self.refuses() || self.caller_number.is_none() {
            return false;
        }
        let Some(understood) = self.assistant.lines.do_not_call.clone() else {
            return false;
        };
        self.refusal.told = Some(cue);
        self.asked = None;
        self.create_next = false;
        self.drop_held();
        self.cancel();
        self.end_spoken(|_| true, true);
        let text = self.phrase(&understood);
        self.say(cue, Some(text), SpeechKind::Goodbye);
        for thought in [Thought::Expect(Expectation::Open), Thought::EndCall, Thought::Done] {
            self.sensed.push_back(Sensed::Thought(cue, thought));
        }
        true
    }
}
