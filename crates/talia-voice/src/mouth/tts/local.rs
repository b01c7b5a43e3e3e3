//! Kokoro on this machine, the fallbacks behind it, and the prepared phrases in memory before it.

use super::{Tts, TtsError, Voice};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use talia_speech::{
    kokoro::KokoroVoice,
    voice::{Utterance, Voice as Chain},
};

/// The local voices.
pub struct LocalTts {
    chain: Chain,
    prepared: RwLock<HashMap<PhraseKey, Arc<[u8]>>>,
}

/// Voice, speed in thousandths, text.
type PhraseKey = (String, i32, String);

impl LocalTts {
    /// Speaks with this chain of engines.
    pub fn new(chain: Chain) -> Self {
        Self { chain, prepared: RwLock::default() }
    }
}

fn key(text: &str, voice: &Voice) -> PhraseKey {
    (voice.name.clone(), (voice.speed * 1_000.0).round() as i32, text.to_owned())
}

fn utterance<'a>(text: &'a str, voice: &Voice) -> Result<Utterance<'a>, TtsError> {
    let name: KokoroVoice = voice.name.parse().map_err(|error| TtsError::Engine(format!("{error}")))?;
    Ok(Utterance { text, voice: name, speed: voice.speed })
}

impl Tts for LocalTts {
    fn speak(&self, text: &str, voice: &Voice) -> Result<Arc<[u8]>, TtsError> {
        let spoken = self.chain.speak(&utterance(text, voice)?);
        spoken.map(|spoken| spoken.mulaw.into()).map_err(|error| TtsError::Engine(error.to_string()))
    }

    fn kept(&self, text: &str, voice: &Voice) -> Option<Arc<[u8]>> {
        self.prepared.read().unwrap_or_else(PoisonError::into_inner).get(&key(text, voice)).cloned()
    }

    fn prepare(&self, text: &str, voice: &Voice) -> Result<bool, TtsError> {
        let spoken = self
            .chain
            .speak_and_keep(&utterance(text, voice)?)
            .map_err(|error| TtsError::Engine(error.to_string()))?;
        let made = !spoken.kept;
        self.prepared
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key(text, voice), spoken.mulaw.into());
        Ok(made)
    }

    fn name(&self) -> &'static str {
        "kokoro"
    }
}
