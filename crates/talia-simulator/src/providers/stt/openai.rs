//! OpenAI's Realtime transcription. Sources: its guide "Realtime transcription", OpenAPI f85dbe2, Python SDK 3.54.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::dialect::{Answer, Dialect, Handshake, REVISED, Refused, Said, Service};
use crate::providers::tone_words::ToneEar;

/// A commit of less audio is refused.
const SHORTEST: u64 = 800;
/// The most that one message may bring.
const LARGEST: usize = 15 * 1024 * 1024;

pub(super) struct Transcription {
    ear: ToneEar,
    model: Option<String>,
    /// Where the present buffer begins.
    from: u64,
    items: u32,
    events: u32,
    deltas: usize,
}

impl Transcription {
    pub(super) fn accept(service: &Service, shake: &Handshake) -> Result<Self, Refused> {
        if shake.path != "/v1/realtime" {
            return Err(Refused {
                status: 404,
                reason: "no such path".to_owned(),
            });
        }
        if shake.header("authorization") != Some(format!("Bearer {}", service.key).as_str()) {
            return Err(Refused::key());
        }
        if shake.header("openai-beta").is_some() {
            return Err(Refused::bad("beta_api_shape_disabled"));
        }
        shake.only(&["intent"])?;
        shake.must("intent", "transcription")?;
        Ok(Self {
            ear: ToneEar::new(service.vocabulary.clone()),
            model: None,
            from: 0,
            items: 0,
            events: 0,
            deltas: 0,
        })
    }

    fn say(&mut self, kind: &str, more: Value) -> Value {
        self.events += 1;
        let mut event = json!({ "type": kind, "event_id": format!("event_{}", self.events) });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    }

    fn error(&mut self, code: &str, message: &Value) -> Vec<Said> {
        let error = json!({ "error": {
            "type": "invalid_request_error", "code": code, "message": "refused", "param": null, "event_id": message["event_id"],
        }});
        vec![Said::other(&self.say("error", error))]
    }

    fn update(&mut self, message: &Value) -> Vec<Said> {
        match self.check(&message["session"]) {
            Ok(()) => vec![Said::other(
                &self.say("session.updated", json!({ "session": of_service(&message["session"]) })),
            )],
            Err(code) => self.error(code, message),
        }
    }

    fn check(&mut self, session: &Value) -> Result<(), &'static str> {
        let only = |value: &Value, known: &[&str]| {
            let fields = value.as_object().map(Map::keys);
            fields.is_some_and(|mut fields| fields.all(|field| known.contains(&field.as_str())))
        };
        let input = &session["audio"]["input"];
        let shape = only(session, &["type", "audio", "include"])
            && session["type"] == "transcription"
            && only(&session["audio"], &["input"])
            && only(input, &["format", "transcription", "turn_detection", "noise_reduction"]);
        if !shape {
            return Err("unknown_parameter");
        }
        if let Some(format) = input.get("format") {
            if *format != json!({ "type": "audio/pcmu" }) {
                return Err("invalid_value");
            }
        } else if self.model.is_none() {
            // Without one it would take 24 kHz PCM.
            return Err("missing_format");
        }
        if let Some(transcription) = input.get("transcription") {
            if !only(
                transcription,
                &["model", "language", "languages", "prompt", "keywords", "delay"],
            ) {
                return Err("unknown_parameter");
            }
            let model = transcription["model"].as_str().unwrap_or_default();
            #[rustfmt::skip]
            let known = [
                "whisper-1", "gpt-transcribe", "gpt-live-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe",
                "gpt-4o-transcribe-diarize", "gpt-realtime-whisper",
            ];
            if !known.contains(&model) {
                return Err("model_not_found");
            }
            let newest = ["gpt-transcribe", "gpt-live-transcribe"].contains(&model);
            let hints = transcription.get("keywords").is_some() || transcription.get("languages").is_some();
            if (hints && !newest) || (transcription.get("prompt").is_some() && model == "gpt-realtime-whisper") {
                return Err("unsupported_parameter");
            }
            self.model = Some(model.to_owned());
        }
        match input.get("turn_detection") {
            Some(Value::Null) => Ok(()),
            // What isn't sent stays as it was: null, once it was.
            None if self.model.is_some() && input.get("format").is_none() => Ok(()),
            // This model knows no detection of turns, and here the client commits in any case.
            _ => Err("turn_detection_must_be_null"),
        }
    }

    fn append(&mut self, message: &Value) -> Vec<Said> {
        let Some(text) = message["audio"].as_str().filter(|text| text.len() <= LARGEST) else {
            return self.error("invalid_audio", message);
        };
        let Ok(bytes) = STANDARD.decode(text) else {
            return self.error("invalid_audio", message);
        };
        if bytes.is_empty() || self.model.is_none() {
            return self.error("invalid_audio", message);
        }
        self.ear.push(&bytes);
        self.deltas()
    }

    /// This buffer's words so far that were not said yet.
    fn deltas(&mut self) -> Vec<Said> {
        let words = self.texts(false);
        let new = words[self.deltas.min(words.len())..].to_vec();
        self.deltas = words.len();
        let item = self.item();
        let each = new.into_iter().map(|word| {
            let delta = json!({ "item_id": item, "content_index": 0, "delta": format!("{word} ") });
            Said::other(&self.say("conversation.item.input_audio_transcription.delta", delta))
        });
        each.collect()
    }

    fn item(&self) -> String {
        format!("item_{}", self.items)
    }

    fn texts(&self, revised: bool) -> Vec<String> {
        let words = self.ear.words().iter().filter(|word| word.from >= self.from);
        words
            .map(|word| if revised { REVISED.to_owned() } else { word.text.clone() })
            .collect()
    }

    fn commit(&mut self, message: &Value) -> Vec<Said> {
        if self.ear.position() - self.from < SHORTEST {
            return self.error("input_audio_buffer_commit_empty", message);
        }
        self.ear.end_word();
        let item = self.item();
        let before = self.items.checked_sub(1).map(|before| format!("item_{before}"));
        let mut said = vec![
            Said::other(&self.say(
                "input_audio_buffer.committed",
                json!({ "item_id": item, "previous_item_id": before }),
            )),
            Said::other(&self.say(
                "conversation.item.added",
                json!({ "previous_item_id": before, "item": {
                    "id": item, "object": "realtime.item", "type": "message", "role": "user", "status": "completed",
                    "content": [{ "type": "input_audio", "transcript": null }],
                }}),
            )),
        ];
        said.extend(self.deltas());
        let completed = |words: Vec<String>| {
            json!({
                "item_id": item, "content_index": 0, "transcript": words.join(" "),
                "usage": { "type": "duration", "seconds": 1.0 },
            })
        };
        let (whole, revised) = (completed(self.texts(false)), completed(self.texts(true)));
        let kind = "conversation.item.input_audio_transcription.completed";
        let (whole, revised) = (self.say(kind, whole), self.say(kind, revised));
        said.push(Said::last(&whole, &revised));
        self.next_buffer();
        said
    }

    fn next_buffer(&mut self) {
        self.items += 1;
        self.from = self.ear.position();
        self.deltas = 0;
    }
}

/// A session as the service has it.
fn of_service(session: &Value) -> Value {
    let mut session = session.clone();
    session["id"] = json!("sess_1");
    session["object"] = json!("realtime.transcription_session");
    session
}

impl Dialect for Transcription {
    fn opened(&mut self) -> Vec<Said> {
        let session = of_service(&json!({ "type": "transcription" }));
        vec![Said::other(&self.say("session.created", json!({ "session": session })))]
    }

    fn text(&mut self, text: &str) -> Answer {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Ok(self.error("invalid_json", &Value::Null));
        };
        Ok(match message["type"].as_str() {
            Some("session.update") => self.update(&message),
            Some("input_audio_buffer.append") => self.append(&message),
            Some("input_audio_buffer.commit") => self.commit(&message),
            Some("input_audio_buffer.clear") => {
                self.ear.end_word();
                self.from = self.ear.position();
                self.deltas = 0;
                vec![Said::other(&self.say("input_audio_buffer.cleared", json!({})))]
            }
            _ => self.error("invalid_event", &message),
        })
    }

    fn binary(&mut self, _bytes: &[u8]) -> Answer {
        Ok(self.error("invalid_event", &Value::Null))
    }

    fn audio_bytes(&self) -> u64 {
        self.ear.position()
    }
}
