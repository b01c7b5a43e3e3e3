//! Speech to text. One file a provider.

pub mod fixed_delay;
pub mod local;

use std::sync::{Arc, atomic::AtomicBool};
use talia_spanish::{Expectation, Language};

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct Recording {
    /// 8 kHz mono.
    pub samples: Vec<i16>,
    /// The kind of answer that was asked for.
    pub expectation: Expectation,
    /// The language spoken.
    pub language: Language,
}

/// Why there are no words.
#[derive(Debug, thiserror::Error)]
pub enum SttError {
    /// A newer job replaced it.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed.
    #[error("the recogniser failed: {0}")]
    Engine(String),
}

/// A recogniser for whole pieces of speech. Blocking: it runs in the ears' pool.
pub trait Stt: Send + Sync {
    /// The words of a recording; empty when it holds none.
    fn transcribe(&self, recording: &Recording, cancel: &Arc<AtomicBool>) -> Result<String, SttError>;
    /// Its name, as it is printed.
    fn name(&self) -> &'static str;
}
