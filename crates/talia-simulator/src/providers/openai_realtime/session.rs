//! One session of the fake: its items, and what the client does with them. Pure: what is sent later is handed out with its
//! time.

mod answers;
mod hearing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::hearing::Detector;
use super::script::{Fault, RealtimeScript};
use super::shape::{self, Violation};

/// What happens later.
#[derive(Debug, Clone)]
pub(super) enum Later {
    /// This event is sent. Those of a response fall away when it is cancelled.
    Event { response: Option<u64>, event: Value },
    /// The connection breaks.
    Drop,
}

/// What the fake noticed.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A connection was taken, or refused with a status.
    Connected { refused: Option<u16> },
    /// A client's message was refused.
    Refused { code: String, about: String },
    /// An item of the caller was made, with the words that its audio holds.
    Heard(String),
    /// An item of text was put in.
    Told { role: String, text: String },
    /// The client answered a tool.
    Output(String),
    /// An answer was asked for.
    Asked,
    /// An answer was cancelled.
    Cancelled,
    /// An item was cut.
    Truncated { audio_end_ms: u64, generated_ms: u64 },
    /// An item was removed.
    Deleted,
    /// The session was set up, with this.
    Setup(Value),
}

#[derive(Debug)]
struct Item {
    id: String,
    kind: Kind,
    text: String,
    /// Audio of the assistant that was sent.
    generated_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Assistant,
    Call,
    Output,
    System,
}

#[derive(Debug)]
pub(super) struct Session {
    script: Arc<RealtimeScript>,
    faults: Vec<Fault>,
    pub(super) notes: Vec<Note>,
    pub(super) later: Vec<(Duration, Later)>,
    items: VecDeque<Item>,
    buffer: Vec<u8>,
    /// The response that is under way.
    active: Option<u64>,
    count: u64,
    voice: Option<String>,
    spoke: bool,
    vad: Option<Detector>,
    /// What the tools' outputs lead to.
    after_tools: String,
}

impl Session {
    pub(super) fn new(script: Arc<RealtimeScript>, wall_seconds: i64) -> Self {
        let mut session = Self {
            faults: Vec::new(),
            notes: Vec::new(),
            later: Vec::new(),
            items: VecDeque::new(),
            buffer: Vec::new(),
            active: None,
            count: 0,
            voice: None,
            spoke: false,
            vad: None,
            after_tools: String::new(),
            script,
        };
        let expires_at = wall_seconds + session.script.session_lasts.as_secs() as i64;
        session.say(json!({
            "type": "session.created",
            "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "expires_at": expires_at},
        }));
        session
    }

    fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_{}", self.count)
    }

    fn say(&mut self, event: Value) {
        self.say_in(Duration::ZERO, None, event);
    }

    fn say_in(&mut self, after: Duration, response: Option<u64>, mut event: Value) {
        event["event_id"] = json!(self.id("event"));
        self.later.push((after, Later::Event { response, event }));
    }

    pub(super) fn refuse(&mut self, code: &str, about: &str, event_id: Option<&Value>) {
        self.notes.push(Note::Refused {
            code: code.to_owned(),
            about: about.to_owned(),
        });
        let event = json!({
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": code,
                "message": "refused",
                "param": about,
                "event_id": event_id.cloned().unwrap_or(Value::Null),
            },
        });
        self.say(event);
    }

    /// A fault of these, if the plan has one; it is used up.
    fn fault<T>(&mut self, wanted: impl Fn(Fault) -> Option<T>) -> Option<T> {
        let place = self.faults.iter().position(|fault| wanted(*fault).is_some())?;
        wanted(self.faults.remove(place))
    }

    /// Takes a client's message in. `plan` is what shall go wrong, and is used up.
    pub(super) fn take(&mut self, text: &str, plan: &mut Vec<Fault>) {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            self.refuse("invalid_json", "", None);
            return;
        };
        self.faults = std::mem::take(plan);
        let event_id = message.get("event_id");
        let checked = shape::check(&message);
        let done = checked.and_then(|()| self.obey(&message));
        if let Err(Violation { code, param }) = done {
            let about = format!("{} {param}", message["type"].as_str().unwrap_or_default());
            self.refuse(code, &about, event_id);
        }
        *plan = std::mem::take(&mut self.faults);
    }

    fn obey(&mut self, message: &Value) -> Result<(), Violation> {
        match message["type"].as_str().unwrap_or_default() {
            "session.update" => self.update(&message["session"]),
            "input_audio_buffer.append" => self.append(message["audio"].as_str().unwrap_or_default()),
            "input_audio_buffer.commit" => self.commit(),
            "input_audio_buffer.clear" => {
                self.buffer.clear();
                self.say(json!({"type": "input_audio_buffer.cleared"}));
                Ok(())
            }
            "conversation.item.create" => self.create(&message["item"]),
            "conversation.item.truncate" => self.truncate(message),
            "conversation.item.delete" => self.delete(message["item_id"].as_str().unwrap_or_default()),
            "response.create" => self.answer(),
            "response.cancel" => self.cancel(),
            _ => Err(violation("invalid_value", "type")),
        }
    }

    fn update(&mut self, session: &Value) -> Result<(), Violation> {
        let voice = session["audio"]["output"]["voice"].as_str();
        if self.spoke && voice.is_some() && voice != self.voice.as_deref() {
            return Err(violation("cannot_update_voice", "session.audio.output.voice"));
        }
        self.voice = voice.map(str::to_owned).or(self.voice.take());
        let detection = &session["audio"]["input"]["turn_detection"];
        self.vad = detection.is_object().then(|| Detector::new(detection));
        self.notes.push(Note::Setup(session.clone()));
        let mut event = json!({"type": "session.updated", "session": session});
        event["session"]["id"] = json!("sess_1");
        event["session"]["object"] = json!("realtime.session");
        self.say(event);
        Ok(())
    }

    fn added(&mut self, id: &str, mut item: Value) {
        item["id"] = json!(id);
        item["object"] = json!("realtime.item");
        self.say(json!({"type": "conversation.item.added", "item": item}));
        self.say(json!({"type": "conversation.item.done", "item": item}));
    }

    fn create(&mut self, item: &Value) -> Result<(), Violation> {
        let id = self.id("item");
        let text = item["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        let kind = match (item["type"].as_str(), item["role"].as_str()) {
            (Some("function_call"), _) => Kind::Call,
            (Some("function_call_output"), _) => {
                let call_id = item["call_id"].as_str().unwrap_or_default();
                let known = self
                    .items
                    .iter()
                    .any(|item| item.kind == Kind::Call && item.text == call_id);
                if !known {
                    return Err(violation("invalid_tool_call_id", "item.call_id"));
                }
                self.notes
                    .push(Note::Output(item["output"].as_str().unwrap_or_default().to_owned()));
                Kind::Output
            }
            (_, role) => {
                self.notes.push(Note::Told {
                    role: role.unwrap_or_default().to_owned(),
                    text: text.clone(),
                });
                match role {
                    Some("user") => Kind::User,
                    Some("assistant") => Kind::Assistant,
                    _ => Kind::System,
                }
            }
        };
        let text = if kind == Kind::Call {
            item["call_id"].as_str().unwrap_or_default().to_owned()
        } else {
            text
        };
        self.items.push_back(Item {
            id: id.clone(),
            kind,
            text,
            generated_ms: 0,
        });
        self.added(&id, item.clone());
        Ok(())
    }

    fn truncate(&mut self, message: &Value) -> Result<(), Violation> {
        let id = message["item_id"].as_str().unwrap_or_default();
        let audio_end_ms = message["audio_end_ms"].as_u64().unwrap_or_default();
        let spoken = |item: &&mut Item| item.id == id && item.kind == Kind::Assistant && item.generated_ms > 0;
        let Some(item) = self.items.iter_mut().find(spoken) else {
            return Err(violation("item_truncate_invalid_item_id", "item_id"));
        };
        let generated_ms = item.generated_ms;
        self.notes.push(Note::Truncated {
            audio_end_ms,
            generated_ms,
        });
        if audio_end_ms > generated_ms {
            return Err(violation("invalid_value", "audio_end_ms"));
        }
        item.generated_ms = audio_end_ms;
        item.text.clear();
        let event = json!({
            "type": "conversation.item.truncated", "item_id": id, "content_index": 0, "audio_end_ms": audio_end_ms,
        });
        self.say(event);
        Ok(())
    }

    fn delete(&mut self, id: &str) -> Result<(), Violation> {
        let Some(place) = self.items.iter().position(|item| item.id == id) else {
            return Err(violation("item_delete_invalid_item_id", "item_id"));
        };
        self.items.remove(place);
        self.notes.push(Note::Deleted);
        self.say(json!({"type": "conversation.item.deleted", "item_id": id}));
        Ok(())
    }
}

fn violation(code: &'static str, param: &str) -> Violation {
    Violation {
        code,
        param: param.to_owned(),
    }
}
