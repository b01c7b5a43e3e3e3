//! smart-turn v3.2: from the sound of the last eight seconds, has the speaker finished?

use crate::error::EngineError;
use crate::models::{Installed, catalogue};
use crate::pool::Pool;
use crate::runtime;
use ort::session::Session;
use ort::value::TensorRef;
use std::sync::Arc;
use talia_audio::mel::{LogMel, MEL_BANDS, MEL_FRAMES};
use talia_audio::resample::{resample_all_f32, to_f32};

const ENGINE: &str = "smart-turn";
/// The model hears eight seconds; what is older than that is cut off.
const LONGEST_8K: usize = 8 * 8_000;

/// The classifier, shared by all calls.
#[derive(Clone)]
pub struct SmartTurn {
    states: Arc<Pool<State>>,
}

struct State {
    session: Session,
    mel: LogMel,
}

impl SmartTurn {
    /// Loads `sessions` copies of the model: so many predictions run at once, the others wait.
    pub fn load(installed: &Installed, sessions: usize) -> Result<Self, EngineError> {
        let sessions = runtime::sessions(installed, ENGINE, catalogue::SMART_TURN, sessions)?;
        let states = sessions.into_iter().map(|session| State {
            session,
            mel: LogMel::new(),
        });
        Ok(Self {
            states: Arc::new(Pool::new(states.collect())),
        })
    }

    /// How likely the turn in `samples` (8 kHz, the turn so far with the pause behind it) is complete, 0 to 1.
    ///
    /// Trained on whole turns: a turn must never be ended on this alone.
    pub fn predict(&self, samples: &[i16]) -> Result<f32, EngineError> {
        let failed = |reason: String| EngineError::run(ENGINE)(reason);
        let recent = &samples[samples.len().saturating_sub(LONGEST_8K)..];
        let telephone: Vec<f32> = recent.iter().copied().map(to_f32).collect();
        let wide = resample_all_f32(&telephone, 8_000, 16_000).map_err(|error| failed(error.to_string()))?;
        let mut state = self.states.take();
        state.predict(&wide).map_err(|error| failed(error.to_string()))
    }
}

impl State {
    fn predict(&mut self, wide: &[f32]) -> Result<f32, ort::Error> {
        let features = self.mel.features(wide);
        let input = TensorRef::from_array_view(([1, MEL_BANDS, MEL_FRAMES], features))?;
        let outputs = self.session.run(ort::inputs![input])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(probability.first().copied().unwrap_or(0.0).clamp(0.0, 1.0))
    }
}
