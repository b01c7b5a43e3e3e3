//! Callers who want a person, and callers whom only keys can help.

use super::{
    agenda::Pending,
    assistant::Field,
    phrase::Phrase,
    talk::{Reply, ScriptBrain},
};
use crate::brain::{Handover, introduction};

impl ScriptBrain {
    /// The caller wants a person: hands them over when somebody is there (`true`), or promises a call back.
    pub(super) fn want_person(&mut self, reply: &mut Reply) -> bool {
        if !self.state.person_wanted {
            self.note("Pidió hablar con una persona.");
        }
        self.state.person_wanted = true;
        let lines = self.assistant.lines.clone();
        reply.transfer = self.handover();
        self.state.transferring = reply.transfer.is_some();
        if self.state.transferring {
            self.say_later(reply, lines.transfer.as_ref());
        } else {
            self.say(reply, &lines.person);
        }
        self.state.transferring
    }

    /// To whom the caller can be handed now: not to somebody who has just not answered.
    pub(super) fn handover(&self) -> Option<Handover> {
        let destination = self.person.clone().filter(|_| !self.state.nobody_answered)?;
        let draft = &self.state.fields.draft;
        let summary = introduction::of(draft, &self.assistant.business, self.assistant.language);
        Some(Handover { destination, summary })
    }

    /// Offers keys when words have failed twice where keys can answer.
    pub(super) fn offer_keys(&self, reply: &mut Reply) {
        if self.state.lost != 2 {
            return;
        }
        let lines = &self.assistant.lines;
        let phrase = match self.state.pending {
            Pending::ConfirmEmail | Pending::ConfirmPhone | Pending::OfferPhone => lines.keys_yes_no.as_ref(),
            Pending::Field(Field::Phone) => lines.keys_phone.as_ref(),
            _ => None,
        };
        self.say_later(reply, phrase);
    }

    pub(super) fn say_later(&self, reply: &mut Reply, phrase: Option<&Phrase>) {
        if let Some(phrase) = phrase {
            self.say(reply, phrase);
        }
    }
}
