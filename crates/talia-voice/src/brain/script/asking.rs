//! Asks the next open question, and lets go of what can't be had.

use super::{
    agenda::{self, Pending},
    assistant::Field,
    fields::TRIES,
    phrase::fill,
    talk::{Reply, ScriptBrain},
};
use talia_spanish::tongue;

impl ScriptBrain {
    pub(super) fn ask_next(&mut self, reply: &mut Reply) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut next = agenda::next(
            &assistant,
            &self.state.fields,
            self.caller_number.is_some(),
            self.state.person_wanted,
        );
        // Read back again and again without a yes or a no: a person asks once more.
        if self.tries(next) > 2 * TRIES && self.let_go(next) {
            next = agenda::next(
                &assistant,
                &self.state.fields,
                self.caller_number.is_some(),
                self.state.person_wanted,
            );
        }
        if let Pending::Field(field) = next
            && self.tries(next) > TRIES
        {
            match field {
                Field::Need => self.state.fields.draft.purpose = Some(String::new()),
                Field::Name => self.state.fields.draft.name = None,
                Field::Email => self.state.fields.without_email = true,
                Field::Company => self.state.fields.without_company = true,
                Field::Phone => self.state.fields.without_phone = true,
            }
            next = if field == Field::Name {
                Pending::AnythingElse
            } else {
                agenda::next(
                    &assistant,
                    &self.state.fields,
                    self.caller_number.is_some(),
                    self.state.person_wanted,
                )
            };
        }
        let text = match next {
            Pending::Field(field) => {
                let question = assistant.questions.iter().find(|question| question.field == field);
                question.and_then(|question| {
                    let which = self.tries(next).min(question.ask.len() - 1);
                    self.line(&question.ask[which])
                })
            }
            Pending::ConfirmEmail => self.line(&lines.email_confirm),
            Pending::OfferPhone => self.phone_offer(),
            Pending::ConfirmPhone => self.line(&lines.phone_confirm),
            Pending::AnythingElse => {
                if self.tries(next) == 0 {
                    let summary = self.line(&lines.summary).filter(|_| !self.state.person_wanted);
                    if let Some(summary) = summary.or_else(|| self.line(&lines.summary_short)) {
                        reply.say(summary);
                    }
                }
                self.line(&lines.anything_else)
            }
            Pending::Nothing => None,
        };
        if let Some(text) = &text {
            reply.say(text.clone());
        }
        self.ask_as(next, text);
    }

    /// Gives up the confirmation that is asked for; what was nearly known stays as a note. `true` if it was one.
    pub(super) fn let_go(&mut self, confirmation: Pending) -> bool {
        let fields = &mut self.state.fields;
        let unsure = match confirmation {
            Pending::ConfirmEmail => {
                fields.without_email = true;
                fields
                    .draft
                    .email
                    .take()
                    .map(|email| format!("Correo sin confirmar: {email}."))
            }
            Pending::ConfirmPhone => {
                fields.without_phone = true;
                fields
                    .draft
                    .phone
                    .take()
                    .map(|phone| format!("Teléfono sin confirmar: {phone}."))
            }
            Pending::OfferPhone => {
                fields.without_phone = true;
                None
            }
            Pending::Nothing | Pending::Field(_) | Pending::AnythingElse => return false,
        };
        if let Some(note) = unsure {
            self.note(&note);
        }
        true
    }

    pub(super) fn ask_as(&mut self, pending: Pending, question: Option<String>) {
        *self.state.asked.entry(pending).or_default() += 1;
        self.state.pending = pending;
        self.state.question_heard = false;
        self.state.question = question;
    }

    pub(super) fn tries(&self, pending: Pending) -> usize {
        self.state.asked.get(&pending).copied().unwrap_or(0)
    }

    /// One concrete reason to go on, once, when the need is known.
    pub(super) fn benefit(&mut self, reply: &mut Reply) {
        let Some(need) = self
            .state
            .fields
            .draft
            .purpose
            .as_ref()
            .filter(|_| !self.state.benefit_said)
        else {
            return;
        };
        if self.state.person_wanted {
            return;
        }
        let need = need.to_lowercase();
        let words: Vec<&str> = need.split(|c: char| !c.is_alphanumeric()).collect();
        let assistant = self.assistant.clone();
        let fits = assistant
            .benefits
            .iter()
            .find(|benefit| benefit.when.iter().any(|word| words.contains(&word.as_str())))
            .or_else(|| assistant.benefits.iter().find(|benefit| benefit.when.is_empty()));
        if let Some(benefit) = fits {
            self.state.benefit_said = true;
            self.say(reply, &benefit.say);
        }
    }

    /// Sentences with this caller's own data that will be said unless something changes.
    pub(super) fn foreseen(&self) -> Vec<String> {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let draft = &self.state.fields.draft;
        let mut texts = Vec::new();
        if self.tries(Pending::OfferPhone) == 0 && draft.phone.is_none() {
            texts.extend(self.phone_offer());
        }
        if self.tries(Pending::AnythingElse) == 0 && draft.name.is_some() && draft.email_confirmed {
            texts.extend(self.line(&lines.summary));
        }
        texts
            .iter()
            .flat_map(|text| tongue::sentences(text))
            .map(|sentence| sentence.trim().to_owned())
            .collect()
    }

    pub(super) fn phone_offer(&self) -> Option<String> {
        let number = self.caller_number.as_deref()?;
        fill(
            self.assistant.lines.phone_offer.text(self.state.usted),
            |gap| match gap {
                "phone" => Some(number),
                own => self.assistant.own(own),
            },
        )
    }
}
