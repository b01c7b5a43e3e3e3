//! Slow read-backs of e-mail addresses and telephone numbers, in groups that a caller can check.

use super::internet::{Piece, pieces, say_letters, say_run};
use super::letters::{clear_letter_name, letter_name, pronounceable};
use super::names::{accented, unglued};
use super::telephone::say_number;
use super::{lexicon, verbalize};
use crate::Language;

/// An e-mail address to be checked by the caller, a pause after each group.
///
/// Words are said as words, runs that nobody can say are spelled with clear letter names, and where a word holds
/// *b* or *v*, which sound alike in Spanish, the letter is made clear behind it: "rivera, con ve chica".
pub fn read_back_email(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let mut groups: Vec<String> = Vec::new();
    let mut sign: Option<&str> = None;
    for piece in pieces(local, Language::Spanish) {
        match piece {
            Piece::Sign(name) => groups.extend(sign.replace(name).map(str::to_owned)),
            Piece::Letters(letters) => groups.push(with_sign(&mut sign, &clear_word(&letters))),
            Piece::Digits(digits) => groups.push(with_sign(&mut sign, &say_run(digits))),
        }
    }
    if let Some(last) = sign {
        groups.push(last.to_owned());
    }
    if !domain.is_empty() {
        groups.extend(domain_groups(domain));
    }
    groups.join(", ")
}

fn with_sign(sign: &mut Option<&str>, words: &str) -> String {
    sign.take()
        .map_or_else(|| words.to_owned(), |name| format!("{name} {words}"))
}

fn domain_groups(domain: &str) -> Vec<String> {
    let found = pieces(domain, Language::Spanish);
    let count = found.len();
    let mut groups = Vec::new();
    let mut sign = Some("arroba");
    for (index, piece) in found.into_iter().enumerate() {
        match piece {
            Piece::Sign(name) => sign = Some(name),
            Piece::Digits(digits) => groups.push(with_sign(&mut sign, &say_run(digits))),
            Piece::Letters(letters) => {
                // Domains that everybody knows need no help.
                let known = index + 1 == count
                    || lexicon::respelled(&letters).is_some()
                    || matches!(letters.as_str(), "com" | "net" | "org" | "gob" | "edu" | "info");
                let words = if known {
                    say_letters(&letters, index + 1 == count)
                } else {
                    clear_word(&letters)
                };
                groups.push(with_sign(&mut sign, &words));
            }
        }
    }
    groups
}

fn clear_word(letters: &str) -> String {
    let mut single = letters.chars();
    if let (Some(only), None) = (single.next(), single.next()) {
        return clear_letter_name(only).unwrap_or_default().to_owned();
    }
    if let Some(brand) = lexicon::respelled(letters) {
        return brand.to_owned();
    }
    let parts = unglued(letters);
    let words: Vec<String> = parts.iter().map(|part| accented(part)).collect();
    if !words.iter().all(|word| pronounceable(word)) {
        let names: Vec<&str> = letters.chars().filter_map(clear_letter_name).collect();
        return names.join(", ");
    }
    let mut said = words.join(" ");
    if parts.len() > 1 {
        said.push_str(", todo junto");
    }
    for doubtful in doubtful_letters(letters) {
        said.push_str(", con ");
        said.push_str(doubtful);
    }
    said
}

/// What can't be heard in a word that everybody thinks to know: which of *b* and *v*, *k*, *y* or a mute *h* stands in it.
fn doubtful_letters(word: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for letter in word.chars() {
        let name = match letter {
            'b' => "be de burro",
            'v' => "ve chica",
            'k' | 'w' | 'z' => letter_name(letter).unwrap_or_default(),
            _ => continue,
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// A telephone number (E.164, or national digits) in groups with pauses.
///
/// Mexico's own code is left out, as callers do; other countries' codes come first: "más treinta y cuatro, …".
/// Text without digits comes back as [`verbalize`] says it.
pub fn read_back_phone(e164: &str) -> String {
    let digits: String = e164.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return verbalize(e164, Language::Spanish);
    }
    let international = e164.trim_start().starts_with('+');
    let mexican = digits.starts_with("52");
    say_number(&digits, international, !mexican, Language::Spanish)
}
