//! Every model is gone: the script goes on, with the lead as far as it is known.

use super::mind::LlmBrain;
use crate::brain::{Brain as _, LeadDraft};
use talia_dialogue::{Cue, CueId};

impl LlmBrain {
    /// Nobody answers this turn: the script does.
    pub(super) fn give_up(&mut self) {
        let Some(turn) = &self.turn else { return };
        let cue = turn.cue;
        // Who was answered in part is asked on; who was not is answered.
        let words = Some(turn.words.clone()).filter(|words| turn.said.is_empty() && !words.is_empty());
        self.abandon_turn();
        self.hand_to_script();
        self.script.take_over(cue, words.as_deref(), !self.apologised);
        self.scripted = true;
        self.scripted_turns = true;
    }

    /// A cue that the script answers.
    pub(super) fn ask_script(&mut self, cue: CueId, about: Cue) {
        self.drop_ahead();
        if !self.scripted {
            self.hand_to_script();
        }
        self.history.begin(cue, None);
        if let Cue::Turn { text, .. } = &about {
            self.history.caller(text);
        }
        self.script.think(cue, about);
        self.scripted_turns |= self.scripted;
    }

    /// The script learns what the models have found out; what it knows already is the same or older.
    fn hand_to_script(&mut self) {
        if !self.scripted {
            self.script.inherit(self.toolbox.lead(), self.expected, false);
        }
    }

    pub(super) fn script_lead(&self) -> LeadDraft {
        self.script.lead()
    }
}
