//! Lists of words: an array in the file, words with commas in an environment variable.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    Text(String),
}

/// Reads either; empty words are none.
pub(super) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let words = match Words::deserialize(from)? {
        Words::List(words) => words,
        Words::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    let trimmed = words.into_iter().map(|word| word.trim().to_owned());
    Ok(trimmed.filter(|word| !word.is_empty()).collect())
}
