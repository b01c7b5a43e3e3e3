//! The thing that a question asks the price of, or whether it is sold.

use talia_spanish::Language;

/// The words that stand where the question names its thing, in order: "calentadores" in "¿venden también calentadores?".
///
/// Empty where it names none ("¿cuánto cuesta?", "¿qué venden?").
pub(super) fn named(text: &str, language: Language) -> Vec<String> {
    let (verbs, skipped, ends) = match language {
        Language::Spanish => (SPANISH_VERBS, SPANISH_SKIPPED, SPANISH_ENDS),
        Language::English => (ENGLISH_VERBS, ENGLISH_SKIPPED, ENGLISH_ENDS),
    };
    let lower = text.to_lowercase();
    // A thing is named in the same breath as its verb.
    lower
        .split([',', '.', ';', ':', '?', '!', '¿', '¡'])
        .rev()
        .find_map(|part| {
            let words: Vec<&str> = part.split_whitespace().collect();
            let verb = words.iter().rposition(|word| verbs.contains(word))?;
            let named: Vec<String> = words[verb + 1..]
                .iter()
                .take_while(|word| !ends.contains(word) && word.chars().all(char::is_alphabetic))
                .filter(|word| !skipped.contains(word) && !word.ends_with("mente"))
                .map(|word| (*word).to_owned())
                .collect();
            Some(named)
        })
        .unwrap_or_default()
}

/// Whether the word is a verb that may stand before the thing ("instalar un calentador").
pub(super) fn is_infinitive(word: &str, language: Language) -> bool {
    language == Language::Spanish && ["ar", "er", "ir"].iter().any(|ending| word.ends_with(ending))
}

/// Things that any company sells, so that asking for them is asking for what this one has.
pub(super) const ANYTHING: &str =
    "sistema equipo servicio producto paquete proyecto trabajo system equipment service product";

/// Verbs whose object is what is sold, and those before a price's.
const SPANISH_VERBS: &[&str] = &[
    "vende",
    "venden",
    "vendes",
    "ofrece",
    "ofrecen",
    "ofreces",
    "maneja",
    "manejan",
    "instala",
    "instalan",
    "pone",
    "ponen",
    "renta",
    "rentan",
    "repara",
    "reparan",
    "arreglan",
    "cuesta",
    "cuestan",
    "costaría",
    "vale",
    "valen",
    "cobra",
    "cobran",
    "sale",
    "salen",
];

const SPANISH_SKIPPED: &[&str] = &[
    "un", "una", "unos", "unas", "el", "la", "los", "las", "su", "sus", "de", "del", "por", "cada", "algún", "alguna",
    "también", "ya", "otro", "otra", "otros", "otras", "mejores", "buenos", "buenas", "nuevo", "nueva", "tipo",
    "tipos",
];

/// What follows these is no thing, or not the one that is asked for.
const SPANISH_ENDS: &[&str] = &[
    "en",
    "para",
    "con",
    "sin",
    "a",
    "al",
    "y",
    "o",
    "que",
    "si",
    "cuando",
    "donde",
    "más",
    "menos",
    "todo",
    "todos",
    "eso",
    "esto",
    "ese",
    "este",
    "esos",
    "uno",
    "hoy",
    "ahora",
    "usted",
    "ustedes",
    "tú",
    "favor",
    "señorita",
    "señor",
    "oiga",
    "disculpe",
    "entonces",
    "mi",
    "mis",
    "tu",
    "tus",
];

const ENGLISH_VERBS: &[&str] = &["sell", "offer", "carry", "rent", "does"];

const ENGLISH_SKIPPED: &[&str] = &["a", "an", "the", "some", "any", "also", "other", "new", "of", "your"];

const ENGLISH_ENDS: &[&str] = &[
    "in", "for", "with", "without", "to", "and", "or", "that", "if", "when", "it", "this", "they", "you", "here",
    "today", "me", "cost", "take", "work", "last",
];
