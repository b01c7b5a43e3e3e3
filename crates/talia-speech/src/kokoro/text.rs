//! From text to the numbers of Kokoro's phonemes.

use crate::error::EngineError;
use crate::models::ModelError;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// Most phonemes the network takes in one run; the style table ends there too.
const MOST: usize = 510;
/// Longer texts are cut at punctuation from here on: quality falls and memory grows with length.
const COMFORTABLE: usize = 240;

/// What one run of the network gets.
pub(super) struct TokenRows {
    /// Numbers with the padding around them.
    pub(super) padded: Vec<i64>,
    /// How many phonemes they are.
    pub(super) spoken: usize,
}

/// Numbers of the phonemes.
pub(super) struct Vocabulary(HashMap<char, i64>);

#[derive(Deserialize)]
struct File {
    vocab: HashMap<char, i64>,
}

impl Vocabulary {
    pub(super) fn load(path: &Path) -> Result<Self, EngineError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|error| EngineError::load(super::ENGINE)(format!("tabla de fonemas: {error}")))?;
        Ok(Self(file.vocab))
    }

    /// The text in pieces of comfortable length; nothing for a text without a sound.
    pub(super) fn rows(&self, phonemes: &str) -> Vec<TokenRows> {
        let known: Vec<char> = phonemes
            .chars()
            .filter(|phoneme| self.0.contains_key(phoneme))
            .collect();
        pieces(&known)
            .into_iter()
            .filter(|piece| piece.iter().any(|phoneme| phoneme.is_alphabetic()))
            .map(|piece| {
                let numbers = piece.iter().map(|phoneme| self.0[phoneme]);
                TokenRows {
                    padded: std::iter::once(0).chain(numbers).chain([0]).collect(),
                    spoken: piece.len(),
                }
            })
            .collect()
    }
}

/// Cuts behind the last punctuation that keeps a piece comfortable, else behind a word, else where it must.
fn pieces(mut phonemes: &[char]) -> Vec<&[char]> {
    let mut pieces = Vec::new();
    while phonemes.len() > COMFORTABLE {
        let head = &phonemes[..phonemes.len().min(MOST)];
        let comfortable = &head[..COMFORTABLE];
        let behind = |marks: &[char], text: &[char]| {
            text.iter()
                .rposition(|phoneme| marks.contains(phoneme))
                .map(|at| at + 1)
                .filter(|at| *at > COMFORTABLE / 4)
        };
        let cut = behind(&['.', '!', '?', ';', ':', '…'], comfortable)
            .or_else(|| behind(&[',', '—'], comfortable))
            .or_else(|| behind(&[' '], comfortable))
            .unwrap_or(head.len());
        let (piece, rest) = phonemes.split_at(cut);
        pieces.push(piece);
        phonemes = rest;
    }
    pieces.push(phonemes);
    pieces
}

#[cfg(test)]
mod tests {
    use super::{COMFORTABLE, MOST, pieces};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_lose_nothing_and_fit(text in "[a-z ,.]{0,1500}") {
            let phonemes: Vec<char> = text.chars().collect();
            let pieces = pieces(&phonemes);
            prop_assert_eq!(pieces.concat(), phonemes.clone());
            prop_assert!(pieces.iter().all(|piece| piece.len() <= MOST));
        }
    }

    #[test]
    fn a_long_text_is_cut_behind_a_sentence() {
        let text = "una frase que ocupa cierto espacio. ".repeat(20);
        let phonemes: Vec<char> = text.chars().collect();
        let pieces = pieces(&phonemes);
        assert!(pieces.len() > 1);
        assert!(pieces[0].len() <= COMFORTABLE && pieces[0].ends_with(&['.']));
    }
}
