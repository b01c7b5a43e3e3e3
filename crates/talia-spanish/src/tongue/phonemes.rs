//! Text to the phonemes that the Kokoro voice is fed, punctuation kept.

use super::kokoro::knows;
use super::{english_phonemes, spanish_phonemes, verbalize};
use crate::Language;

/// Marks that the voice hears as pauses or melody. `¿` and `¡` are not in its vocabulary.
fn is_pause(mark: char) -> bool {
    matches!(mark, ',' | '.' | ';' | ':' | '!' | '?' | '—' | '…')
}

/// The phonemes of spoken words (see [`verbalize`]), in espeak-ng's notation with one character for ʧ and ʤ.
///
/// Every character of the answer is in [`ALPHABET`](super::ALPHABET); what has no sound is left out. Text that
/// still holds figures is verbalised first.
pub fn phonemes(text: &str, language: Language) -> String {
    let spoken;
    let text = if text.contains(|c: char| c.is_ascii_digit()) {
        spoken = verbalize(text, language);
        &spoken
    } else {
        text
    };
    let mut said = String::with_capacity(text.len() * 2);
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_alphabetic() || (matches!(character, '\'' | '’') && !word.is_empty()) {
            word.extend(
                character
                    .to_lowercase()
                    .filter(|small| small.is_alphabetic() || *small == '\''),
            );
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if is_pause(character) || character == '\n' {
            flush(&mut said, &mut words, language);
            if is_pause(character) && !said.is_empty() {
                said.push(character);
            }
        }
    }
    said.retain(knows);
    said
}

/// What text sounds like: [`verbalize`] and [`phonemes`] in one step.
pub fn speech(text: &str, language: Language) -> String {
    phonemes(&verbalize(text, language), language)
}

fn flush(said: &mut String, words: &mut Vec<String>, language: Language) {
    let phrase = match language {
        Language::Spanish => spanish_phonemes::phrase(words),
        Language::English => english_phonemes::phrase(words),
    };
    words.clear();
    if phrase.is_empty() {
        return;
    }
    if !said.is_empty() {
        said.push(' ');
    }
    said.push_str(&phrase);
}
