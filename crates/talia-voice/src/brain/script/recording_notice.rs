//! Whether a disclosure tells the caller that the call is recorded.

use talia_spanish::Language;

/// Words before it that turn it into its opposite, as far back as they reach.
const DENIALS: [&str; 8] = ["no", "ni", "nunca", "sin", "not", "never", "without", "isn't"];
const REACH: usize = 3;

/// Whether the text says that the call is recorded ("se graba", "será grabada"; "is recorded"), and doesn't say that it isn't.
pub(super) fn tells(text: &str, language: Language) -> bool {
    let stem = match language {
        Language::Spanish => "graba",
        Language::English => "record",
    };
    let lower = text.to_lowercase();
    let words: Vec<_> = lower
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    let told: Vec<_> = (0..words.len()).filter(|at| words[*at].starts_with(stem)).collect();
    let denied = |at: usize| {
        words[at.saturating_sub(REACH)..at]
            .iter()
            .any(|word| DENIALS.contains(word))
    };
    !told.is_empty() && !told.into_iter().any(denied)
}

/// Words that make the recording depend on something.
const CONDITIONS: [&str; 12] = [
    "si",
    "solo",
    "sólo",
    "solamente",
    "únicamente",
    "permiso",
    "consentimiento",
    "only",
    "if",
    "unless",
    "permission",
    "consent",
];

/// Whether a text that tells of the recording says on what condition it is made ("solo se graba si…").
pub(super) fn is_conditional(text: &str) -> bool {
    let lower = text.to_lowercase();
    // Clause by clause: "si prefieres una persona, dilo" is about something else.
    let mut clauses = lower.split(['.', ';', ':']);
    clauses.any(|clause| {
        let told = clause.contains("graba") || clause.contains("record");
        let mut words = clause.split(|letter: char| !letter.is_alphanumeric());
        told && words.any(|word| CONDITIONS.contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_conditional, tells};
    use talia_spanish::Language::{English, Spanish};

    #[test]
    fn a_notice_is_known_from_its_words_and_a_denial_is_none() {
        for text in [
            "Soy Ana, una inteligencia artificial; esta llamada se graba y se transcribe.",
            "La llamada será GRABADA.",
            "Grabamos la llamada por calidad.",
            "Al seguir, acepta la grabación de la llamada.",
        ] {
            assert!(tells(text, Spanish), "{text}");
        }
        for text in [
            "Soy Ana, una inteligencia artificial, y la llamada se transcribe.",
            "Esta llamada no se graba.",
            "Esta llamada no será grabada.",
            "Sin grabación de ningún tipo.",
            "This call is recorded.",
        ] {
            assert!(!tells(text, Spanish), "{text}");
        }
        assert!(is_conditional("Soy Ana. La llamada solo se graba si se autoriza."));
        assert!(is_conditional("This call is recorded only if you agree."));
        assert!(!is_conditional(
            "Esta llamada se graba; si prefieres una persona, dilo."
        ));
        assert!(tells("This call is being recorded.", English));
        assert!(!tells("This call isn't recorded.", English));
        assert!(!tells("This call is transcribed.", English));
    }
}
