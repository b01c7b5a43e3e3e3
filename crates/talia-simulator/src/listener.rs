//! How the caller understands the assistant: the trait that a recogniser implements, and one that hears nothing.

use futures::future::BoxFuture;

/// A listener couldn't understand.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the caller's ear failed: {0}")]
pub struct ListenerFault(pub String);

/// Turns what the caller heard into text, for answers chosen by keyword and interruptions at a word.
pub trait Listener: Send + Sync {
    /// Understands 8 kHz mono samples. Runs beside the call: the call's pace doesn't wait for it.
    fn transcribe(&self, samples: Vec<i16>) -> BoxFuture<'_, Result<String, ListenerFault>>;
}

/// Understands nothing: for scripts that go by silence and time alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeafListener;

impl Listener for DeafListener {
    fn transcribe(&self, _samples: Vec<i16>) -> BoxFuture<'_, Result<String, ListenerFault>> {
        Box::pin(std::future::ready(Ok(String::new())))
    }
}
