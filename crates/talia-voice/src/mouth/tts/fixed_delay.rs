//! A mouth for load tests: a hum as long as the text would take, after a fixed time. Named so wherever it is configured or printed.

use super::{Tts, TtsError, Voice};
use std::{f32::consts::TAU, sync::Arc, thread, time::Duration};
use talia_audio::{frame::SAMPLE_RATE, mulaw};

/// How much speech a letter is worth: about 15 letters a second.
const SAMPLES_A_LETTER: usize = SAMPLE_RATE as usize / 15;

/// Hums after a fixed time.
pub struct FixedDelayTts {
    /// How long a synthesis takes.
    pub delay: Duration,
}

impl Tts for FixedDelayTts {
    fn speak(&self, text: &str, _voice: &Voice) -> Result<Arc<[u8]>, TtsError> {
        thread::sleep(self.delay);
        let samples = text.chars().count() * SAMPLES_A_LETTER;
        Ok((0..samples)
            .map(|n| {
                let at = n as f32 / SAMPLE_RATE as f32;
                mulaw::encode((3_000.0 * (TAU * 180.0 * at).sin() * (TAU * 2.0 * at).cos()) as i16)
            })
            .collect())
    }

    fn kept(&self, _text: &str, _voice: &Voice) -> Option<Arc<[u8]>> {
        None
    }

    fn prepare(&self, _text: &str, _voice: &Voice) -> Result<bool, TtsError> {
        Ok(false)
    }

    fn pace(&self) -> f32 {
        0.0
    }

    fn name(&self) -> &'static str {
        "fixed-delay"
    }
}
