//! What kind of answer the model's last question asks for: the dialogue's patience depends on it.

use talia_spanish::Expectation;

/// Words of a question, folded, and what it asks for; the first that fits.
const ASKED: &[(&[&str], Expectation)] = &[
    (
        &[
            "correcto",
            "es correct",
            "right?",
            "algo mas",
            "anything else",
            "te parece",
            "le parece",
        ],
        Expectation::YesNo,
    ),
    (&["correo", "e-mail", "email"], Expectation::Email),
    (&["telefono", "que numero", "phone", "number"], Expectation::Phone),
    (
        &["nombre", "con quien", "como te llamas", "name", "speaking with"],
        Expectation::Name,
    ),
    (&["empresa", "negocio", "company"], Expectation::Company),
];

/// Judges by the last question of what was said.
pub(super) fn after(text: &str) -> Expectation {
    let folded: String = text.to_lowercase().chars().map(plain).collect();
    let Some(end) = folded.rfind('?') else {
        return Expectation::Open;
    };
    let start = folded[..end].rfind(['.', '!', '?', '¿']).unwrap_or(0);
    let question = &folded[start..=end];
    let fits = |(words, _): &&(&[&str], Expectation)| words.iter().any(|word| question.contains(word));
    ASKED
        .iter()
        .find(fits)
        .map_or(Expectation::Open, |(_, expectation)| *expectation)
}

fn plain(letter: char) -> char {
    match letter {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' => 'u',
        other => other,
    }
}
