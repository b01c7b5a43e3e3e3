//! Reads what was heard: fields, agreement, corrections, and the small sounds of listening.
//!
//! [`read`] does all at once; each module reads one kind alone. Every function is total on any text and reads at
//! most its first 2,000 characters; [`card`] alone reads all of it.

pub mod agreement;
pub mod card;
pub mod company;
pub mod correction;
pub mod email;
mod given_names;
mod heard;
pub mod listening;
mod manner;
pub mod name;
pub mod numbers;
pub mod permission;
pub mod phone;
pub mod prompt;
mod refusal;
mod sound;
pub mod spelling;
mod token;

pub use correction::Correction;
pub use heard::{Agreement, Candidate, Candidates, Email, Heard, PersonName};
pub use phone::{Country, Phone};

use crate::{Expectation, Language};

/// What is known when a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// The kind of answer that was asked for.
    pub expectation: Expectation,
    /// The language spoken.
    pub language: Language,
    /// The country whose telephone numbers are meant when no code is said.
    pub country: Country,
}

/// Reads a text under an expectation, with Mexico's telephone numbers.
///
/// With [`Expectation::Open`] only explicit statements count ("me llamo", "mi correo es", an address with "arroba");
/// when a kind is expected, its bare answer counts too.
pub fn read(text: &str, expectation: Expectation, language: Language) -> Heard {
    read_in(
        text,
        Context {
            expectation,
            language,
            country: Country::Mexico,
        },
    )
}

/// Reads a text in a context.
pub fn read_in(text: &str, context: Context) -> Heard {
    let Context {
        expectation, language, ..
    } = context;
    let row = token::tokens(text);
    if row.is_empty() {
        return Heard::default();
    }
    let email = email::read_tokens(&row, expectation, language);
    let name = read_name(&row, text, context, email.is_some());
    let digits = numbers::digits(text, language);
    let spelled = spelling::longest(&row, language).filter(|(_, run)| expectation == Expectation::Spelled || run.sure);
    Heard {
        name,
        phone: read_phone(&row, context),
        company: company::read_tokens(&row, expectation, language),
        agreement: read_agreement(&row, text, context, email.is_some()),
        correction: correction::read(text, language),
        digits: (!digits.is_empty()).then_some(digits),
        spelled: spelled.map(|(_, run)| run.text),
        wants_person: manner::wants_person(&row),
        asks_if_machine: manner::asks_if_machine(&row),
        says_goodbye: manner::says_goodbye(&row),
        asks_repeat: manner::asks_repeat(&row, text),
        thinks: manner::thinks(&row),
        declines: manner::declines(&row),
        usted: manner::usted(&row),
        email,
    }
}

/// Whether somebody asks not to be called any more ("no me llamen más", "quítenme de su lista"); not when or how.
pub fn refuses_calls(text: &str) -> bool {
    refusal::refuses_calls(&token::tokens(text))
}

fn read_phone(row: &[token::Token], context: Context) -> Option<Phone> {
    let found = phone::read_tokens(row, context.language, context.country)?;
    let asked = context.expectation.takes_phone() || phone::announced(row);
    (asked || found.national.len() >= 9).then_some(found)
}

/// A bare name counts when it was asked for, but neither beside an address nor in a question about something else.
fn read_name(row: &[token::Token], text: &str, context: Context, has_email: bool) -> Option<PersonName> {
    let asked = name::read_tokens(row, context.expectation, context.language);
    let is_doubtful = context.expectation == Expectation::Name
        && (has_email
            || (text.contains('?')
                && asked.as_ref().is_some_and(|name| {
                    let first = name.given.split(' ').next().unwrap_or("");
                    !given_names::is_given(&sound::fold(first))
                })));
    if is_doubtful {
        name::read_tokens(row, Expectation::Open, context.language)
    } else {
        asked
    }
}

/// Anywhere in the text when yes or no was asked for; in a dictated answer, and when nothing was asked, only at its beginning.
fn read_agreement(row: &[token::Token], text: &str, context: Context, has_email: bool) -> Option<Agreement> {
    let anywhere = context.expectation.takes_agreement() && !has_email;
    if anywhere {
        agreement::read(text, context.language)
    } else {
        agreement::opening(row, context.language)
    }
}
