//! `[speech]`: which engines hear and speak.

use super::ConfigError;
use super::chains::{self, Link};
use super::providers::{Described, Role};
use super::words::words;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    engines: String,
    #[serde(deserialize_with = "words")]
    ears: Vec<String>,
    #[serde(deserialize_with = "words")]
    mouth: Vec<String>,
    recogniser_threads: usize,
    fixed_transcription_ms: u64,
    fixed_synthesis_ms: u64,
}

/// Which engines hear and speak.
#[derive(Debug, Clone)]
pub struct Speech {
    /// What `local` stands for in the chains.
    pub engines: Engines,
    /// Who writes speech down, the first one first.
    pub ears: Vec<Link>,
    /// Who speaks, the first one first.
    pub mouth: Vec<Link>,
    /// Threads of recognition and of synthesis, all calls together; `None`: as many as the machine has cores.
    pub recogniser_threads: Option<usize>,
}

/// A kind of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engines {
    /// Real speech, on this machine.
    Local,
    /// No speech: constant times, for load tests.
    FixedDelay {
        /// How long a transcription takes.
        transcription: Duration,
        /// How long the first audio of a sentence takes.
        synthesis: Duration,
    },
}

impl Raw {
    pub(super) fn check(self, described: &Described) -> Result<Speech, ConfigError> {
        let engines = match self.engines.trim() {
            "local" => Engines::Local,
            "fixed-delay" => Engines::FixedDelay {
                transcription: Duration::from_millis(self.fixed_transcription_ms),
                synthesis: Duration::from_millis(self.fixed_synthesis_ms),
            },
            _ => return Err(ConfigError::value("speech.engines", "must be local or fixed-delay")),
        };
        Ok(Speech {
            engines,
            ears: chains::links("speech.ears", &self.ears, Role::Ears, described)?,
            mouth: chains::links("speech.mouth", &self.mouth, Role::Mouth, described)?,
            recogniser_threads: (self.recogniser_threads > 0).then_some(self.recogniser_threads),
        })
    }
}
