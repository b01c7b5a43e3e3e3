//! Kokoro-82M: phonemes in, 24 kHz speech out.

mod text;
mod voices;

pub use voices::KokoroVoice;

use crate::error::EngineError;
use crate::level::for_telephone;
use crate::models::{Installed, catalogue};
use crate::pool::Pool;
use crate::runtime;
use ort::session::Session;
use ort::value::TensorRef;
use std::collections::HashMap;
use std::sync::Arc;
use talia_audio::resample::to_i16;
use talia_spanish::tongue;
use text::{TokenRows, Vocabulary};
use voices::Styles;

pub(crate) const ENGINE: &str = "Kokoro";
/// Samples a second of what the network makes.
pub const SAMPLE_RATE: u32 = 24_000;
/// Silence between pieces of a text too long for one run.
const GAP_SECONDS: f32 = 0.18;
/// The network's voice becomes mush outside these speeds.
const SPEEDS: std::ops::RangeInclusive<f32> = 0.6..=1.6;

/// The voice engine, shared by all calls.
#[derive(Clone)]
pub struct Kokoro {
    shared: Arc<Shared>,
}

struct Shared {
    sessions: Pool<Session>,
    vocabulary: Vocabulary,
    styles: HashMap<KokoroVoice, Styles>,
}

impl Kokoro {
    /// Loads `sessions` copies of the network (some 200 MB each): so many syntheses run at once.
    pub fn load(installed: &Installed, sessions: usize) -> Result<Self, EngineError> {
        let sessions = runtime::sessions(installed, ENGINE, catalogue::KOKORO, sessions)?;
        let vocabulary = Vocabulary::load(&installed.path(catalogue::KOKORO_VOCABULARY))?;
        let styles = KokoroVoice::ALL
            .into_iter()
            .map(|voice| Ok((voice, Styles::load(&installed.path(voice.file()))?)))
            .collect::<Result<_, EngineError>>()?;
        Ok(Self {
            shared: Arc::new(Shared {
                sessions: Pool::new(sessions),
                vocabulary,
                styles,
            }),
        })
    }

    /// Speech for phonemes (IPA as espeak-ng writes it, with punctuation), 24 kHz, as the network makes it.
    ///
    /// `speed` is 1 for the voice's own pace. Phonemes the network doesn't know are left out.
    pub fn synthesize(&self, phonemes: &str, voice: KokoroVoice, speed: f32) -> Result<Vec<i16>, EngineError> {
        let wave = self.wave(phonemes, voice, speed)?;
        Ok(wave.into_iter().map(to_i16).collect())
    }

    /// Speech for a text, ready for the telephone: 8 kHz, no silence around it, level and peaks set.
    pub fn speak_8k(&self, text: &str, voice: KokoroVoice, speed: f32) -> Result<Vec<i16>, EngineError> {
        let phonemes = tongue::speech(text, voice.language());
        let wave = self.wave(&phonemes, voice, speed)?;
        for_telephone(wave, SAMPLE_RATE).map_err(|error| EngineError::run(ENGINE)(error.to_string()))
    }

    fn wave(&self, phonemes: &str, voice: KokoroVoice, speed: f32) -> Result<Vec<f32>, EngineError> {
        let rows = self.shared.vocabulary.rows(phonemes);
        if rows.is_empty() {
            return Err(EngineError::Unspeakable);
        }
        let styles = &self.shared.styles[&voice];
        let speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
        let mut wave = Vec::new();
        for TokenRows { padded, spoken } in rows {
            if !wave.is_empty() {
                wave.resize(wave.len() + (GAP_SECONDS * SAMPLE_RATE as f32) as usize, 0.0);
            }
            let mut session = self.shared.sessions.take();
            let piece = run(&mut session, &padded, styles.row(spoken), speed)
                .map_err(|error| EngineError::run(ENGINE)(error.to_string()))?;
            wave.extend(piece);
        }
        Ok(wave)
    }
}

fn run(session: &mut Session, tokens: &[i64], style: &[f32], speed: f32) -> Result<Vec<f32>, ort::Error> {
    let speed = [speed];
    let outputs = session.run(ort::inputs![
        "tokens" => TensorRef::from_array_view(([1, tokens.len()], tokens))?,
        "style" => TensorRef::from_array_view(([1, style.len()], style))?,
        "speed" => TensorRef::from_array_view(([1_usize], &speed[..]))?,
    ])?;
    let (_, wave) = outputs[0].try_extract_tensor::<f32>()?;
    Ok(wave.to_vec())
}
