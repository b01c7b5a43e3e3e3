//! Prefers the caller's own name in an address: what was heard as "erreira" is "herrera" when she is called Herrera.

use super::super::heard::{Candidate, Candidates, Email};
use super::super::sound::{fold, sounds};

/// How much a reading falls behind its repaired form.
const LITERAL: f32 = 0.6;
/// Names from this length may differ by one sound.
const LONG: usize = 5;

/// Puts readings first in which words of the local part are written as in the caller's name when they sound like it.
///
/// Equal sounds count (h, b and v, s, c and z, ll and y), and one sound more, less or other in parts of five letters or
/// more; also in joined words ("carloserreira") and behind an initial ("cerreira"). What was heard stays as another
/// reading. `full_name` is as read from the caller, in any case, with or without accents.
pub fn prefer_known_name(candidates: &Candidates<Email>, full_name: &str) -> Candidates<Email> {
    let parts: Vec<String> = full_name
        .split_whitespace()
        .take(8)
        .map(|part| fold(part).replace('ñ', "n"))
        .filter(|part| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_alphabetic()))
        .collect();
    let mut readings: Vec<Candidate<Email>> = Vec::new();
    for candidate in candidates {
        let local = repaired(candidate.value.local(), &parts);
        let changed =
            Email::new(&format!("{local}@{}", candidate.value.domain())).filter(|changed| *changed != candidate.value);
        let doubt = if changed.is_some() { LITERAL } else { 1.0 };
        readings.extend(changed.map(|value| Candidate {
            value,
            confidence: candidate.confidence,
        }));
        readings.push(Candidate {
            value: candidate.value.clone(),
            confidence: candidate.confidence * doubt,
        });
    }
    Candidates::rank(readings).unwrap_or_else(|| candidates.clone())
}

fn repaired(local: &str, parts: &[String]) -> String {
    let mut text = String::with_capacity(local.len());
    let mut word = String::new();
    for c in local.chars() {
        if c.is_ascii_alphabetic() {
            word.push(c);
        } else {
            text.push_str(&of_name(&word, parts));
            word.clear();
            text.push(c);
        }
    }
    text + &of_name(&word, parts)
}

/// The word written with the name's parts that it sounds like: as a whole, joined from two, or behind an initial.
fn of_name(word: &str, parts: &[String]) -> String {
    if let Some(part) = alike(word, parts) {
        return part.to_owned();
    }
    let joined = (1..word.len()).find_map(|cut| {
        let (head, tail) = word.split_at(cut);
        let tail = alike(tail, parts)?;
        let initial = cut == 1 && parts.iter().any(|part| part.starts_with(head));
        let head = if initial { head } else { alike(head, parts)? };
        Some(format!("{head}{tail}"))
    });
    joined.unwrap_or_else(|| word.to_owned())
}

/// The part that a word is, sounds like, or is one sound away from.
fn alike<'a>(word: &str, parts: &'a [String]) -> Option<&'a str> {
    let sound = sounds(word);
    let near = |part: &String| {
        let away = strsim::damerau_levenshtein(&sound, &sounds(part));
        away == 0 || (away == 1 && part.len() >= LONG && word.len() >= LONG)
    };
    parts
        .iter()
        .find(|part| *part == word)
        .or_else(|| {
            parts
                .iter()
                .filter(|part| word.len() >= 3 && near(part))
                .min_by_key(|part| strsim::damerau_levenshtein(word, part))
        })
        .map(String::as_str)
}
