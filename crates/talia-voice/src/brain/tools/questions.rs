//! The questions that we ask in our own words before an act of the conversation itself.

use talia_spanish::Language;

/// Before a transfer that the caller hasn't asked for.
pub(super) fn transfer(language: Language, usted: bool) -> String {
    match (language, usted) {
        (Language::Spanish, false) => "¿Quieres que te comunique con una persona?",
        (Language::Spanish, true) => "¿Quiere que le comunique con una persona?",
        (Language::English, _) => "Would you like me to put you through to a person?",
    }
    .to_owned()
}

/// Before the end of a call whose caller hasn't said goodbye.
pub(super) fn end(language: Language, usted: bool) -> String {
    match (language, usted) {
        (Language::Spanish, false) => "¿Quieres que terminemos aquí la llamada?",
        (Language::Spanish, true) => "¿Quiere que terminemos aquí la llamada?",
        (Language::English, _) => "Shall we end the call here?",
    }
    .to_owned()
}
