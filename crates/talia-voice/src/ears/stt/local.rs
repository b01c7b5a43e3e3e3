//! Whisper on this machine, told what kind of answer to expect.

use super::{Recording, Stt, SttError};
use std::sync::{Arc, atomic::AtomicBool};
use talia_spanish::ear::{listening, prompt};
use talia_speech::{EngineError, Whisper, whisper::TranscribeOptions};

/// The local recogniser.
pub struct LocalStt(pub Whisper);

impl Stt for LocalStt {
    fn transcribe(&self, recording: &Recording, cancel: &Arc<AtomicBool>) -> Result<String, SttError> {
        let hear = |prompt: &str, brief| {
            let options = TranscribeOptions {
                prompt: prompt.to_owned(),
                language: recording.language,
                brief,
                alone: recording.alone,
                max_tokens: None,
                cancel: Some(cancel.clone()),
            };
            match self.0.transcribe(&recording.samples, &options) {
                Ok(heard) => Ok(heard.text),
                Err(EngineError::Cancelled) => Err(SttError::Cancelled),
                Err(error) => Err(SttError::Engine(error.to_string())),
            }
        };
        let expected = prompt::decoding_prompt(recording.expectation, recording.language);
        // The prompt's own words came back instead of the caller's.
        let leaks =
            |text: &str| !expected.is_empty() && prompt::leaks_prompt(text, recording.expectation, recording.language);
        let is_brief = recording.expectation.is_yes_no();
        let mut text = hear(expected, is_brief)?;
        if is_brief && (text.is_empty() || listening::is_hallucination(&text) || leaks(&text)) {
            text = hear(expected, false)?;
        }
        if leaks(&text) {
            text = hear("", false)?;
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
