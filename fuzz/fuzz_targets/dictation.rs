//! Any text as a recogniser's output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talia_spanish::{Expectation, Language, ear};

const EXPECTATIONS: [Expectation; 9] = [
    Expectation::Open,
    Expectation::Name,
    Expectation::Spelled,
    Expectation::Email,
    Expectation::Phone,
    Expectation::YesNo,
    Expectation::Digits,
    Expectation::Date,
    Expectation::Company,
];

// The first byte chooses what is expected and the language.
fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let expectation = EXPECTATIONS[usize::from(*choice >> 1) % EXPECTATIONS.len()];
    let language = if choice & 1 == 0 {
        Language::Spanish
    } else {
        Language::English
    };
    let _ = ear::read(text, expectation, language);
    let _ = ear::listening::looks_unfinished(text, expectation, language);
    let _ = ear::listening::is_hallucination(text);
    let mut dictation = ear::card::Dictation::default();
    for line in text.lines() {
        for words in dictation.line(line).words {
            assert!(line.get(words.range).is_some());
        }
    }
});
