//! The lead of one call as tools fill it: what the caller confirmed stays until they confirm something else.

use super::consent::{self, Answer, Reading};
use crate::brain::LeadDraft;
use serde::{Deserialize, Serialize};
use talia_spanish::{
    Expectation,
    ear::{self, Agreement, Email},
};

/// Characters of a name or a company.
const LONGEST_NAME: usize = 100;
/// Characters of what the caller needs, and of notes.
const LONGEST_PURPOSE: usize = 300;
const LONGEST_NOTES: usize = 1_000;

/// Why a value is not taken. The text is for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("That is not a person's name. Ask the caller for their name again.")]
    Name,
    #[error("That is not a valid e-mail address. Ask the caller to say it again, or to spell it.")]
    Email,
    #[error("That is not a valid telephone number. Ask the caller for it again, with all its digits.")]
    Phone,
    #[error("That is not the name of a company. Ask the caller for it again.")]
    Company,
}

/// The fields of one call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Lead {
    pub(super) draft: LeadDraft,
    /// Values that would replace confirmed ones, once the caller confirms them.
    new_email: Option<String>,
    new_phone: Option<String>,
}

/// Whether a value was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It waits for the caller's yes.
    Waits,
    /// The caller has confirmed it.
    Confirmed,
}

impl Lead {
    pub(super) fn set_name(&mut self, text: &str) -> Result<String, Unfit> {
        let name = one_line(text);
        let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
        let fits = |letter: char| letter.is_alphabetic() || " .'’-".contains(letter);
        if letters < 2 || name.chars().count() > LONGEST_NAME || !name.chars().all(fits) {
            return Err(Unfit::Name);
        }
        let name = capitalised(&name);
        self.draft.name = Some(name.clone());
        Ok(name)
    }

    pub(super) fn set_company(&mut self, text: &str) -> Result<String, Unfit> {
        let company = one_line(text);
        let odd = |letter: char| "<>{}[]\\`|".contains(letter);
        let is_name = company.chars().any(char::is_alphanumeric) && !company.contains("://");
        if !is_name || company.chars().count() > LONGEST_NAME || company.contains(odd) {
            return Err(Unfit::Company);
        }
        self.draft.company = Some(company.clone());
        Ok(company)
    }

    /// Takes an address as it is written, or as it was dictated.
    pub(super) fn set_email(&mut self, text: &str, reading: Reading) -> Result<(String, Taken), Unfit> {
        let text = one_line(text);
        let dictated = || {
            let words = format!(" {} ", consent::folded(&text));
            let says_at = words.contains(" arroba ") || words.contains(" at ");
            let readings = ear::email::read(&text, Expectation::Email, reading.language)?;
            (says_at && !text.contains('@')).then(|| readings.best().value.clone())
        };
        let email = Email::new(&text).or_else(dictated).ok_or(Unfit::Email)?;
        let email = email.as_str().to_owned();
        // A number behind the last dot is an address of a machine.
        if !email
            .rsplit('.')
            .next()
            .is_some_and(|top| top.chars().all(char::is_alphabetic))
        {
            return Err(Unfit::Email);
        }
        let same = self.draft.email.as_deref() == Some(email.as_str());
        if self.draft.email_confirmed && same {
            self.new_email = None;
            return Ok((email, Taken::Confirmed));
        }
        if self.draft.email_confirmed {
            self.new_email = Some(email.clone());
        } else {
            self.draft.email = Some(email.clone());
        }
        Ok((email, Taken::Waits))
    }

    /// Takes a number in figures or words; without a country code it is one of the assistant's country.
    pub(super) fn set_phone(&mut self, text: &str, reading: Reading) -> Result<(String, Taken), Unfit> {
        let text = one_line(text);
        let figures: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        let only_figures = text.chars().all(|c| c.is_ascii_digit() || " +-.()".contains(c));
        let phone = if only_figures {
            ear::phone::from_digits(&figures, reading.country)
        } else {
            ear::phone::read(&text, reading.language, reading.country)
        };
        let phone = phone.ok_or(Unfit::Phone)?.e164;
        let same = self.draft.phone.as_deref() == Some(phone.as_str());
        if self.draft.phone_confirmed && same {
            self.new_phone = None;
            return Ok((phone, Taken::Confirmed));
        }
        if self.draft.phone_confirmed {
            self.new_phone = Some(phone.clone());
        } else {
            self.draft.phone = Some(phone.clone());
        }
        Ok((phone, Taken::Waits))
    }

    /// What the lead is closed with.
    pub(super) fn close(&mut self, purpose: &str, notes: &str) {
        let purpose = shortened(&one_line(purpose), LONGEST_PURPOSE);
        let notes = shortened(&one_line(notes), LONGEST_NOTES);
        if !purpose.is_empty() {
            self.draft.purpose = Some(purpose);
        }
        if !notes.is_empty() {
            self.draft.notes = Some(notes);
        }
    }

    /// Whether somebody can be reached: a person or company, and a way that the caller has confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.draft.is_usable() && (self.draft.email_confirmed || self.draft.phone_confirmed)
    }

    /// What a turn of the caller confirms: a value that was read out and answered with yes, or that they said again
    /// themselves. `own_number` is the number that is calling.
    pub(super) fn answered(&mut self, answer: &Answer, reading: Reading, own_number: Option<&str>) {
        if let Some(email) = self.waiting_email() {
            let read_out = |said: &String| consent::reads_out_email(said, &email, reading.language);
            let said_again = answer.heard.email.as_ref().is_some_and(|readings| {
                readings.best().value.as_str() == email && answer.heard.agreement != Some(Agreement::No)
            });
            if said_again || answer.yes_to.as_ref().is_some_and(read_out) {
                self.new_email = None;
                self.draft.email = Some(email);
                self.draft.email_confirmed = true;
            }
        }
        if let Some(phone) = self.waiting_phone() {
            let is_own = own_number == Some(phone.as_str());
            let read_out = |said: &String| {
                consent::reads_out_phone(said, &phone, reading) || (is_own && consent::offers_own_number(said))
            };
            let said_again = answer
                .heard
                .phone
                .as_ref()
                .is_some_and(|heard| heard.e164 == phone && answer.heard.agreement != Some(Agreement::No));
            if said_again || answer.yes_to.as_ref().is_some_and(read_out) {
                self.new_phone = None;
                self.draft.phone = Some(phone);
                self.draft.phone_confirmed = true;
            }
        }
    }

    fn waiting_email(&self) -> Option<String> {
        let unconfirmed = self.draft.email.clone().filter(|_| !self.draft.email_confirmed);
        self.new_email.clone().or(unconfirmed)
    }

    fn waiting_phone(&self) -> Option<String> {
        let unconfirmed = self.draft.phone.clone().filter(|_| !self.draft.phone_confirmed);
        self.new_phone.clone().or(unconfirmed)
    }
}

/// Single spaces, nothing that isn't text.
pub(super) fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !is_invisible(*letter))
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks of direction and width that change how a line looks and not what it says.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The first so many characters.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// A name in small letters gets its capitals; one that has any is left as it is.
fn capitalised(name: &str) -> String {
    if name.chars().any(char::is_uppercase) {
        return name.to_owned();
    }
    let small = ["de", "del", "la", "las", "los", "y"];
    let words = name.split(' ').map(|word| {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !small.contains(&word) => first.to_uppercase().chain(letters).collect(),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<String>>().join(" ")
}
