//! What a recogniser is told to expect: decoding prompts that look like the answer but carry other names.

use super::listening::loops;
use super::numbers;
use super::sound::fold;
use super::token::tokens;
use crate::{Expectation, Language};

/// The decoding prompt for an expected answer, to be given to Whisper as its initial prompt.
///
/// It shows the form of the answer ("arroba", "guion bajo", digits in groups) with names that [`leaks_prompt`] knows.
/// Empty where a prompt would only mislead. Measured on spoken cases with Whisper base: two mail domains do best (with one,
/// "hotmail" turns into it; with three, whole examples come back), and short answers need short answers in front, or "sí"
/// becomes another word.
pub fn decoding_prompt(expectation: Expectation, language: Language) -> &'static str {
    match (language, expectation) {
        (Language::Spanish, Expectation::Open) => {
            "Hola, buenas tardes. Sí. No, gracias. Claro que sí. ¿Bueno? Llamo para pedir informes, por favor."
        }
        (Language::Spanish, Expectation::Name) => "Me llamo Eréndira Bustillos Cañedo. Habla Fermín Olmedo.",
        (Language::Spanish, Expectation::Spelled) => "Be de burro, u, ese, te, i, elle, o. B, U, S, T, I, L, L, O, S.",
        (Language::Spanish, Expectation::Email) => {
            "Eréndira punto Bustillos arroba hotmail punto com. Es fermín guion bajo 48 arroba gmail punto com, todo junto."
        }
        (Language::Spanish, Expectation::Phone) => "Es el 81 20 04 93 17. Sí, 449 200 61 38.",
        (Language::Spanish, Expectation::YesNo) => "Sí. No. Pues sí. Claro que sí. No, gracias. Ajá. Bueno.",
        (Language::Spanish, Expectation::ConfirmEmail) => {
            "Sí. No. Así es. Claro que sí. No, perdón, es fermín guion bajo 48 arroba gmail punto com. No, con be de burro."
        }
        (Language::Spanish, Expectation::ConfirmPhone) => {
            "Sí. No. Así es. Claro que sí. No, perdón, es el 44 29 00 61 38. No, termina en 93."
        }
        (Language::Spanish, Expectation::Digits) => "Es el 4 0 7 7 1 9. El número es 62 00 35.",
        (Language::Spanish, Expectation::Date) => "El martes 14 de octubre a las 4 y media de la tarde.",
        (Language::Spanish, Expectation::Company) => {
            "Llamo de la Ferretería Bustillos. Distribuidora Olmedo, S.A. de C.V. Clínica Cañedo."
        }
        (Language::English, Expectation::Open) => "Hello, good afternoon. I'm calling for some information, please.",
        (Language::English, Expectation::Name) => "My name is Winifred Oglethorpe.",
        (Language::English, Expectation::Spelled) => "O, G, L, E, T, H, O, R, P, E. B as in boy.",
        (Language::English, Expectation::Email) => {
            "My email is winifred dot oglethorpe at gmail dot com. It's oglethorpe underscore 48 at outlook dot com."
        }
        (Language::English, Expectation::Phone) => "My number is 207 300 49 61.",
        (Language::English, Expectation::YesNo) => "Yes, that's correct. No, with a B.",
        (Language::English, Expectation::ConfirmEmail) => {
            "Yes. No. Yes, that's correct. No, it's oglethorpe underscore 48 at gmail dot com. No, with a B."
        }
        (Language::English, Expectation::ConfirmPhone) => "Yes. No. Yes, that's correct. No, it's 207 300 49 61.",
        (Language::English, Expectation::Digits) => "It's 4 0 7 7 1 9.",
        (Language::English, Expectation::Date) => "Tuesday the 14th of October at half past four.",
        (Language::English, Expectation::Company) => "I'm calling from Oglethorpe Supplies.",
    }
}

/// Names in the prompts, folded. They are rare, and none is used by two prompts in another spelling.
const NAMES: &[&str] = &[
    "erendira",
    "bustillos",
    "canedo",
    "cañedo",
    "fermin olmedo",
    "fermin guion bajo",
    "olmedo",
    "winifred",
    "oglethorpe",
];

/// Rows of digits in the prompts.
const NUMBERS: &[&str] = &[
    "8120049317",
    "4429006138",
    "4492006138",
    "407719",
    "620035",
    "2073004961",
];

/// Whole sentences of the prompts that a caller is unlikely to say in these words.
const SENTENCES: &[&str] = &[
    "martes 14 de octubre a las 4 y media",
    "tuesday the 14 th of october at half past four",
];

/// Whether a transcript can't be trusted and must be recognised again without a prompt: it holds words of the prompt, or
/// one phrase in a loop, as some prompts provoke.
pub fn leaks_prompt(text: &str, expectation: Expectation, language: Language) -> bool {
    let words: Vec<String> = tokens(text).into_iter().map(|token| token.key).collect();
    let said = format!(" {} ", words.join(" "));
    let prompt: Vec<String> = tokens(decoding_prompt(expectation, language))
        .into_iter()
        .map(|token| fold(&token.key))
        .collect();
    let prompt = format!(" {} ", prompt.join(" "));
    let names = NAMES
        .iter()
        .chain(SENTENCES)
        .map(|name| format!(" {name} "))
        .any(|name| prompt.contains(&name) && said.contains(&name));
    let digits = numbers::digits(text, language);
    names
        || loops(&tokens(text))
        || NUMBERS
            .iter()
            .any(|number| shows(decoding_prompt(expectation, language), number) && digits.contains(number))
}

fn shows(prompt: &str, number: &str) -> bool {
    prompt
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .contains(number)
}
