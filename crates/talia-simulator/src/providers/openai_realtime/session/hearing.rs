//! What the fake hears: the audio buffer, its detector of speech, and the items that it makes of the caller's words.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use talia_audio::mulaw;

use super::super::script::Fault;
use super::super::shape::Violation;
use super::{Item, Kind, Later, Note, Session, violation};
use crate::providers::tone_words::ToneEar;

/// The service's own detector, as far as tones need one.
#[derive(Debug, Default)]
pub(super) struct Detector {
    silence_ms: u64,
    speaking: bool,
    loud_ms: u64,
    quiet_ms: u64,
}

impl Detector {
    /// As the client set it up.
    pub(super) fn new(detection: &Value) -> Self {
        Self {
            silence_ms: detection["silence_duration_ms"].as_u64().unwrap_or(500),
            ..Self::default()
        }
    }
}

impl Session {
    pub(super) fn append(&mut self, audio: &str) -> Result<(), Violation> {
        let audio = STANDARD
            .decode(audio)
            .map_err(|_| violation("invalid_value", "audio"))?;
        self.buffer.extend_from_slice(&audio);
        let heard = self.buffer.len();
        let breaks = self.fault(|fault| match fault {
            Fault::DropWhileHearing(bytes) if heard >= bytes => Some(()),
            _ => None,
        });
        if breaks.is_some() {
            self.later.push((Duration::ZERO, Later::Drop));
        }
        self.detect(&audio);
        Ok(())
    }

    /// Tells where speech begins and ends, and makes an item at its end, as the service's detector does.
    fn detect(&mut self, audio: &[u8]) {
        let Some(mut detector) = self.vad.take() else { return };
        for piece in audio.chunks(80) {
            let loud = piece.iter().any(|byte| mulaw::decode(*byte).unsigned_abs() > 1_500);
            if loud {
                detector.loud_ms += 10;
                detector.quiet_ms = 0;
            } else {
                detector.quiet_ms += 10;
            }
            if !detector.speaking && detector.loud_ms >= 60 {
                detector.speaking = true;
                self.say(
                    json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_next"}),
                );
            } else if detector.speaking && detector.quiet_ms >= detector.silence_ms {
                detector.speaking = false;
                detector.loud_ms = 0;
                self.say(
                    json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 0, "item_id": "item_next"}),
                );
                // Its own audio is never too short.
                let _ = self.commit();
            }
        }
        self.vad = Some(detector);
    }

    pub(super) fn commit(&mut self) -> Result<(), Violation> {
        if self.buffer.len() < 800 {
            return Err(violation("input_audio_buffer_commit_empty", "input_audio_buffer"));
        }
        let mut ear = ToneEar::new(self.script.vocabulary.clone());
        ear.push(&std::mem::take(&mut self.buffer));
        ear.push(&[0xFF; 160]);
        ear.end_word();
        let words: Vec<_> = ear.words().iter().map(|word| word.text.clone()).collect();
        let text = words.join(" ");
        let id = self.id("item");
        self.notes.push(Note::Heard(text.clone()));
        self.say(json!({"type": "input_audio_buffer.committed", "item_id": id, "previous_item_id": null}));
        let content = json!([{"type": "input_audio", "transcript": null}]);
        self.added(&id, json!({"type": "message", "role": "user", "content": content}));
        let late = self.fault(|fault| match fault {
            Fault::LateWords(ms) => Some(Some(ms)),
            Fault::NoWords => Some(None),
            _ => None,
        });
        let after = match late {
            None => Some(self.script.writes_down_after),
            Some(late) => late.map(Duration::from_millis),
        };
        if let Some(after) = after {
            self.say_in(
                after,
                None,
                json!({
                    "type": "conversation.item.input_audio_transcription.completed",
                    "item_id": id,
                    "content_index": 0,
                    "transcript": text,
                    "usage": {"type": "duration", "seconds": 1.0},
                }),
            );
        }
        self.items.push_back(Item {
            id,
            kind: Kind::User,
            text,
            generated_ms: 0,
        });
        Ok(())
    }
}
