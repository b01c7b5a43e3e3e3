//! E-mail and web addresses, as words.

use super::cardinals::{Agreement, cardinal};
use super::chunks::{Chunk, Reading};
use super::english;
use super::figures::say_digits;
use super::letters::{letters_one_by_one, pronounceable};
use super::lexicon;
use super::names::{accented, unglued};
use crate::Language;

/// A piece of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Letters, always small.
    Letters(String),
    Digits(&'a str),
    /// A sign by its name: "punto", "guion bajo".
    Sign(&'static str),
}

fn sign_name(sign: char, language: Language) -> Option<&'static str> {
    let (spanish, english) = match sign {
        '.' => ("punto", "dot"),
        '_' => ("guion bajo", "underscore"),
        '-' => ("guion", "dash"),
        '+' => ("más", "plus"),
        '@' => ("arroba", "at"),
        '/' => ("diagonal", "slash"),
        ':' => ("dos puntos", "colon"),
        '?' => ("interrogación", "question mark"),
        '=' => ("igual", "equals"),
        '&' => ("ampersand", "ampersand"),
        '#' => ("gato", "hash"),
        '%' => ("por ciento", "percent"),
        '~' => ("tilde", "tilde"),
        _ => return None,
    };
    Some(if language == Language::Spanish {
        spanish
    } else {
        english
    })
}

/// Cuts an address at its signs and between letters and digits. Signs without a name are left out.
pub(super) fn pieces(address: &str, language: Language) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = address;
    while let Some(first) = rest.chars().next() {
        let end_of = |kind: fn(char) -> bool| rest.find(|c| !kind(c)).unwrap_or(rest.len());
        let end = if first.is_alphabetic() {
            let end = end_of(char::is_alphabetic);
            found.push(Piece::Letters(rest[..end].to_lowercase()));
            end
        } else if first.is_ascii_digit() {
            let end = end_of(|c| c.is_ascii_digit());
            found.push(Piece::Digits(&rest[..end]));
            end
        } else {
            found.extend(sign_name(first, language).map(Piece::Sign));
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    found
}

/// Top-level domains that nobody says as a Spanish word.
fn spelled_domain(letters: &str) -> bool {
    matches!(
        letters,
        "mx" | "us" | "ai" | "io" | "es" | "uk" | "ar" | "cl" | "pe" | "tv" | "eu" | "br" | "cc"
    )
}

/// The words of a run of letters; `last` says that it ends the domain.
pub(super) fn say_letters(letters: &str, last: bool) -> String {
    if last && spelled_domain(letters) {
        return letters_one_by_one(letters);
    }
    if let Some(brand) = lexicon::respelled(letters) {
        return brand.to_owned();
    }
    if letters == "www" {
        return "triple doble u".to_owned();
    }
    let parts = unglued(letters);
    if parts.len() > 1 {
        return parts.iter().map(|part| accented(part)).collect::<Vec<_>>().join(" ");
    }
    let word = accented(letters);
    if pronounceable(&word) {
        word
    } else {
        letters_one_by_one(letters)
    }
}

/// Digits in an address: years as a number, up to two digits as one, longer runs in pairs.
pub(super) fn say_run(digits: &str) -> String {
    match digits.parse::<u64>() {
        Ok(year) if digits.len() == 4 && (1900..2100).contains(&year) => cardinal(year, Agreement::Alone),
        _ if digits.len() <= 2 || digits.starts_with('0') || digits.len() % 2 == 1 => say_digits(digits),
        _ => {
            let pairs: Vec<String> = (0..digits.len())
                .step_by(2)
                .map(|at| say_digits(&digits[at..at + 2]))
                .collect();
            pairs.join(" ")
        }
    }
}

/// The words of a whole address.
pub(super) fn say_address(address: &str, language: Language) -> String {
    let found = pieces(address, language);
    let count = found.len();
    let words: Vec<String> = found
        .iter()
        .enumerate()
        .map(|(index, piece)| match (piece, language) {
            (Piece::Sign(name), _) => (*name).to_owned(),
            (Piece::Letters(letters), Language::Spanish) => say_letters(letters, index + 1 == count),
            (Piece::Letters(letters), Language::English) => english::address_word(letters, index + 1 == count),
            (Piece::Digits(digits), Language::Spanish) => say_run(digits),
            (Piece::Digits(digits), Language::English) => english::digits(digits),
        })
        .collect();
    words.join(" ")
}

/// Whether the text looks like an e-mail address: enough for reading it aloud, not for accepting it.
pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && domain.split('.').all(|label| !label.is_empty())
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '%'))
    })
}

pub(super) fn is_url(text: &str) -> bool {
    const DOMAINS: [&str; 16] = [
        "com", "mx", "net", "org", "es", "io", "ai", "gob", "edu", "info", "app", "dev", "co", "biz", "us", "tv",
    ];
    if text.contains("://") || text.starts_with("www.") {
        return true;
    }
    let host = text.split(['/', '?', ':']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    labels.len() >= 2
        && labels
            .iter()
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
        && labels[0].contains(char::is_alphabetic)
        && labels
            .last()
            .is_some_and(|last| DOMAINS.contains(&last.to_lowercase().as_str()))
}

/// An e-mail or web address at the front.
pub(super) fn address(chunks: &[Chunk<'_>], language: Language) -> Option<Reading> {
    let core = chunks.first()?.core.trim_start_matches("mailto:");
    if is_email(core) {
        return Some(Reading::new(say_address(core, language), 1));
    }
    if !is_url(core) {
        return None;
    }
    let bare = core
        .split_once("://")
        .map_or(core, |(_, rest)| rest)
        .trim_end_matches('/');
    let (host, path) = bare.find(['/', '?']).map_or((bare, ""), |at| bare.split_at(at));
    let mut words = say_address(host, language);
    if !path.is_empty() {
        words.push(' ');
        words.push_str(&say_address(path, language));
    }
    (!words.trim().is_empty()).then(|| Reading::new(words, 1))
}
