//! Text to speech. One file a provider.

pub mod fixed_delay;
pub mod local;

use std::sync::Arc;
use talia_spanish::Language;

/// How it is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// The engine's name of the voice.
    pub name: String,
    /// 1.0 is the voice's own pace.
    pub speed: f32,
    /// The language of the text.
    pub language: Language,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum TtsError {
    /// Every engine of the chain failed.
    #[error("no engine could speak: {0}")]
    Engine(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}

/// Something that speaks. Blocking: it runs on a thread of its own.
pub trait Tts: Send + Sync {
    /// Speech as 8 kHz μ-law.
    fn speak(&self, text: &str, voice: &Voice) -> Result<Arc<[u8]>, TtsError>;
    /// The same, if it is kept already; never slow.
    fn kept(&self, text: &str, voice: &Voice) -> Option<Arc<[u8]>>;
    /// Speaks and keeps it; `false` when it came from what was kept on disk before.
    fn prepare(&self, text: &str, voice: &Voice) -> Result<bool, TtsError>;
    /// Seconds of work that a second of speech takes now, about.
    fn pace(&self) -> f32;
    /// Its name, as it is printed.
    fn name(&self) -> &'static str;
}
