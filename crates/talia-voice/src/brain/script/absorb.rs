//! Takes from the caller's words what they hold: fields, agreement, corrections.

use super::{
    agenda::Pending,
    assistant::Field,
    fields::TRIES,
    greeting::{is_greeting, without_greeting},
    questions::without_questions,
    talk::{Reply, ScriptBrain, has_field},
};
use talia_spanish::ear::{self, Agreement, Heard};

impl ScriptBrain {
    /// Takes from the caller's words what they hold. `true` when anything was understood.
    pub(super) fn absorb(
        &mut self,
        reply: &mut Reply,
        text: &str,
        heard: &Heard,
        pending: Pending,
        is_question: bool,
    ) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut understood = false;
        // Only right after the name was repeated: later corrections are about later things.
        let name_is_fresh = std::mem::take(&mut self.state.name_is_fresh);

        if let Some(name) = &heard.name {
            let is_news = self.state.fields.draft.name.as_deref() != Some(name.full.as_str());
            let is_correction = self.state.fields.draft.name.is_some();
            if is_news {
                self.state.fields.draft.name = Some(name.full.clone());
                let phrase = if is_correction {
                    &lines.corrected
                } else {
                    &lines.name_noted
                };
                self.say(reply, phrase);
                self.state.name_is_fresh = true;
            }
            understood = true;
        }
        if let (None, Some(_), Some(name), true) = (
            &heard.name,
            &heard.correction,
            self.state.fields.draft.name.clone(),
            name_is_fresh,
        ) {
            let surname = name.split_whitespace().last().unwrap_or_default().to_lowercase();
            if let Some(amended) = ear::correction::amend_name(&name, text, assistant.language) {
                self.state.fields.draft.name = Some(amended.full);
                self.say(reply, &lines.corrected);
                understood = true;
            } else if text.to_lowercase().contains(&surname) {
                // "Herrera, con doble erre": it is written so already.
                self.say(reply, &lines.name_noted);
                understood = true;
            }
        }
        understood |= self.absorb_email(reply, text, heard, pending);
        understood |= self.absorb_phone(reply, text, heard, pending);
        if let Some(company) = &heard.company {
            if self.state.fields.draft.company.as_deref() != Some(company.as_str()) {
                self.state.fields.draft.company = Some(company.clone());
                if pending == Pending::Field(Field::Company) {
                    self.say(reply, &lines.company_noted);
                }
            }
            understood = true;
        } else if pending == Pending::Field(Field::Company)
            && (heard.agreement == Some(Agreement::No) || heard.declines)
        {
            self.state.fields.without_company = true;
            self.say(reply, &lines.company_none);
            understood = true;
        }
        match pending {
            Pending::Field(Field::Need) if !is_greeting(text) => {
                let plain = !heard.wants_person && !heard.asks_if_machine && !heard.says_goodbye;
                // What somebody asks is not yet what they need.
                let statement = without_questions(text, assistant.language);
                let need = without_greeting(&statement);
                let is_need = !is_greeting(need) && ear::listening::word_count(need) >= 2;
                if plain && self.state.fields.draft.purpose.is_none() && is_need {
                    self.state.fields.draft.purpose = Some(need.to_owned());
                    if !is_question && reply.said.is_empty() {
                        self.say(reply, &lines.need_noted);
                    }
                    understood = true;
                }
            }
            Pending::Field(Field::Need) => understood = true,
            Pending::AnythingElse if heard.agreement == Some(Agreement::No) => {
                self.state.done = true;
                understood = true;
            }
            Pending::AnythingElse if !is_question && !has_field(heard) => match heard.agreement {
                Some(Agreement::Yes) => {
                    // "Sí" alone invites the caller to go on; "sí, está bien, gracias" closes.
                    understood = true;
                    self.state.done = heard.says_goodbye;
                    if !self.state.done {
                        self.say(reply, &assistant.greeting);
                        self.ask_as(Pending::AnythingElse, self.line(&assistant.greeting));
                    }
                }
                _ if ear::listening::word_count(text) >= 3 && !heard.says_goodbye => {
                    self.note(text.trim());
                    self.say(reply, &lines.unknown_answer);
                    understood = true;
                }
                _ => {}
            },
            _ => {}
        }
        understood
    }

    pub(super) fn absorb_email(&mut self, reply: &mut Reply, text: &str, heard: &Heard, pending: Pending) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let current = self.state.fields.draft.email.clone();
        let said_no = heard.agreement == Some(Agreement::No) || heard.declines;
        if let Some(candidates) = &heard.email {
            let name = self.state.fields.draft.name.as_deref().unwrap_or_default();
            let ranked = ear::email::prefer_known_name(candidates, name);
            let emails: Vec<String> = ranked.iter().map(|candidate| candidate.value.to_string()).collect();
            let repeated = current.as_ref().is_some_and(|current| emails.first() == Some(current));
            if repeated && !said_no {
                // The caller said it again, letter for letter: that is a yes.
                self.state.fields.draft.email_confirmed = true;
                self.say(reply, &lines.email_noted);
                return true;
            }
            if let Some(current) = &current
                && emails.first() != Some(current)
            {
                self.state.fields.refused_emails.push(current.clone());
                self.say(reply, &lines.corrected);
            }
            return self.state.fields.offer_emails(emails);
        }
        let about_email = pending == Pending::ConfirmEmail || (current.is_some() && heard.correction.is_some());
        if let (true, Some(current)) = (about_email, &current) {
            if heard.agreement == Some(Agreement::Yes) && heard.correction.is_none() && pending == Pending::ConfirmEmail
            {
                self.state.fields.draft.email_confirmed = true;
                self.say(reply, &lines.email_noted);
                return true;
            }
            if let Some(amended) = ear::correction::amend_email(current, text, assistant.language)
                && amended != *current
            {
                self.state.fields.refused_emails.push(current.clone());
                self.say(reply, &lines.corrected);
                return self.state.fields.offer_emails([amended]);
            }
            if said_no && pending == Pending::ConfirmEmail {
                self.state.fields.refuse_email();
                if self.tries(Pending::Field(Field::Email)) + self.state.fields.refused_emails.len() > TRIES + 2 {
                    self.state.fields.without_email = true;
                    self.state.fields.draft.email = None;
                    self.say(reply, &lines.email_given_up);
                }
                return true;
            }
        }
        if pending == Pending::Field(Field::Email) && said_no {
            self.state.fields.without_email = true;
            self.say(reply, &lines.email_given_up);
            return true;
        }
        false
    }

    pub(super) fn absorb_phone(&mut self, reply: &mut Reply, text: &str, heard: &Heard, pending: Pending) -> bool {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let said_no = heard.agreement == Some(Agreement::No) || heard.declines;
        if let Some(phone) = &heard.phone {
            let repeated = self.state.fields.draft.phone.as_deref() == Some(phone.e164.as_str());
            if repeated && !said_no {
                self.state.fields.draft.phone_confirmed = true;
                self.say(reply, &lines.phone_noted);
                return true;
            }
            if self.state.fields.draft.phone.is_some() {
                self.state.fields.refuse_phone();
                self.say(reply, &lines.corrected);
            }
            return self.state.fields.offer_phone(phone.e164.clone());
        }
        if let (Pending::ConfirmPhone, Some(_), Some(number)) =
            (pending, &heard.correction, self.state.fields.draft.phone.clone())
        {
            let country = ear::Country::from_iso(&assistant.country).unwrap_or_default();
            let current = ear::phone::read(&number, assistant.language, country);
            let amended = current.and_then(|current| ear::correction::amend_phone(&current, text, assistant.language));
            if let Some(amended) = amended {
                self.state.fields.refuse_phone();
                self.say(reply, &lines.corrected);
                return self.state.fields.offer_phone(amended.e164);
            }
        }
        match (pending, heard.agreement) {
            (Pending::OfferPhone, Some(Agreement::Yes)) => {
                if let Some(number) = self.caller_number.clone() {
                    self.state.fields.offer_phone(number);
                    self.state.fields.draft.phone_confirmed = true;
                    self.say(reply, &lines.phone_noted);
                }
                true
            }
            (Pending::OfferPhone, Some(Agreement::No)) => {
                if let Some(number) = self.caller_number.clone() {
                    self.state.fields.refused_phones.push(number);
                }
                true
            }
            (Pending::ConfirmPhone, Some(Agreement::Yes)) => {
                self.state.fields.draft.phone_confirmed = true;
                self.say(reply, &lines.phone_noted);
                true
            }
            (Pending::ConfirmPhone, Some(Agreement::No)) => {
                self.state.fields.refuse_phone();
                if self.state.fields.refused_phones.len() >= TRIES {
                    self.state.fields.without_phone = true;
                    self.say(reply, &lines.phone_given_up);
                }
                true
            }
            (Pending::Field(Field::Phone), _) if said_no => {
                self.state.fields.without_phone = true;
                self.say(reply, &lines.phone_given_up);
                true
            }
            _ => false,
        }
    }
}
