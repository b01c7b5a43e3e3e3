//! Kokoro's voices: a style vector for each length of text.

use crate::error::EngineError;
use crate::models::ModelError;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use talia_spanish::Language;

const STYLE: usize = 256;

/// The voices that are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KokoroVoice {
    /// Spanish, woman.
    #[default]
    Dora,
    /// Spanish, man.
    Alex,
    /// Spanish, older man.
    Santa,
    /// English, woman.
    Heart,
}

impl KokoroVoice {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dora, Self::Alex, Self::Santa, Self::Heart];

    /// Its name in Kokoro and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dora => "ef_dora",
            Self::Alex => "em_alex",
            Self::Santa => "em_santa",
            Self::Heart => "af_heart",
        }
    }

    /// The language it speaks.
    pub fn language(self) -> Language {
        match self {
            Self::Heart => Language::English,
            Self::Dora | Self::Alex | Self::Santa => Language::Spanish,
        }
    }

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Dora => "ef_dora.bin",
            Self::Alex => "em_alex.bin",
            Self::Santa => "em_santa.bin",
            Self::Heart => "af_heart.bin",
        }
    }
}

impl fmt::Display for KokoroVoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A voice's name that isn't one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no hay voz «{0}»; las voces son ef_dora, em_alex, em_santa y af_heart")]
pub struct UnknownVoice(String);

impl FromStr for KokoroVoice {
    type Err = UnknownVoice;

    fn from_str(name: &str) -> Result<Self, UnknownVoice> {
        Self::ALL
            .into_iter()
            .find(|voice| voice.name() == name)
            .ok_or_else(|| UnknownVoice(name.to_owned()))
    }
}

/// Style vectors, one row for each number of phonemes.
pub(super) struct Styles(Vec<f32>);

impl Styles {
    pub(super) fn load(path: &Path) -> Result<Self, EngineError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        let floats: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if floats.is_empty() || !floats.len().is_multiple_of(STYLE) {
            return Err(EngineError::load(super::ENGINE)(format!(
                "{} no tiene filas de {STYLE} números",
                path.display()
            )));
        }
        Ok(Self(floats))
    }

    /// The style for a text of `phonemes` phonemes.
    pub(super) fn row(&self, phonemes: usize) -> &[f32] {
        let row = phonemes.min(self.0.len() / STYLE - 1);
        &self.0[row * STYLE..][..STYLE]
    }
}
