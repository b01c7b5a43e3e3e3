//! What a piece of speech held: the fields a caller gave and how they behaved.

use std::fmt;

use super::correction::Correction;
use super::phone::Phone;

/// Everything that one piece of recognised speech said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// The caller's own name.
    pub name: Option<PersonName>,
    /// An e-mail address, as ranked readings of what was dictated.
    pub email: Option<Candidates<Email>>,
    /// A valid telephone number.
    pub phone: Option<Phone>,
    /// The company the caller speaks for.
    pub company: Option<String>,
    /// Yes, no or unsure.
    pub agreement: Option<Agreement>,
    /// A correction of something said before; apply it with `correction::amend_*`.
    pub correction: Option<Correction>,
    /// All digits said, in order (e.g. an incomplete telephone number or a code).
    pub digits: Option<String>,
    /// A word spelled letter by letter, in lower case.
    pub spelled: Option<String>,
    /// Asks for a human being.
    pub wants_person: bool,
    /// Asks whether a machine is speaking.
    pub asks_if_machine: bool,
    /// Takes leave.
    pub says_goodbye: bool,
    /// Asks to hear the last sentence again.
    pub asks_repeat: bool,
    /// Asks for a moment ("déjame ver").
    pub thinks: bool,
    /// Refuses or cannot give what was asked ("no tengo correo", "prefiero no darlo").
    pub declines: bool,
    /// Addresses the speaker as "usted".
    pub usted: bool,
}

/// A person's name, capitalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonName {
    /// Given names and surnames as said.
    pub full: String,
    /// Given names ("José Luis").
    pub given: String,
    /// Surnames ("de la Cruz Gómez"), when any was said.
    pub surname: Option<String>,
}

/// An e-mail address that is valid by RFC 5321's grammar, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Checks and keeps an address; nothing if it is not a valid one with a dotted domain.
    pub fn new(address: &str) -> Option<Self> {
        let address = address.to_lowercase();
        let domain = address.rsplit_once('@')?.1;
        let dotted = domain.contains('.') && !domain.ends_with('.');
        (dotted && email_address::EmailAddress::is_valid(&address)).then_some(Self(address))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the at sign.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the at sign.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One reading of what was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<T> {
    /// The reading.
    pub value: T,
    /// How likely it is to be right, 0 to 1. A rank, not a calibrated probability.
    pub confidence: f32,
}

/// Readings of one thing, best first, never empty and never two alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates<T>(Vec<Candidate<T>>);

impl<T: PartialEq> Candidates<T> {
    /// How many readings are kept.
    const KEPT: usize = 5;

    /// Ranks readings; nothing if there are none.
    pub fn rank(readings: Vec<Candidate<T>>) -> Option<Self> {
        let mut sorted = readings;
        sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut ranked: Vec<Candidate<T>> = Vec::with_capacity(Self::KEPT);
        for reading in sorted {
            if ranked.len() < Self::KEPT && ranked.iter().all(|kept| kept.value != reading.value) {
                ranked.push(reading);
            }
        }
        (!ranked.is_empty()).then_some(Self(ranked))
    }

    /// The best reading.
    pub fn best(&self) -> &Candidate<T> {
        &self.0[0]
    }

    /// All readings, best first.
    pub fn iter(&self) -> std::slice::Iter<'_, Candidate<T>> {
        self.0.iter()
    }
}

impl<'a, T: PartialEq> IntoIterator for &'a Candidates<T> {
    type Item = &'a Candidate<T>;
    type IntoIter = std::slice::Iter<'a, Candidate<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// How the caller answers a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// "Sí", "correcto", "así es".
    Yes,
    /// "No", "incorrecto", "para nada".
    No,
    /// "No sé", "tal vez".
    Unsure,
}
