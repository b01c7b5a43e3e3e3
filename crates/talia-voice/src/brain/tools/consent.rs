//! What the caller agreed to, read from the lines of the transcript alone: a model's claim counts for nothing.
//!
//! A yes belongs to the question that was heard just before it. For an act that can't be taken back that question has
//! fixed words, and it must be the last thing that the caller heard; for an e-mail or a telephone it must hold the very
//! value. Asking for a person and saying goodbye need no question.

use serde::{Deserialize, Serialize};
use talia_dialogue::{Entry, Speaker};
use talia_spanish::{
    Expectation, Language,
    ear::{self, Agreement, Country, Heard},
};

/// How many turns of the caller a wish for a person stays good.
const PERSON_TURNS: u32 = 3;
/// The same for a goodbye: "adiós", and a last "sí, gracias".
const GOODBYE_TURNS: u32 = 1;
/// The same for a yes that nothing has been done with.
const YES_TURNS: u32 = 2;
/// Of what we said since the caller's last words, so many bytes are kept.
const LONGEST_ASKED: usize = 4_000;

/// The language and country that a caller's words are read in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) language: Language,
    pub(crate) country: Country,
}

/// What a caller agreed to so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Consent {
    /// Turns of the caller so far.
    pub(super) turn: u32,
    /// What the caller heard us say since their last words.
    asked: String,
    /// The caller has answered it: the next sentence of ours begins a new one.
    answered: bool,
    /// The act that a question was asked for, and the question.
    armed: Option<(String, String)>,
    /// The act that the caller said yes to, and in which turn.
    granted: Option<(String, u32)>,
    wanted_person: Option<u32>,
    said_goodbye: Option<u32>,
    /// The caller says *usted*.
    pub(super) usted: bool,
}

/// What one turn of the caller means for the fields that wait for a yes.
pub(super) struct Answer {
    /// What was asked, when the caller said yes to it and nothing else.
    pub(super) yes_to: Option<String>,
    /// What the caller said.
    pub(super) heard: Heard,
}

impl Consent {
    /// Takes in a line. Answers what a line of the caller's means.
    pub(super) fn heard(&mut self, entry: &Entry, reading: Reading) -> Option<Answer> {
        if entry.speaker == Speaker::Assistant {
            self.we_said(&entry.text);
            return None;
        }
        Some(self.caller_said(&entry.text, reading))
    }

    fn we_said(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if std::mem::take(&mut self.answered) {
            self.asked.clear();
        }
        if self.asked.len() + text.len() > LONGEST_ASKED {
            self.asked.clear();
        }
        if !self.asked.is_empty() {
            self.asked.push(' ');
        }
        self.asked.push_str(text.trim());
    }

    /// A turn of the caller, in words or by the keys for yes and no.
    pub(super) fn caller_said(&mut self, text: &str, reading: Reading) -> Answer {
        let asks = self.asked.trim_end().ends_with('?');
        let expectation = if asks { Expectation::YesNo } else { Expectation::Open };
        let context = ear::Context {
            expectation,
            language: reading.language,
            country: reading.country,
        };
        let heard = ear::read_in(text, context);
        self.turn += 1;
        self.usted |= heard.usted;
        let yes = asks && is_plain_yes(text, &heard);
        let no = asks && (heard.agreement == Some(Agreement::No) || heard.declines);
        if let Some((act, question)) = &self.armed
            && ends_with(&self.asked, question)
        {
            if yes {
                self.granted = Some((act.clone(), self.turn));
            }
            if yes || no {
                self.armed = None;
            }
        }
        if no {
            self.granted = None;
        }
        if heard.wants_person {
            self.wanted_person = Some(self.turn);
        } else if heard.agreement == Some(Agreement::No) {
            self.wanted_person = None;
        }
        if heard.says_goodbye || (no && asks_for_more(&self.asked)) {
            self.said_goodbye = Some(self.turn);
        } else if text.contains('?') || heard.wants_person {
            self.said_goodbye = None;
        }
        let yes_to = yes.then(|| self.asked.clone());
        self.answered = true;
        Answer { yes_to, heard }
    }

    /// The caller pressed keys: 0 asks for a person, 1 and 2 answer a question.
    pub(super) fn pressed(&mut self, digits: &str, reading: Reading) -> Option<Answer> {
        let words = match (digits.trim_end_matches('#'), reading.language) {
            ("0", _) => {
                self.turn += 1;
                self.wanted_person = Some(self.turn);
                return None;
            }
            ("1", Language::Spanish) => "sí",
            ("1", Language::English) => "yes",
            ("2", _) => "no",
            _ => return None,
        };
        Some(self.caller_said(words, reading))
    }

    /// Asks for a yes to an act: the question has to be heard next. An earlier question counts no more.
    pub(super) fn arm(&mut self, act: &str, question: &str) {
        self.armed = Some((act.to_owned(), question.to_owned()));
        self.granted = None;
    }

    /// Whether the caller said yes to this act, just now.
    pub(super) fn has_granted(&self, act: &str) -> bool {
        self.granted
            .as_ref()
            .is_some_and(|(granted, at)| granted == act && self.turn.saturating_sub(*at) < YES_TURNS)
    }

    /// The yes has been used.
    pub(super) fn spend(&mut self) {
        self.granted = None;
        self.armed = None;
    }

    /// Whether the caller has asked for a person, lately.
    pub(super) fn wants_person(&self) -> bool {
        self.wanted_person
            .is_some_and(|at| self.turn.saturating_sub(at) < PERSON_TURNS)
    }

    /// The caller has been told that they are handed over, or that they can't be.
    pub(super) fn person_was_answered(&mut self) {
        self.wanted_person = None;
    }

    /// Whether the caller has taken leave.
    pub(super) fn says_goodbye(&self) -> bool {
        self.said_goodbye
            .is_some_and(|at| self.turn.saturating_sub(at) <= GOODBYE_TURNS)
    }
}

/// A yes to all of it: no but, no correction, no question back.
fn is_plain_yes(text: &str, heard: &Heard) -> bool {
    let words = folded(text);
    let but = ["pero", "aunque", "espera", "espere", "but", "wait", "no", "not", "don"];
    heard.agreement == Some(Agreement::Yes)
        && heard.correction.is_none()
        && !heard.declines
        && !heard.thinks
        && !text.contains('?')
        && !words.split(' ').any(|word| but.contains(&word))
}

/// "¿Hay algo más?": a no to it is a goodbye.
fn asks_for_more(asked: &str) -> bool {
    let question = asked.trim_end().trim_end_matches('?');
    let last = question.rsplit(['.', '!', '?', '¿']).next().unwrap_or(question);
    let words = folded(last);
    ["algo mas", "alguna otra cosa", "anything else", "something else"]
        .iter()
        .any(|more| words.contains(more))
}

/// Whether a question is the last thing in what was said. Case, accents and punctuation don't matter.
fn ends_with(said: &str, question: &str) -> bool {
    let (said, question) = (folded(said), folded(question));
    !question.is_empty() && (said == question || said.ends_with(&format!(" {question}")))
}

/// Lower case without accents; words and figures only, parted by single spaces.
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'á' | 'à' => 'a',
            'é' | 'è' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            other => other,
        };
        if plain.is_alphanumeric() {
            out.push(plain);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.trim().to_owned()
}

/// Whether what we said reads this e-mail out, written or as it is spoken.
pub(crate) fn reads_out_email(said: &str, email: &str, language: Language) -> bool {
    let said = said.to_lowercase();
    let is_part = |letter: char| letter.is_alphanumeric() || "._%+-@".contains(letter);
    let written = said.match_indices(email).any(|(at, _)| {
        let before = said[..at].chars().next_back();
        let mut after = said[at + email.len()..].chars();
        let ends = match after.next() {
            // The full stop of the sentence, not of a longer domain.
            Some('.') => !after.next().is_some_and(is_part),
            Some(letter) => !is_part(letter),
            None => true,
        };
        !before.is_some_and(is_part) && ends
    });
    written
        || ear::email::read(&said, Expectation::ConfirmEmail, language)
            .is_some_and(|readings| readings.best().value.as_str() == email)
}

/// Whether what we said reads this telephone out, in figures or words.
pub(crate) fn reads_out_phone(said: &str, e164: &str, reading: Reading) -> bool {
    ear::phone::read(said, reading.language, reading.country).is_some_and(|phone| phone.e164 == e164)
}

/// Whether what we said offers the number that is calling.
pub(crate) fn offers_own_number(said: &str) -> bool {
    let words = format!(" {} ", folded(said));
    let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
    has(&[" numero ", " telefono ", " number ", " phone "])
        && has(&[
            " este ",
            " mismo ",
            " desde ",
            " del que ",
            " llamas ",
            " llama ",
            " this ",
            " same ",
            " calling ",
        ])
}
