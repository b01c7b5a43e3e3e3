//! Applies a spoken correction to a person's name.

use super::{Correction, read};
use crate::ear::heard::PersonName;
use crate::ear::name;
use crate::ear::sound::{fold, likeness};
use crate::ear::spelling;
use crate::ear::token::{find_any, tokens};
use crate::{Expectation, Language};

/// The name with the correction applied; nothing if the text corrects nothing in it.
pub fn amend_name(current: &str, text: &str, language: Language) -> Option<PersonName> {
    let words: Vec<String> = current.split_whitespace().map(str::to_owned).collect();
    let changed = spelled(&words, text, language)
        .or_else(|| surname(&words, text, language))
        .or_else(|| name::read(text, Expectation::Open, language).map(|name| split(&name.full)))
        .or_else(|| read(text, language).and_then(|correction| amended(&words, &correction, language)))?;
    (changed != words).then(|| name::build(&changed)).flatten()
}

fn split(full: &str) -> Vec<String> {
    full.split_whitespace().map(str::to_owned).collect()
}

/// "erre, u, i, zeta": the word that it sounds like is written so.
fn spelled(words: &[String], text: &str, language: Language) -> Option<Vec<String>> {
    let letters = spelling::read(text, language).filter(|letters| letters.chars().count() >= 3)?;
    let (alike, at) = words
        .iter()
        .enumerate()
        .map(|(at, word)| (likeness(&fold(word), &letters), at))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (alike >= 0.4).then(|| with_word(words, at, &letters))
}

/// "el apellido es Ríos": everything behind the given names is new.
fn surname(words: &[String], text: &str, language: Language) -> Option<Vec<String>> {
    let row = tokens(text);
    let (_, end) = find_any(
        &row,
        &[
            "apellido es",
            "apellidos son",
            "me apellido",
            "last name is",
            "apellido",
        ],
    )?;
    if row
        .get(end)
        .is_none_or(|next| next.is_any(&["con", "va", "lleva", "se", "sin"]))
    {
        return None;
    }
    let new = name::read(&super::phrase(&row[end..]), Expectation::Name, language)?;
    let given = name::build(words)?.given;
    Some(split(&format!("{given} {}", new.full)))
}

fn amended(words: &[String], correction: &Correction, language: Language) -> Option<Vec<String>> {
    match correction {
        Correction::Replace { wrong, right } => {
            let letters = |text: &str| {
                spelling::take(&tokens(text), language)
                    .filter(|found| found.used == tokens(text).len())
                    .map(|found| found.text)
            };
            if let (Some(_), Some(right)) = (letters(wrong), letters(right)) {
                return respell(words, &right, None);
            }
            let new = name::read(right, Expectation::Name, language)?;
            let at = nearest(words, wrong)?;
            let mut changed = words.to_vec();
            changed.splice(at..=at, split(&new.full));
            Some(changed)
        }
        Correction::Letter { letter, of } => respell(words, letter, of.as_deref()),
        Correction::Without(what) => {
            let row = tokens(what);
            let letter = spelling::take(&row, language)?.text.chars().next()?;
            let at = words.iter().rposition(|word| fold(word).contains(letter))?;
            let mut letters: Vec<char> = words[at].chars().collect();
            let place = letters.iter().rposition(|c| fold(&c.to_string()).starts_with(letter))?;
            letters.remove(place);
            Some(with_word(words, at, &letters.into_iter().collect::<String>()))
        }
        Correction::Restate(text) => {
            let new = name::read(text, Expectation::Name, language)?;
            let said = split(&new.full);
            if said.len() >= 2 || words.len() == 1 {
                return Some(said);
            }
            let at = nearest(words, text)?;
            Some(with_word(words, at, said.first()?))
        }
        Correction::Nth { .. } | Correction::Ends(_) | Correction::Starts(_) | Correction::Append(_) => None,
    }
}

/// The word that sounds most like what was said.
fn nearest(words: &[String], said: &str) -> Option<usize> {
    let key = fold(said);
    let (alike, at) = words
        .iter()
        .enumerate()
        .map(|(at, word)| (likeness(&fold(word), &key), at))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (alike >= 0.3).then_some(at)
}

/// Remarks on spelling are most often about the surname: the last word that can be written so.
fn respell(words: &[String], letter: &str, of: Option<&str>) -> Option<Vec<String>> {
    let named = of.and_then(|of| words.iter().position(|word| likeness(&fold(word), &fold(of)) >= 0.75));
    if let (Some(at), Some(of)) = (named, of)
        && fold(of).contains(letter)
        && of.to_lowercase() != words[at].to_lowercase()
    {
        // The recogniser already wrote the word as it should be.
        return Some(with_word(words, at, of));
    }
    if of.is_some() && named.is_none() {
        return None;
    }
    // It is written so already, and no other word was meant.
    let named_has_it = named.is_some_and(|at| fold(&words[at]).contains(letter));
    if named_has_it || (letter.chars().count() > 1 && words.iter().any(|word| fold(word).contains(letter))) {
        return None;
    }
    // An x is taken for the j that it sounds like sooner than for an s.
    let jota = (letter == "x")
        .then(|| words.iter().position(|word| fold(word).contains(['j', 'g'])))
        .flatten();
    let order: Vec<usize> = named.into_iter().chain(jota).chain((0..words.len()).rev()).collect();
    order
        .into_iter()
        .find_map(|at| spelling::with_letter(&words[at], letter).map(|changed| with_word(words, at, &changed)))
}

fn with_word(words: &[String], at: usize, word: &str) -> Vec<String> {
    let mut changed = words.to_vec();
    let mut chars = word.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    changed[at] = first + chars.as_str();
    changed
}
