//! Local speech: the models and the engines that run them, with no key and no network.
//!
//! [`models`] fetches and checks the files; an engine loads only from [`models::Installed`], the proof that they are
//! whole. Engines are synchronous, cheap to clone and share a bounded pool of native state: a caller that needs one
//! waits for a free one, and no job uses more than one thread. This crate is the wall around native code (ONNX
//! Runtime, whisper.cpp, the WebRTC detector) and around speech programs run as processes.

pub mod error;
pub mod kokoro;
mod level;
pub mod models;
mod pool;
pub mod program;
mod runtime;
pub mod silero;
pub mod smart_turn;
pub mod speech_cache;
pub mod stopwatch;
pub mod vad;
pub mod voice;
pub mod webrtc;
pub mod whisper;

pub use error::EngineError;
pub use kokoro::Kokoro;
pub use models::{Installed, ModelError, ModelsDir};
pub use silero::Silero;
pub use smart_turn::SmartTurn;
pub use vad::{VoiceDetector, VoiceProbability};
pub use voice::Voice;
pub use whisper::Whisper;
