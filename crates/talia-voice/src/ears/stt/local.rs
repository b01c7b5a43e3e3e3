//! Whisper on this machine, told what kind of answer to expect.

use super::{Recording, Stt, SttError};
use std::sync::{Arc, atomic::AtomicBool};
use talia_spanish::ear::{listening, prompt};
use talia_speech::{EngineError, Whisper, whisper::TranscribeOptions};

/// The local recogniser.
pub struct LocalStt(pub Whisper);

impl Stt for LocalStt {
    fn transcribe(&self, recording: &Recording, cancel: &Arc<AtomicBool>) -> Result<String, SttError> {
        let options = |prompt: &str| TranscribeOptions {
            prompt: prompt.to_owned(),
            language: recording.language,
            max_tokens: None,
            cancel: Some(cancel.clone()),
        };
        let hear = |prompt: &str| match self.0.transcribe(&recording.samples, &options(prompt)) {
            Ok(heard) => Ok(heard.text),
            Err(EngineError::Cancelled) => Err(SttError::Cancelled),
            Err(error) => Err(SttError::Engine(error.to_string())),
        };
        let expected = prompt::decoding_prompt(recording.expectation, recording.language);
        let mut text = hear(expected)?;
        if !expected.is_empty() && prompt::leaks_prompt(&text, recording.expectation, recording.language) {
            // The prompt's own words came back instead of the caller's: once more without it.
            text = hear("")?;
        }
        Ok(if listening::is_hallucination(&text) {
            String::new()
        } else {
            text
        })
    }

    fn name(&self) -> &'static str {
        "whisper"
    }
}
