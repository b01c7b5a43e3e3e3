//! Deepgram's `/v1/listen`. Sources: its API specification 4ba987c, its pages "Finalize", "Audio Keep Alive", "Endpointing".

use std::time::Duration;

use serde_json::{Value, json};

use super::dialect::{Answer, Dialect, Handshake, REVISED, Refused, Said, Service, Violation, seconds};
use crate::providers::tone_words::ToneEar;

/// The query parameters of the specification.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "callback", "callback_method", "channels", "detect_entities", "diarize", "diarize_model", "dictation", "encoding",
    "endpointing", "extra", "interim_results", "keyterm", "keywords", "language", "language_hint", "mip_opt_out", "model",
    "multichannel", "numerals", "profanity_filter", "punctuate", "redact", "replace", "sample_rate", "search",
    "smart_format", "tag", "utterance_end_ms", "vad_events", "version",
];
/// An interim result comes after so much audio.
const INTERIM: u64 = 1_600;
/// A final result comes after so much audio at the latest.
const LONGEST: u64 = 24_000;
/// Closed for want of audio (NET-0001).
const IDLE_CODE: u16 = 1011;

/// Why a result is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To show how far it is; may change.
    Interim,
    /// There is too much audio without a final one.
    Long,
    /// The speaker paused.
    Ended,
    /// The client asked.
    Asked,
}

pub(super) struct Listen {
    ear: ToneEar,
    interim: bool,
    endpointing: Option<u64>,
    idle: Duration,
    final_to: u64,
    said_to: u64,
}

impl Listen {
    pub(super) fn accept(service: &Service, shake: &Handshake) -> Result<Self, Refused> {
        if shake.path != "/v1/listen" {
            return Err(Refused {
                status: 404,
                reason: "no such path".to_owned(),
            });
        }
        if shake.header("authorization") != Some(format!("Token {}", service.key).as_str()) {
            return Err(Refused::key());
        }
        shake.only(KNOWN)?;
        shake.must("encoding", "mulaw")?;
        shake.must("sample_rate", "8000")?;
        if !shake.param("model").is_some_and(|model| model.starts_with("nova-")) {
            return Err(Refused::bad("no such model"));
        }
        if !shake
            .param("language")
            .is_some_and(|language| ["es", "en", "multi"].contains(&language))
        {
            return Err(Refused::bad("no such language"));
        }
        let interim = shake.param("interim_results") == Some("true");
        if let Some(end) = shake.param("utterance_end_ms") {
            let long = end.parse::<u32>().is_ok_and(|ms| ms >= 1_000);
            if !long || !interim {
                return Err(Refused::bad(
                    "utterance_end_ms is 1000 at least and needs interim_results",
                ));
            }
        }
        let endpointing = match shake.param("endpointing") {
            None => Some(10),
            Some("false") => None,
            Some(ms) => Some(ms.parse::<u64>().map_err(|_| Refused::bad("endpointing"))?),
        };
        Ok(Self {
            ear: ToneEar::new(service.vocabulary.clone()),
            interim,
            endpointing: endpointing.map(|ms| ms * 8),
            idle: service.idle,
            final_to: 0,
            said_to: 0,
        })
    }

    fn results(&self, kind: Kind, revised: bool) -> Value {
        let (is_final, from_finalize) = (kind != Kind::Interim, kind == Kind::Asked);
        let speech_final = kind == Kind::Ended;
        let new = self.ear.words().iter().filter(|word| word.from >= self.final_to);
        let words: Vec<_> = new
            .map(|word| {
                let text = if revised { REVISED } else { word.text.as_str() };
                json!({
                    "word": text.to_lowercase().trim_matches(|c: char| !c.is_alphanumeric()),
                    "punctuated_word": text, "start": seconds(word.from), "end": seconds(word.to), "confidence": 0.99,
                })
            })
            .collect();
        let texts: Vec<_> = words
            .iter()
            .filter_map(|word| word["punctuated_word"].as_str())
            .collect();
        json!({
            "type": "Results", "channel_index": [0, 1], "start": seconds(self.final_to),
            "duration": seconds(self.ear.position() - self.final_to), "is_final": is_final, "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": { "alternatives": [{ "transcript": texts.join(" "), "confidence": 0.99, "words": words }] },
            "metadata": {
                "request_id": "00000000-0000-0000-0000-000000000001", "model_uuid": "00000000-0000-0000-0000-000000000002",
                "model_info": { "name": "general", "version": "2026-01-01.0", "arch": "nova-3" },
            },
        })
    }

    fn finish(&mut self, kind: Kind) -> Said {
        let last = Said::last(&self.results(kind, false), &self.results(kind, true));
        self.final_to = self.ear.position();
        self.said_to = self.final_to;
        last
    }
}

impl Dialect for Listen {
    fn opened(&mut self) -> Vec<Said> {
        Vec::new()
    }

    fn text(&mut self, text: &str) -> Answer {
        let message: Value = serde_json::from_str(text).map_err(|_| Violation::new("DATA-0000: not JSON"))?;
        match message["type"].as_str() {
            Some("KeepAlive" | "CloseStream") => Ok(Vec::new()),
            Some("Finalize") => {
                self.ear.end_word();
                // With nothing to finish there may be no answer.
                Ok(if self.ear.position() > self.final_to {
                    vec![self.finish(Kind::Asked)]
                } else {
                    Vec::new()
                })
            }
            _ => Err(Violation::new("DATA-0000: unknown message")),
        }
    }

    fn binary(&mut self, bytes: &[u8]) -> Answer {
        if bytes.is_empty() {
            return Err(Violation::new("an empty message of audio"));
        }
        let mut said = Vec::new();
        // Long messages are worked off in pieces, as they would be if they came one by one.
        for piece in bytes.chunks(160) {
            self.ear.push(piece);
            let open = self.ear.position() - self.final_to;
            let has_words = self.ear.last_word_end().is_some_and(|end| end > self.final_to);
            let quiet = self.ear.position() - self.ear.last_word_end().unwrap_or(0);
            let ended = has_words && !self.ear.is_hearing() && self.endpointing.is_some_and(|most| quiet >= most);
            if ended || (open >= LONGEST && !self.ear.is_hearing()) {
                said.push(self.finish(if ended { Kind::Ended } else { Kind::Long }));
            } else if self.interim && self.ear.position() - self.said_to >= INTERIM {
                self.said_to = self.ear.position();
                said.push(Said::other(&self.results(Kind::Interim, false)));
            }
        }
        Ok(said)
    }

    fn audio_bytes(&self) -> u64 {
        self.ear.position()
    }

    fn idle(&self) -> Option<(Duration, u16)> {
        Some((self.idle, IDLE_CODE))
    }
}
