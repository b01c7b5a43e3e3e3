//! Who wants no more calls is told so in our own words and let go: no model decides about it.

use super::mind::LlmBrain;
use crate::brain::Thought;
use talia_dialogue::{Cue, CueId, SpeechKind};
use talia_spanish::{Expectation, ear};

impl LlmBrain {
    /// Whether the caller was let go because of these words, or of those that they revise and that say the same.
    pub(super) fn lets_go(&mut self, cue: CueId, about: &Cue) -> bool {
        let (words, revises) = match about {
            Cue::Turn { text, revises, .. } => (text, *revises),
            Cue::Resumed { words, .. } => (words, None),
            _ => return false,
        };
        if revises.is_some() && revises == self.refused {
            // Who goes on ("… antes de las cinco") has not said it after all.
            self.refused = None;
        }
        // Promised only where there is a number that can be kept from being called.
        if self.caller_number.is_none() || !ear::refuses_calls(words) {
            return false;
        }
        let Some(understood) = self.script.phrase(|lines| lines.do_not_call.as_ref()) else {
            return false;
        };
        self.refused.get_or_insert(cue);
        self.drop_ahead();
        self.history.begin(cue, revises);
        self.history.caller(words);
        self.say_phrase(cue, &understood, SpeechKind::Goodbye);
        self.expected = Expectation::Open;
        self.send(cue, Thought::Expect(self.expected));
        self.send(cue, Thought::EndCall);
        self.send(cue, Thought::Done);
        true
    }
}
