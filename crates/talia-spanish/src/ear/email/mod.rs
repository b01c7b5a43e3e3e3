//! Reads dictated e-mail addresses, and keeps several readings for the read-back to settle.

mod domain;
mod ending;
mod known_name;
pub(crate) mod local;
pub(crate) mod providers;
pub(crate) mod symbols;

use super::heard::{Candidate, Candidates, Email};
use super::token::{Token, has_any, tokens};
use crate::{Expectation, Language};
pub use known_name::prefer_known_name;
use symbols::Certainty;

/// Reads the address in a text. Without [`Expectation::Email`] only a text that says "arroba" (or holds `@`) has one.
pub fn read(text: &str, expectation: Expectation, language: Language) -> Option<Candidates<Email>> {
    read_tokens(&tokens(text), expectation, language)
}

pub(crate) fn read_tokens(row: &[Token], expectation: Expectation, language: Language) -> Option<Candidates<Email>> {
    let (row, ats) = symbols::unglue(row, language);
    let asked = expectation.takes_email() || announced(&row);
    let strong = ats.iter().any(|(_, certainty)| *certainty == Certainty::Strong);
    let mut found: Vec<Candidate<Email>> = Vec::new();
    for (order, (at, certainty)) in ats.iter().enumerate() {
        let weight = match certainty {
            Certainty::Strong => 0.97,
            Certainty::Weak if strong || !asked => continue,
            Certainty::Weak => 0.85,
        };
        // Of two addresses the later one counts when a correction stands between them.
        let start = if order == 0 {
            0
        } else {
            behind(&row, ats[order - 1].0, language)
        };
        let corrected = order + 1 < ats.len()
            && has_any(
                &row[*at..ats[order + 1].0],
                &["perdon", "no", "digo", "mejor", "corrijo", "sorry"],
            );
        let weight = weight * if corrected { 0.4 } else { 1.0 } * 0.98_f32.powi(order as i32);
        around(&row[start..*at], &row[at + 1..], language, weight, &mut found);
    }
    if found.is_empty() && expectation.takes_email() {
        without_at(&row, language, &mut found);
    }
    Candidates::rank(found)
}

/// Whether the text says that an address is given.
pub(crate) fn announced(row: &[Token]) -> bool {
    has_any(
        row,
        &["correo", "email", "mail", "e - mail", "correo electronico", "e mail"],
    )
}

fn behind(row: &[Token], at: usize, language: Language) -> usize {
    let used = domain::read(&row[at + 1..], language)
        .first()
        .map_or(0, |found| found.used);
    at + 1 + used
}

fn around(before: &[Token], after: &[Token], language: Language, weight: f32, found: &mut Vec<Candidate<Email>>) {
    let locals = local::read(before, language);
    for domain in domain::read(after, language) {
        for (local, doubt) in &locals {
            if let Some(email) = Email::new(&format!("{local}@{}", domain.name)) {
                found.push(Candidate {
                    value: email,
                    confidence: weight * doubt * domain.confidence,
                });
            }
        }
    }
}

/// Whether the text holds signs of an address ("arroba", "guion bajo", "punto"), so that one is being dictated.
pub(crate) fn dictates(row: &[Token], language: Language) -> bool {
    let (row, ats) = symbols::unglue(row, language);
    let signs = (0..row.len())
        .filter_map(|at| symbols::take(&row[at..], language))
        .filter(|(sign, _)| !matches!(sign, symbols::Sign::Remark))
        .count();
    signs > 0 || !ats.is_empty()
}

/// How sure a domain must be to stand without an "arroba".
const NEAR: f32 = 0.6;

/// "juan pérez gmail punto com": the "arroba" was lost, but a known provider shows where it stood.
fn without_at(row: &[Token], language: Language, found: &mut Vec<Candidate<Email>>) {
    if has_any(row, &["me llamo", "mi nombre", "soy", "my name"]) {
        return;
    }
    // The domain ends the text, and few words say it.
    for at in row.len().saturating_sub(12).max(1)..row.len() {
        let known = domain::read(&row[at..], language).into_iter().any(|domain| {
            // The provider's very name, or something near it with its ending said: "llamo" alone is no "yahoo".
            let is_named = row[at].is(domain.name.split('.').next().unwrap_or(""));
            (is_named || domain.confidence >= NEAR)
                && providers::recognise(domain.name.split('.').next().unwrap_or(""))
                    .is_some_and(|(_, alike)| alike >= 1.0)
                && domain.used + at + 2 >= row.len()
        });
        if known {
            let before = if row[at - 1].is("a") { at - 1 } else { at };
            around(
                &row[..before],
                &row[at..],
                language,
                0.6 - 0.02 * (at.min(10) as f32),
                found,
            );
        }
    }
}
