//! Tells what asks something from what says something.

use talia_spanish::Language;

/// Whether a part of the text asks something: recognisers set question marks by tone and often wrongly, so the words
/// that open a question decide.
pub(in crate::brain) fn is_question(text: &str, language: Language) -> bool {
    parts(text).any(|part| opens_question(part, language))
}

/// What is left of a text when its questions are taken out; empty when it only asks.
pub(super) fn without_questions(text: &str, language: Language) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut asking = false;
    let mut sentence_over = true;
    for part in parts(text) {
        // A stop inside a number or an address ends no sentence.
        if sentence_over && !part.starts_with(char::is_alphanumeric) {
            asking = false;
        }
        // A question goes on behind its commas.
        asking |= opens_question(part, language);
        if !asking {
            kept.push_str(part);
        }
        sentence_over = part.ends_with(['.', '?', '!']);
    }
    kept.trim()
        .trim_end_matches(|c: char| c.is_whitespace() || ",;:".contains(c))
        .to_owned()
}

/// The pieces between punctuation, each with its own; put together they are the text again.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['?', '.', ',', ';', ':', '!'])
        .flat_map(|part| {
            let (before, behind) = part.split_at(part.rfind(['¿', '¡']).unwrap_or(0));
            [before, behind]
        })
        .filter(|part| !part.is_empty())
}

fn opens_question(part: &str, language: Language) -> bool {
    let openings = match language {
        Language::Spanish => SPANISH_OPENINGS,
        Language::English => ENGLISH_OPENINGS,
    };
    let lower = part.to_lowercase();
    let words = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let words = LEAD_INS
        .iter()
        .fold(words, |words, lead_in| words.strip_prefix(lead_in).unwrap_or(words));
    openings.iter().any(|opening| words.starts_with(opening))
}

/// Words before a question that belong to no part of it.
const LEAD_INS: &[&str] = &[
    "perdón ",
    "oye ",
    "oiga ",
    "disculpa ",
    "disculpe ",
    "pero ",
    "y ",
    "una pregunta ",
    "ustedes ",
    "and ",
    "but ",
];

const SPANISH_OPENINGS: &[&str] = &[
    "qué ",
    "que tan ",
    "de qué ",
    "para qué ",
    "a qué ",
    "en qué ",
    "cuánto",
    "cuanto ",
    "en cuánto",
    "cada cuánto",
    "cuándo",
    "cuando ",
    "cómo ",
    "como es",
    "como se",
    "dónde",
    "donde ",
    "en dónde",
    "a dónde",
    "cuál",
    "por qué",
    "quién",
    "tienen ",
    "tiene ",
    "hay ",
    "dan ",
    "aceptan ",
    "puedo ",
    "puedes ",
    "puede ",
    "se puede ",
    "atienden ",
    "instalan ",
    "llegan ",
    "sirven ",
    "funcionan ",
    "venden ",
    "manejan ",
    "rentan ",
    "reparan ",
    "cobran ",
    "ofrecen ",
    "incluye ",
    "si llueve",
    "quisiera saber",
    "quiero saber",
    "me gustaría saber",
    "me puede decir",
    "me puedes decir",
    "me podrías decir",
    "me podría decir",
    "sabes si",
    "sabe si",
    "eres ",
    "es usted ",
    "estoy hablando con ",
    "hablo con una ",
    "hablo con un ",
];

const ENGLISH_OPENINGS: &[&str] = &[
    "what ",
    "how ",
    "when ",
    "where ",
    "do you ",
    "does ",
    "can i ",
    "can you ",
    "is there",
    "are there",
    "which ",
    "why ",
    "are you ",
    "i would like to know",
    "i want to know",
];
