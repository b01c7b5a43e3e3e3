//! How likely the caller has finished, from the sound of the last seconds.

use std::sync::Arc;
use talia_speech::smart_turn::SmartTurn;

/// Predicts the end of a turn. Blocking: it runs in the ears' pool.
pub trait EndOfTurn: Send + Sync {
    /// Probability that the speaker has finished, for 8 kHz audio that ends with the pause; `None` when it can't say.
    fn probability(&self, samples: &[i16]) -> Option<f32>;
}

/// smart-turn v3 on the local machine.
pub struct LocalEndOfTurn(pub Arc<SmartTurn>);

impl EndOfTurn for LocalEndOfTurn {
    fn probability(&self, samples: &[i16]) -> Option<f32> {
        match self.0.predict(samples) {
            Ok(probability) => Some(probability),
            Err(error) => {
                tracing::warn!(error = %error, "the end of a turn could not be predicted");
                None
            }
        }
    }
}
