//! Kokoro on this machine, the fallbacks behind it, and the prepared phrases in memory before it.

use super::{Tts, TtsError, Voice};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use talia_audio::frame::duration_of;
use talia_speech::{
    kokoro::KokoroVoice,
    stopwatch::Stopwatch,
    voice::{Utterance, Voice as Chain},
};

/// The local voices.
pub struct LocalTts {
    chain: Chain,
    prepared: RwLock<HashMap<PhraseKey, Arc<[u8]>>>,
    /// Thousandths of [`Tts::pace`].
    pace: AtomicU32,
}

/// What is believed of the machine before the first synthesis, in thousandths.
const FIRST_PACE: u32 = 500;

/// Voice, speed in thousandths, text.
type PhraseKey = (String, i32, String);

impl LocalTts {
    /// Speaks with this chain of engines.
    pub fn new(chain: Chain) -> Self {
        Self {
            chain,
            prepared: RwLock::default(),
            pace: AtomicU32::new(FIRST_PACE),
        }
    }

    /// Half of the newest figure and half of what was known: loads change quickly.
    fn learn(&self, work: Duration, speech: Duration) {
        if speech.is_zero() {
            return;
        }
        let newest = (work.as_secs_f32() / speech.as_secs_f32() * 1_000.0) as u32;
        self.pace.store(
            u32::midpoint(self.pace.load(Ordering::Relaxed), newest.min(10_000)),
            Ordering::Relaxed,
        );
    }
}

fn key(text: &str, voice: &Voice) -> PhraseKey {
    (
        voice.name.clone(),
        (voice.speed * 1_000.0).round() as i32,
        text.to_owned(),
    )
}

fn utterance<'a>(text: &'a str, voice: &Voice) -> Result<Utterance<'a>, TtsError> {
    let name: KokoroVoice = voice
        .name
        .parse()
        .map_err(|error| TtsError::Engine(format!("{error}")))?;
    Ok(Utterance {
        text,
        voice: name,
        speed: voice.speed,
    })
}

impl Tts for LocalTts {
    fn speak(&self, text: &str, voice: &Voice) -> Result<Arc<[u8]>, TtsError> {
        let watch = Stopwatch::start();
        let spoken = self.chain.speak(&utterance(text, voice)?);
        let spoken = spoken.map_err(|error| TtsError::Engine(error.to_string()))?;
        self.learn(watch.elapsed(), duration_of(spoken.mulaw.len() as u64));
        Ok(spoken.mulaw.into())
    }

    fn kept(&self, text: &str, voice: &Voice) -> Option<Arc<[u8]>> {
        self.prepared
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key(text, voice))
            .cloned()
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

    fn pace(&self) -> f32 {
        self.pace.load(Ordering::Relaxed) as f32 / 1_000.0
    }

    fn name(&self) -> &'static str {
        "kokoro"
    }
}
