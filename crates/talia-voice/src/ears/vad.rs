//! One voice activity detector a call.

pub use talia_speech::{VoiceDetector, VoiceProbability};

use talia_speech::{EngineError, Silero, webrtc::WebRtcVad};

/// Makes a detector for each call.
pub trait DetectorSource: Send + Sync {
    /// A detector that has heard nothing yet.
    fn detector(&self) -> Result<Box<dyn VoiceDetector>, EngineError>;
}

/// Silero: the default.
impl DetectorSource for Silero {
    fn detector(&self) -> Result<Box<dyn VoiceDetector>, EngineError> {
        Ok(Box::new(self.stream()))
    }
}

/// The WebRTC project's detector: needs no model and takes a microsecond a step.
impl DetectorSource for WebRtcVad {
    fn detector(&self) -> Result<Box<dyn VoiceDetector>, EngineError> {
        Ok(Box::new(self.stream()?))
    }
}
