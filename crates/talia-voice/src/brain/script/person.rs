//! Callers who want a person, and callers whom only keys can help.

use super::{
    agenda::Pending,
    assistant::Field,
    phrase::Phrase,
    talk::{Reply, ScriptBrain},
};
use crate::brain::Handover;
use talia_spanish::Language;

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
        let summary = self.summary_for_person();
        Some(Handover { destination, summary })
    }

    /// One sentence that tells who is calling and why.
    fn summary_for_person(&self) -> String {
        let draft = &self.state.fields.draft;
        let business = &self.assistant.business;
        let need = draft.purpose.as_deref().map(str::trim).filter(|need| !need.is_empty());
        match self.assistant.language {
            Language::Spanish => {
                let who = draft.name.as_deref().unwrap_or("una persona que no dio su nombre");
                let company = draft
                    .company
                    .as_deref()
                    .map_or(String::new(), |company| format!(", de {company}"));
                let need = need.map_or(String::new(), |need| format!("; llama por esto: {need}"));
                format!("Llamada de {business} con {who}{company}{need}")
            }
            Language::English => {
                let who = draft.name.as_deref().unwrap_or("a caller who gave no name");
                let company = draft
                    .company
                    .as_deref()
                    .map_or(String::new(), |company| format!(", of {company}"));
                let need = need.map_or(String::new(), |need| format!("; calling about this: {need}"));
                format!("A call for {business} with {who}{company}{need}")
            }
        }
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
