//! Goes on after a break: what is said first, and how counts are kept as JSON.

use super::talk::{Reply, ScriptBrain};
use talia_dialogue::{Resumption, SpeechKind};
use talia_spanish::ear::listening;

impl ScriptBrain {
    /// Says that the line was lost, then answers the caller's last `words`; without any, goes on from the first sentence
    /// that the caller didn't hear to its end, or asks the open question again.
    pub(super) fn resume(&mut self, reply: &mut Reply, words: &str, why: Resumption) {
        let lines = self.assistant.lines.clone();
        let unheard = std::mem::take(&mut self.state.unheard);
        // "Ajá" over an answer that was cut asks for the rest of that answer.
        let listened = !unheard.is_empty() && listening::is_backchannel(words, self.assistant.language);
        let words = if listened { "" } else { words };
        if why == Resumption::NobodyAnswered {
            self.state.nobody_answered = true;
            self.state.transferring = false;
            self.state.person_wanted = true;
            self.say_later(reply, lines.transfer_failed.as_ref());
            self.ask_next(reply);
            return;
        }
        if self.state.closing {
            // What is left of the goodbye, and no excuses for a line that had done its work.
            let left = if unheard.is_empty() {
                self.line(&lines.goodbye).into_iter().collect()
            } else {
                unheard
            };
            reply
                .said
                .extend(left.into_iter().map(|text| (text, SpeechKind::Goodbye)));
            reply.end = true;
            return;
        }
        self.say_later(reply, lines.resumed.as_ref());
        if !words.is_empty() {
            self.turn(reply, words);
            return;
        }
        if self.state.transferring {
            reply
                .said
                .extend(unheard.into_iter().map(|text| (text, SpeechKind::Answer)));
            reply.transfer = self.handover();
            return;
        }
        if unheard.is_empty() {
            reply.said.extend(
                self.state
                    .question
                    .clone()
                    .map(|question| (question, SpeechKind::Answer)),
            );
        } else {
            reply
                .said
                .extend(unheard.into_iter().map(|text| (text, SpeechKind::Answer)));
        }
    }
}

/// Counts by question, as a list: JSON's keys are texts.
pub(super) mod counts {
    use crate::brain::script::agenda::Pending;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::HashMap;

    pub(in crate::brain::script) fn serialize<S: Serializer>(
        counts: &HashMap<Pending, usize>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        counts.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(in crate::brain::script) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<HashMap<Pending, usize>, D::Error> {
        Vec::<(Pending, usize)>::deserialize(from).map(|counts| counts.into_iter().collect())
    }
}
