//! Tells a greeting from what comes after it.

/// "Hola, buenas tardes" says nothing about what is needed.
pub(super) fn is_greeting(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.all(|word| GREETINGS.contains(&word))
}

/// What is left of a text when the sentences that only greet are taken from its beginning.
pub(super) fn without_greeting(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some(end) = rest.find(['.', ',', '!', ';']) {
        let (first, behind) = (&rest[..end], rest[end + 1..].trim());
        if behind.is_empty() || !is_greeting(first) {
            break;
        }
        rest = behind;
    }
    rest
}

const GREETINGS: [&str; 28] = [
    "hola",
    "buenas",
    "buenos",
    "buen",
    "tardes",
    "días",
    "dias",
    "noches",
    "día",
    "qué",
    "que",
    "tal",
    "bueno",
    "sí",
    "mira",
    "oye",
    "oiga",
    "perdón",
    "disculpa",
    "disculpe",
    "señorita",
    "señor",
    "joven",
    "hello",
    "hi",
    "good",
    "morning",
    "afternoon",
];
