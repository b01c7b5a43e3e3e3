//! `[speech]`: which engines hear and speak.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    engines: String,
    recogniser_threads: usize,
    fixed_transcription_ms: u64,
    fixed_synthesis_ms: u64,
}

/// Which engines hear and speak.
#[derive(Debug, Clone)]
pub struct Speech {
    /// The kind of engines.
    pub engines: Engines,
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
    pub(super) fn check(self) -> Result<Speech, ConfigError> {
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
            recogniser_threads: (self.recogniser_threads > 0).then_some(self.recogniser_threads),
        })
    }
}
