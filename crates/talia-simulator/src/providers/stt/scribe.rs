//! ElevenLabs Scribe, streaming. Source: the types and the connection of ElevenLabs' Python SDK 2.78.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::dialect::{Answer, Dialect, Handshake, REVISED, Refused, Said, Service, Violation};
use crate::providers::tone_words::ToneEar;

#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "model_id", "audio_format", "commit_strategy", "vad_silence_threshold_secs", "vad_threshold", "min_speech_duration_ms",
    "min_silence_duration_ms", "language_code", "secondary_languages", "include_timestamps", "include_language_detection",
    "keyterms", "no_verbatim", "entity_detection", "entity_redaction", "entity_redaction_mode", "transcript_edit",
    "filter_background_audio", "enable_logging", "token",
];
const CHUNK: &[&str] = &[
    "message_type",
    "audio_base_64",
    "commit",
    "sample_rate",
    "previous_text",
];
/// A commit of less audio is refused: 0.3 s.
const SHORTEST: u64 = 2_400;

pub(super) struct Scribe {
    ear: ToneEar,
    from: u64,
    chunks: u32,
    said: usize,
}

impl Scribe {
    pub(super) fn accept(service: &Service, shake: &Handshake) -> Result<Self, Refused> {
        if shake.path != "/v1/speech-to-text/realtime" {
            return Err(Refused {
                status: 404,
                reason: "no such path".to_owned(),
            });
        }
        if shake.header("xi-api-key") != Some(service.key.as_str()) {
            return Err(Refused::key());
        }
        shake.only(KNOWN)?;
        shake.must("model_id", "scribe_v2_realtime")?;
        shake.must("audio_format", "ulaw_8000")?;
        shake.must("commit_strategy", "manual")?;
        let terms = shake.query.iter().filter(|(name, _)| name == "keyterms");
        if terms.clone().count() > 50 || terms.into_iter().any(|(_, term)| term.chars().count() > 20) {
            return Err(Refused::bad("50 keyterms at most, of 20 characters at most"));
        }
        Ok(Self {
            ear: ToneEar::new(service.vocabulary.clone()),
            from: 0,
            chunks: 0,
            said: 0,
        })
    }

    fn words(&self, revised: bool) -> Vec<&str> {
        let words = self.ear.words().iter().filter(|word| word.from >= self.from);
        words
            .map(|word| if revised { REVISED } else { word.text.as_str() })
            .collect()
    }
}

impl Dialect for Scribe {
    fn opened(&mut self) -> Vec<Said> {
        vec![Said::other(&json!({
            "message_type": "session_started", "session_id": "1",
            "config": { "sample_rate": 8_000, "audio_format": "ulaw_8000", "commit_strategy": "manual" },
        }))]
    }

    fn text(&mut self, text: &str) -> Answer {
        let message: Value = serde_json::from_str(text).map_err(|_| Violation::new("not JSON"))?;
        let error = |kind: &str| Ok(vec![Said::other(&json!({ "message_type": kind, "error": "refused" }))]);
        let known = message
            .as_object()
            .map(Map::keys)
            .is_some_and(|mut fields| fields.all(|field| CHUNK.contains(&field.as_str())));
        if !known || message["message_type"] != "input_audio_chunk" || message["sample_rate"] != 8_000 {
            return error("input_error");
        }
        let (Some(commit), Some(audio)) = (message["commit"].as_bool(), message["audio_base_64"].as_str()) else {
            return error("input_error");
        };
        let Ok(bytes) = STANDARD.decode(audio) else {
            return error("input_error");
        };
        if (bytes.is_empty() && !commit) || (message["previous_text"].is_string() && self.chunks > 0) {
            return error("input_error");
        }
        self.chunks += 1;
        self.ear.push(&bytes);
        let mut said = Vec::new();
        if commit {
            if self.ear.position() - self.from < SHORTEST {
                return error("commit_throttled");
            }
            self.ear.end_word();
            let whole = |words: Vec<&str>| json!({ "message_type": "committed_transcript", "text": words.join(" ") });
            said.push(Said::last(&whole(self.words(false)), &whole(self.words(true))));
            self.from = self.ear.position();
            self.said = 0;
        } else if self.words(false).len() > self.said {
            let words = self.words(false);
            let partial = json!({ "message_type": "partial_transcript", "text": words.join(" ") });
            self.said = words.len();
            said.push(Said::other(&partial));
        }
        Ok(said)
    }

    fn binary(&mut self, _bytes: &[u8]) -> Answer {
        Err(Violation::new("binary messages are not taken"))
    }

    fn audio_bytes(&self) -> u64 {
        self.ear.position()
    }
}
