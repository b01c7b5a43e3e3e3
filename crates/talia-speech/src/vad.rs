//! What every voice activity detector does: telephone samples in, probabilities of speech out.

use crate::error::EngineError;
use std::time::Duration;

/// The verdict on one step of audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceProbability {
    /// How likely the step is speech, 0 to 1.
    pub probability: f32,
    /// Where the step ends, in 8 kHz samples since the stream began.
    pub end: u64,
}

/// A detector listening to one stream of 8 kHz samples.
pub trait VoiceDetector: Send {
    /// How much audio a step covers.
    fn step(&self) -> Duration;

    /// Takes any number of samples and appends one verdict for each step that they complete.
    ///
    /// After an error the samples given are lost, and the stream goes on with the next ones.
    fn push(&mut self, samples: &[i16], verdicts: &mut Vec<VoiceProbability>) -> Result<(), EngineError>;

    /// Forgets everything heard, as for a new call.
    fn reset(&mut self);
}
