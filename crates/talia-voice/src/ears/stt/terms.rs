//! Words that a caller is likely to say for an answer, for recognisers that can be told.

use talia_spanish::{Expectation, Language};

/// Terms for the kind of answer that is expected; empty where they would only mislead. At most 20 characters each, which
/// is the shortest limit among the services (ElevenLabs).
pub fn of(expectation: Expectation, language: Language) -> &'static [&'static str] {
    match (language, expectation) {
        (Language::Spanish, Expectation::Email | Expectation::ConfirmEmail) => &[
            "arroba",
            "punto com",
            "guion bajo",
            "guion medio",
            "gmail",
            "hotmail",
            "outlook",
            "yahoo",
            "punto mx",
        ],
        (Language::Spanish, Expectation::YesNo | Expectation::ConfirmPhone) => &["sí", "no", "así es", "correcto"],
        (Language::Spanish, Expectation::Spelled) => &["be de burro", "ve de vaca", "doble ele", "eñe", "i griega"],
        (Language::Spanish, Expectation::Phone) => &["lada", "cincuenta y cinco"],
        (Language::Spanish, Expectation::Company) => &["S.A. de C.V."],
        (Language::English, Expectation::Email | Expectation::ConfirmEmail) => &[
            "at",
            "dot com",
            "underscore",
            "dash",
            "gmail",
            "hotmail",
            "outlook",
            "yahoo",
        ],
        (Language::English, Expectation::YesNo | Expectation::ConfirmPhone) => &["yes", "no", "that's correct"],
        _ => &[],
    }
}

/// Terms for the whole of a call, for services that take them only when a stream is opened.
pub fn of_a_call(language: Language) -> &'static [&'static str] {
    of(Expectation::Email, language)
}
