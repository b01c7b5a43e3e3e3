//! A voice that doesn't fall silent: Kokoro, then Pico, then espeak-ng, whichever answers first in that order.

use crate::error::EngineError;
use crate::kokoro::{self, Kokoro, KokoroVoice};
use crate::models::catalogue;
use crate::program::Program;
use crate::speech_cache::{PhraseKey, SpeechCache};
use std::sync::Arc;
use talia_audio::mulaw;
use talia_spanish::Language;

/// What is to be said and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utterance<'a> {
    pub text: &'a str,
    pub voice: KokoroVoice,
    /// 1 is the voice's own pace.
    pub speed: f32,
}

impl Utterance<'_> {
    fn language(&self) -> Language {
        self.voice.language()
    }
}

/// The engine that served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServedBy {
    Kokoro,
    Pico,
    Espeak,
}

impl ServedBy {
    /// Its name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kokoro => kokoro::ENGINE,
            Self::Pico => Program::Pico.command(),
            Self::Espeak => Program::Espeak.command(),
        }
    }
}

/// Speech ready for the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// 8 kHz μ-law.
    pub mulaw: Vec<u8>,
    pub served_by: ServedBy,
    /// Whether it came from the cache.
    pub kept: bool,
}

/// The chain of engines with the cache of phrases before it.
#[derive(Clone)]
pub struct Voice {
    kokoro: Option<Kokoro>,
    programs: Arc<[Program]>,
    cache: Option<SpeechCache>,
}

impl Voice {
    /// A chain that starts with `kokoro`, if there is one, followed by the programs that this machine has.
    pub fn new(kokoro: Option<Kokoro>, cache: Option<SpeechCache>) -> Self {
        let programs = [Program::Pico, Program::Espeak]
            .into_iter()
            .filter(|program| program.is_installed())
            .collect();
        Self {
            kokoro,
            programs,
            cache,
        }
    }

    /// The engines in the order they are asked.
    pub fn engines(&self) -> impl Iterator<Item = ServedBy> {
        let kokoro = self.kokoro.is_some().then_some(ServedBy::Kokoro);
        kokoro
            .into_iter()
            .chain(self.programs.iter().map(|program| served_by(*program)))
    }

    /// Says a text, or what the cache has of it; nothing is written.
    ///
    /// The error is the first engine's when all fail.
    pub fn speak(&self, utterance: &Utterance<'_>) -> Result<Spoken, EngineError> {
        if let Some(mulaw) = self.cache.as_ref().and_then(|cache| cache.get(&key(utterance))) {
            return Ok(Spoken {
                mulaw,
                served_by: ServedBy::Kokoro,
                kept: true,
            });
        }
        self.synthesize(utterance)
    }

    /// As [`Voice::speak`], and keeps the phrase: for texts of the house, never for a caller's own words.
    pub fn speak_and_keep(&self, utterance: &Utterance<'_>) -> Result<Spoken, EngineError> {
        let spoken = self.speak(utterance)?;
        // A fallback's voice isn't kept: the phrase is to sound right again once Kokoro does.
        if let (Some(cache), false, ServedBy::Kokoro) = (&self.cache, spoken.kept, spoken.served_by)
            && let Err(error) = cache.put(&key(utterance), &spoken.mulaw)
        {
            tracing::warn!(%error, "a phrase could not be kept");
        }
        Ok(spoken)
    }

    fn synthesize(&self, utterance: &Utterance<'_>) -> Result<Spoken, EngineError> {
        let mut first_error = None;
        if let Some(kokoro) = &self.kokoro {
            match kokoro.speak_8k(utterance.text, utterance.voice, utterance.speed) {
                Ok(samples) => return Ok(spoken(&samples, ServedBy::Kokoro)),
                Err(EngineError::Unspeakable) => return Err(EngineError::Unspeakable),
                Err(error) => {
                    tracing::warn!(%error, "Kokoro failed; a fallback speaks");
                    first_error = Some(error);
                }
            }
        }
        for program in self.programs.iter().copied() {
            match program.speak_8k(utterance.text, utterance.language(), utterance.speed) {
                Ok(samples) => return Ok(spoken(&samples, served_by(program))),
                Err(error) => {
                    tracing::warn!(%error, "a fallback voice failed");
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or(EngineError::NoProgram("pico2wave")))
    }
}

fn served_by(program: Program) -> ServedBy {
    match program {
        Program::Pico => ServedBy::Pico,
        Program::Espeak => ServedBy::Espeak,
    }
}

fn spoken(samples: &[i16], served_by: ServedBy) -> Spoken {
    Spoken {
        mulaw: samples.iter().copied().map(mulaw::encode).collect(),
        served_by,
        kept: false,
    }
}

fn key<'a>(utterance: &Utterance<'a>) -> PhraseKey<'a> {
    PhraseKey {
        engine: kokoro::ENGINE,
        model: catalogue::find(catalogue::KOKORO).map_or("", |model| model.sha256),
        voice: utterance.voice.name(),
        speed: utterance.speed,
        text: utterance.text,
    }
}
