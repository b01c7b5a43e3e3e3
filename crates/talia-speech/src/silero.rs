//! Silero v6 voice activity detection at its native 8 kHz.
//!
//! The network takes 256 new samples behind the last 32 of the step before, and a recurrent state of `[2, 1, 128]`.

use crate::error::EngineError;
use crate::models::{Installed, catalogue};
use crate::pool::Pool;
use crate::runtime;
use crate::vad::{VoiceDetector, VoiceProbability};
use ort::session::Session;
use ort::value::TensorRef;
use std::sync::Arc;
use std::time::Duration;

const ENGINE: &str = "Silero";
const SAMPLE_RATE: i64 = 8_000;
/// New samples a step: 32 ms.
pub const STEP: usize = 256;
const CONTEXT: usize = 32;
const STATE: usize = 2 * 128;

/// The model, shared by all streams. A stream's own state is 2 KiB.
#[derive(Clone)]
pub struct Silero {
    sessions: Arc<Pool<Session>>,
}

impl Silero {
    /// Loads one session a core: a step takes some 50 µs, so hundreds of streams share them.
    pub fn load(installed: &Installed) -> Result<Self, EngineError> {
        let sessions = runtime::sessions(installed, ENGINE, catalogue::SILERO, runtime::cores())?;
        Ok(Self {
            sessions: Arc::new(Pool::new(sessions)),
        })
    }

    /// A detector for one call.
    pub fn stream(&self) -> SileroStream {
        SileroStream {
            sessions: Arc::clone(&self.sessions),
            window: [0.0; CONTEXT + STEP],
            filled: CONTEXT,
            state: [0.0; STATE],
            end: 0,
        }
    }
}

/// One call's detector.
pub struct SileroStream {
    sessions: Arc<Pool<Session>>,
    /// The context, then the step being filled.
    window: [f32; CONTEXT + STEP],
    filled: usize,
    state: [f32; STATE],
    end: u64,
}

impl SileroStream {
    fn step_probability(&mut self) -> Result<f32, EngineError> {
        let mut session = self.sessions.take();
        run(&mut session, &self.window, &mut self.state).map_err(|error| EngineError::run(ENGINE)(error.to_string()))
    }
}

fn run(session: &mut Session, window: &[f32; CONTEXT + STEP], state: &mut [f32; STATE]) -> Result<f32, ort::Error> {
    let outputs = session.run(ort::inputs![
        "input" => TensorRef::from_array_view(([1, CONTEXT + STEP], &window[..]))?,
        "state" => TensorRef::from_array_view(([2_usize, 1, 128], &state[..]))?,
        "sr" => TensorRef::from_array_view(((), &[SAMPLE_RATE][..]))?,
    ])?;
    let (_, probability) = outputs["output"].try_extract_tensor::<f32>()?;
    let probability = probability.first().copied().unwrap_or(0.0);
    let (_, next) = outputs["stateN"].try_extract_tensor::<f32>()?;
    if next.len() != STATE {
        return Err(ort::Error::new("unexpected shape of the state"));
    }
    state.copy_from_slice(next);
    Ok(probability)
}

impl VoiceDetector for SileroStream {
    fn step(&self) -> Duration {
        Duration::from_millis(32)
    }

    fn push(&mut self, samples: &[i16], verdicts: &mut Vec<VoiceProbability>) -> Result<(), EngineError> {
        for sample in samples {
            self.window[self.filled] = f32::from(*sample) / 32_768.0;
            self.filled += 1;
            if self.filled < self.window.len() {
                continue;
            }
            self.end += STEP as u64;
            let outcome = self.step_probability();
            self.window.copy_within(STEP.., 0);
            self.filled = CONTEXT;
            let probability = outcome?;
            verdicts.push(VoiceProbability {
                probability,
                end: self.end,
            });
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.window = [0.0; CONTEXT + STEP];
        self.filled = CONTEXT;
        self.state = [0.0; STATE];
        self.end = 0;
    }
}
