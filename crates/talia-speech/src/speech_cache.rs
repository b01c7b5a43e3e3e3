//! Phrases that are known beforehand, kept as μ-law on disk so that they cost nothing to say.
//!
//! Only for texts of the house: what a caller said is never written here.

use crate::models::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// Before every entry's digest; another number makes all old entries unknown.
const MAGIC: &[u8; 8] = b"TALIAU\x00\x01";
const DIGEST: usize = 32;

/// Everything that changes how a phrase sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhraseKey<'a> {
    /// Name of the engine.
    pub engine: &'a str,
    /// sha256 of its model, or the program's name.
    pub model: &'a str,
    pub voice: &'a str,
    pub speed: f32,
    pub text: &'a str,
}

impl PhraseKey<'_> {
    fn file_name(&self) -> String {
        let mut digest = Sha256::new();
        for field in [
            self.engine,
            self.model,
            self.voice,
            &format!("{:.3}", self.speed),
            self.text,
        ] {
            // Lengths keep "ab" + "c" apart from "a" + "bc".
            digest.update((field.len() as u64).to_le_bytes());
            digest.update(field);
        }
        format!("{}.ulaw", hex(&digest.finalize()))
    }
}

/// The folder of phrases.
#[derive(Debug, Clone)]
pub struct SpeechCache {
    folder: PathBuf,
}

impl SpeechCache {
    /// A cache in `folder`, which is made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The phrase's μ-law bytes; nothing if it isn't kept or its file is damaged.
    pub fn get(&self, key: &PhraseKey<'_>) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.folder.join(key.file_name())).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (digest, mulaw) = rest.split_at_checked(DIGEST)?;
        if mulaw.is_empty() || Sha256::digest(mulaw)[..] != *digest {
            tracing::warn!("a kept phrase is damaged and will be made again");
            return None;
        }
        Some(bytes.split_off(MAGIC.len() + DIGEST))
    }

    /// Keeps a phrase; it is under its name only once it is whole.
    pub fn put(&self, key: &PhraseKey<'_>, mulaw: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(mulaw))?;
        file.write_all(mulaw)?;
        file.persist(self.folder.join(key.file_name()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{PhraseKey, SpeechCache};
    use std::fs;

    const KEY: PhraseKey<'_> = PhraseKey {
        engine: "Kokoro",
        model: "6e742170",
        voice: "ef_dora",
        speed: 1.0,
        text: "Hola, buenos días.",
    };

    #[test]
    fn a_phrase_comes_back_as_it_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SpeechCache::new(folder.path().join("phrases"));
        assert_eq!(cache.get(&KEY), None);
        cache.put(&KEY, &[1, 2, 3]).unwrap();
        assert_eq!(cache.get(&KEY), Some(vec![1, 2, 3]));
        for other in [
            PhraseKey { text: "Hola.", ..KEY },
            PhraseKey { speed: 1.1, ..KEY },
            PhraseKey { model: "0", ..KEY },
            PhraseKey {
                voice: "em_alex",
                ..KEY
            },
        ] {
            assert_eq!(cache.get(&other), None);
        }
    }

    #[test]
    fn a_damaged_phrase_is_not_played() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SpeechCache::new(folder.path());
        cache.put(&KEY, &[7; 400]).unwrap();
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..20], &[]] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(cache.get(&KEY), None);
        }
        let mut flipped = whole;
        flipped[100] ^= 1;
        fs::write(&file, &flipped).unwrap();
        assert_eq!(cache.get(&KEY), None);
        cache.put(&KEY, &[7; 400]).unwrap();
        assert_eq!(cache.get(&KEY), Some(vec![7; 400]));
    }
}
