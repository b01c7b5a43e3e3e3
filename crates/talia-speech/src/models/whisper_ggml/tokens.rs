//! The text of Whisper's tokens, from a Hugging Face tokenizer file.

use super::ConvertError;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Tokenizer {
    model: Bpe,
}

#[derive(Deserialize)]
struct Bpe {
    vocab: HashMap<String, usize>,
}

/// Bytes of the first `count` tokens, by number.
pub(super) fn text_tokens(tokenizer: &[u8], count: usize) -> Result<Vec<Vec<u8>>, ConvertError> {
    let tokenizer: Tokenizer =
        serde_json::from_slice(tokenizer).map_err(|error| ConvertError::Tokenizer(error.to_string()))?;
    let bytes = byte_of_char();
    let mut tokens = vec![None; count];
    for (text, number) in &tokenizer.model.vocab {
        if let Some(slot) = tokens.get_mut(*number) {
            *slot = text
                .chars()
                .map(|c| bytes.get(&c).copied())
                .collect::<Option<Vec<u8>>>();
        }
    }
    tokens
        .into_iter()
        .enumerate()
        .map(|(number, token)| token.ok_or_else(|| ConvertError::Tokenizer(format!("token {number} is missing"))))
        .collect()
}

/// GPT-2 writes every byte as a printable character: printable ones as themselves, the others from U+0100 on.
fn byte_of_char() -> HashMap<char, u8> {
    let mut next = 0x100_u32;
    (0..=u8::MAX)
        .map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
            let character = if printable {
                char::from(byte)
            } else {
                next += 1;
                char::from_u32(next - 1).expect("below U+0200")
            };
            (character, byte)
        })
        .collect()
}
