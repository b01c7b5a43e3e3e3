//! What kind of answer a model's words ask for: it shapes how the caller is heard, and how patiently.

use super::LeadDraft;
use talia_spanish::Expectation;

/// Words of a question, and what it asks for. The first that fits.
const ASKED: &[(&[&str], Expectation)] = &[
    (&["correo", "e-mail", "email", "mail"], Expectation::Email),
    (&["deletre", "letra por letra", "spell"], Expectation::Spelled),
    (
        &[
            "qué número",
            "tu número",
            "su número",
            "teléfono",
            "what number",
            "phone number",
            "your number",
        ],
        Expectation::Phone,
    ),
    (
        &[
            "con quién",
            "tu nombre",
            "su nombre",
            "cómo te llamas",
            "cómo se llama usted",
            "your name",
            "speaking with",
        ],
        Expectation::Name,
    ),
    (
        &[
            "empresa",
            "compañía",
            "tu negocio",
            "su negocio",
            "razón social",
            "company",
            "your business",
        ],
        Expectation::Company,
    ),
    (
        &["qué día", "qué fecha", "cuándo", "what day", "what date"],
        Expectation::Date,
    ),
];

/// Words by which a yes or a no is asked for.
const CONFIRMS: &[&str] = &[
    "correcto",
    "verdad",
    "está bien",
    "de acuerdo",
    "te parece",
    "le parece",
    "así es",
    "es ese",
    "es éste",
    "a este número",
    "algo más",
    "te sirve",
    "le sirve",
    "right",
    "correct",
    "is that ok",
    "anything else",
];

/// What answer the last question of an answer asks for.
pub(super) fn expected(answer: &str, lead: &LeadDraft) -> Expectation {
    let lower = answer.to_lowercase();
    let Some(end) = lower.rfind('?') else {
        return Expectation::Open;
    };
    let question = &lower[..end];
    let asked = question.rsplit(['.', '?', '!', '¿']).next().unwrap_or_default();
    // "A ver si lo anoté bien: ana@example.com. ¿Es correcto?": what is read back stands before the question.
    let before = &lower[..end];
    let confirms = CONFIRMS.iter().any(|words| asked.contains(words));
    let reads_email = before.contains('@') || lead.email.as_deref().is_some_and(|email| before.contains(email));
    if reads_email {
        return Expectation::ConfirmEmail;
    }
    let digits = before.chars().filter(char::is_ascii_digit).count();
    if digits >= 7 || (confirms && (asked.contains("número") || asked.contains("number"))) {
        return Expectation::ConfirmPhone;
    }
    if confirms {
        return Expectation::YesNo;
    }
    let fits = |(words, _): &&(&[&str], Expectation)| words.iter().any(|word| asked.contains(word));
    ASKED
        .iter()
        .find(fits)
        .map_or(Expectation::Open, |(_, expectation)| *expectation)
}
