//! A recogniser for load tests: takes a fixed time and hears the same words. Named so wherever it is configured or printed.

use super::{Recording, Stt, SttError};
use std::{
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

/// Answers after a fixed time.
pub struct FixedDelayStt {
    /// How long a transcription takes.
    pub delay: Duration,
    /// What it hears.
    pub text: String,
}

impl Stt for FixedDelayStt {
    fn transcribe(&self, _recording: &Recording, _cancel: &Arc<AtomicBool>) -> Result<String, SttError> {
        thread::sleep(self.delay);
        Ok(self.text.clone())
    }

    fn name(&self) -> &'static str {
        "fixed-delay"
    }
}
