//! The script in the place of a model that is gone: with the model's lead, and with what it had just asked.

use super::{
    agenda::Pending,
    assistant::{Field, Lines},
    phrase::Phrase,
    talk::{Reply, ScriptBrain},
};
use crate::brain::LeadDraft;
use talia_dialogue::{Cue, CueId, TurnId};
use talia_spanish::Expectation;

impl ScriptBrain {
    /// Knows from now on what another brain has found out, and what that one has asked last.
    pub(in crate::brain) fn inherit(&mut self, lead: LeadDraft, asked: Expectation, usted: bool) {
        let state = &mut self.state;
        state.pending = match asked {
            Expectation::Name => Pending::Field(Field::Name),
            Expectation::Email | Expectation::Spelled => Pending::Field(Field::Email),
            Expectation::Phone | Expectation::Digits => Pending::Field(Field::Phone),
            Expectation::Company => Pending::Field(Field::Company),
            Expectation::ConfirmEmail if lead.email.is_some() => Pending::ConfirmEmail,
            Expectation::ConfirmPhone if lead.phone.is_some() => Pending::ConfirmPhone,
            Expectation::ConfirmPhone => Pending::OfferPhone,
            _ if lead.purpose.is_none() => Pending::Field(Field::Need),
            _ => Pending::Nothing,
        };
        state.question_heard = true;
        state.fields.draft = lead;
        state.usted |= usted;
    }

    /// Goes on in the place of another brain, with an apology in a word: answers the caller's `words`, or asks what is
    /// still open.
    pub(in crate::brain) fn take_over(&mut self, cue: CueId, words: Option<&str>, apologise: bool) {
        let known = self.state.fields.draft.clone();
        let lines = self.assistant.lines.clone();
        let mut reply = Reply::default();
        if apologise {
            self.say_later(&mut reply, lines.took_over.as_ref());
        }
        match words {
            Some(words) => self.turn(&mut reply, words),
            None => self.ask_next(&mut reply),
        }
        let about = Cue::Turn {
            turn: TurnId(0),
            text: String::new(),
            revises: None,
        };
        self.give(cue, reply, &known, &about);
    }

    /// A phrase of the assistant, its gaps filled; `None` where something for a gap is missing.
    pub(in crate::brain) fn phrase(&self, which: impl FnOnce(&Lines) -> Option<&Phrase>) -> Option<String> {
        which(&self.assistant.lines).and_then(|phrase| self.line(phrase))
    }

    /// Whether the caller is addressed as *usted*.
    pub(in crate::brain) fn is_formal(&self) -> bool {
        self.state.usted
    }

    /// The caller used *usted*.
    pub(in crate::brain) fn be_formal(&mut self) {
        self.state.usted = true;
    }
}
