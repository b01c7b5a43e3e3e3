//! Which words of a sentence lie in the part that was heard.

/// Samples that a character of text is taken to last while the sentence's audio is not complete: about fifteen
/// characters a second, a calm speaking rate.
const SAMPLES_PER_CHARACTER: u32 = 530;

/// The words of `text` that are complete within its first `fraction` (0 to 1), as a prefix of `text`.
///
/// Speech is taken to be spread evenly over the characters, which is true to about a word.
pub fn heard_prefix(text: &str, fraction: f32) -> &str {
    if fraction >= 1.0 {
        return text.trim_end();
    }
    let characters = text.chars().count() as f32;
    let reached = if fraction > 0.0 { characters * fraction } else { 0.0 };
    let mut end = 0;
    let mut in_word = false;
    for (position, (index, character)) in text.char_indices().enumerate() {
        if character.is_whitespace() {
            if in_word && position as f32 <= reached {
                end = index;
            }
            in_word = false;
        } else {
            in_word = true;
        }
        if position as f32 > reached {
            break;
        }
    }
    text[..end].trim_end()
}

/// How many samples a sentence's audio is expected to have, judged by its text alone.
pub(crate) fn expected_samples(text: &str) -> u32 {
    (text.chars().count() as u32).saturating_mul(SAMPLES_PER_CHARACTER)
}
