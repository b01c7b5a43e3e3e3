//! One session of the fake: its items, its audio buffer, its answers. Pure: what is sent later is handed out with its time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use talia_audio::mulaw;

use super::script::{Fault, RealtimeScript};
use super::shape::{self, Violation};
use crate::providers::tone_words::ToneEar;
use crate::speaker::tones;

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

/// The service's own detector, as far as tones need one.
#[derive(Debug, Default)]
struct Detector {
    silence_ms: u64,
    speaking: bool,
    loud_ms: u64,
    quiet_ms: u64,
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
        self.vad = detection.is_object().then(|| Detector {
            silence_ms: detection["silence_duration_ms"].as_u64().unwrap_or(500),
            ..Detector::default()
        });
        self.notes.push(Note::Setup(session.clone()));
        let mut event = json!({"type": "session.updated", "session": session});
        event["session"]["id"] = json!("sess_1");
        event["session"]["object"] = json!("realtime.session");
        self.say(event);
        Ok(())
    }

    fn append(&mut self, audio: &str) -> Result<(), Violation> {
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

    fn commit(&mut self) -> Result<(), Violation> {
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

    fn cancel(&mut self) -> Result<(), Violation> {
        let Some(response) = self.active.take() else {
            return Err(violation("response_cancel_not_active", "response"));
        };
        self.notes.push(Note::Cancelled);
        let talks_on = self.fault(|fault| (fault == Fault::TalkOn).then_some(())).is_some();
        let mut late = 0;
        self.later.retain(|(_, later)| match later {
            Later::Event {
                response: Some(of),
                event,
            } if *of == response => {
                let delta = event["type"] == "response.output_audio.delta";
                late += usize::from(delta);
                talks_on && delta && late <= 3
            }
            _ => true,
        });
        self.done(response, "cancelled", None);
        Ok(())
    }

    /// The response's end; one that comes `after` a while falls away when it is cancelled before.
    fn done(&mut self, response: u64, status: &str, after: Option<Duration>) {
        let of = after.map(|_| response);
        let after = after.unwrap_or_default();
        let event = json!({
            "type": "response.done",
            "response": {
                "object": "realtime.response", "id": format!("resp_{response}"), "status": status,
                "usage": {
                    "total_tokens": 150, "input_tokens": 100, "output_tokens": 50,
                    "input_token_details": {"cached_tokens": 40, "text_tokens": 60, "audio_tokens": 40},
                    "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
                },
            },
        });
        self.say_in(after, of, event);
        self.say_in(
            after,
            of,
            json!({"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 1, "remaining": 1, "reset_seconds": 0.1}]}),
        );
    }

    /// What is sent has been sent now.
    pub(super) fn was_sent(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "response.output_audio.delta" => {
                self.spoke = true;
                let bytes = STANDARD
                    .decode(event["delta"].as_str().unwrap_or_default())
                    .unwrap_or_default();
                let id = &event["item_id"];
                if let Some(item) = self.items.iter_mut().find(|item| id == item.id.as_str())
                    && event["repeated"] != true
                {
                    item.generated_ms += bytes.len() as u64 / 8;
                }
            }
            "response.done" => {
                let id = event["response"]["id"].as_str().unwrap_or_default();
                if self.active.is_some_and(|active| id == format!("resp_{active}")) {
                    self.active = None;
                }
            }
            _ => {}
        }
    }

    /// What the caller said since the last answer, and whether tools have answered.
    fn asked(&self) -> (String, bool) {
        let since = self.items.iter().rev().take_while(|item| item.kind != Kind::Assistant);
        let mut words: Vec<_> = since
            .filter(|item| item.kind == Kind::User)
            .map(|item| item.text.as_str())
            .collect();
        words.reverse();
        let after_tools = self.items.back().is_some_and(|item| item.kind == Kind::Output);
        (words.join(" "), after_tools)
    }

    fn answer(&mut self) -> Result<(), Violation> {
        if self.active.is_some() {
            return Err(violation("conversation_already_has_active_response", "response"));
        }
        self.notes.push(Note::Asked);
        self.count += 1;
        let response = self.count;
        self.active = Some(response);
        self.say(json!({
            "type": "response.created",
            "response": {"object": "realtime.response", "id": format!("resp_{response}"), "status": "in_progress"},
        }));
        if self.fault(|fault| (fault == Fault::Expire).then_some(())).is_some() {
            self.say(json!({"type": "error", "error": {"type": "invalid_request_error", "code": "session_expired", "message": "expired"}}));
            self.later.push((Duration::from_millis(20), Later::Drop));
            return Ok(());
        }
        let (words, after_tools) = self.asked();
        let reply = self
            .script
            .replies
            .iter()
            .find(|reply| words.contains(&reply.when))
            .cloned();
        let (first, calls, say) = match reply {
            _ if after_tools => (String::new(), Vec::new(), std::mem::take(&mut self.after_tools)),
            Some(reply) => (reply.first, reply.calls, reply.say),
            None => (String::new(), Vec::new(), self.script.otherwise.clone()),
        };
        let mut at = self.script.thinks;
        if calls.is_empty() {
            if let Some(end) = self.speak(response, &say) {
                self.done(response, "completed", Some(end));
            }
            return Ok(());
        }
        self.after_tools = say;
        if !first.is_empty() {
            match self.speak(response, &first) {
                Some(end) => at = end,
                None => return Ok(()),
            }
        }
        self.call(response, calls, at);
        Ok(())
    }

    fn call(&mut self, response: u64, calls: Vec<(String, Value)>, after: Duration) {
        for (name, arguments) in calls {
            let (id, call_id) = (self.id("item"), self.id("call"));
            let mut item = json!({
                "id": id, "object": "realtime.item", "type": "function_call", "status": "in_progress", "name": name,
                "call_id": call_id, "arguments": "",
            });
            let of = format!("resp_{response}");
            let tell = |session: &mut Self, event: Value| session.say_in(after, Some(response), event);
            tell(
                self,
                json!({"type": "response.output_item.added", "response_id": of, "output_index": 0, "item": item}),
            );
            item["arguments"] = json!(arguments.to_string());
            tell(
                self,
                json!({"type": "response.function_call_arguments.done", "response_id": of,
                    "item_id": id, "output_index": 0, "call_id": call_id, "name": name, "arguments": item["arguments"]}),
            );
            item["status"] = json!("completed");
            tell(
                self,
                json!({"type": "response.output_item.done", "response_id": of, "output_index": 0, "item": item}),
            );
            self.items.push_back(Item {
                id,
                kind: Kind::Call,
                text: call_id,
                generated_ms: 0,
            });
        }
        self.done(response, "completed", Some(after));
    }

    /// Says it; answers when it ends, unless something goes wrong before.
    fn speak(&mut self, response: u64, say: &str) -> Option<Duration> {
        let of = format!("resp_{response}");
        let goes_wrong = self.fault(|fault| {
            let ends = matches!(
                fault,
                Fault::DropBeforeAnswer
                    | Fault::DropAfterWords(_)
                    | Fault::DropAfterAnswer
                    | Fault::NeverAnswer
                    | Fault::StopAfterWords(_)
                    | Fault::FailAnswer
                    | Fault::AnswerNothing
                    | Fault::Repeat
                    | Fault::UnknownEvents
            );
            ends.then_some(fault)
        });
        let thinks = self.script.thinks;
        match goes_wrong {
            Some(Fault::NeverAnswer) => return None,
            Some(Fault::DropBeforeAnswer) => {
                self.later.push((thinks, Later::Drop));
                return None;
            }
            Some(Fault::FailAnswer | Fault::AnswerNothing) => {
                let failed = goes_wrong == Some(Fault::FailAnswer);
                self.done(response, if failed { "failed" } else { "completed" }, Some(thinks));
                return None;
            }
            _ => {}
        }
        let id = self.id("item");
        let item = json!({"id": id, "object": "realtime.item", "type": "message", "role": "assistant", "content": []});
        let tell = |session: &mut Self, after, event: Value| session.say_in(after, Some(response), event);
        let part = json!({"response_id": of, "item_id": id, "output_index": 0, "content_index": 0});
        let event = |kind: &str, more: Value| {
            let mut event = part.clone();
            event["type"] = json!(kind);
            for (key, value) in more.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            event
        };
        tell(
            self,
            thinks,
            json!({"type": "response.output_item.added", "response_id": of, "output_index": 0, "item": item}),
        );
        tell(self, thinks, json!({"type": "conversation.item.added", "item": item}));
        tell(
            self,
            thinks,
            event("response.content_part.added", json!({"part": {"type": "audio"}})),
        );
        self.items.push_back(Item {
            id: id.clone(),
            kind: Kind::Assistant,
            text: say.to_owned(),
            generated_ms: 0,
        });
        let mut at = thinks;
        for (index, word) in say.split_inclusive(' ').enumerate() {
            match goes_wrong {
                Some(Fault::DropAfterWords(words)) if index >= words => {
                    self.later.push((at, Later::Drop));
                    return None;
                }
                Some(Fault::StopAfterWords(words)) if index >= words => return None,
                Some(Fault::UnknownEvents) => {
                    tell(
                        self,
                        at,
                        json!({"type": "response.mood.updated", "mood": {"cheerful": true}}),
                    );
                }
                _ => {}
            }
            let audio: Vec<u8> = tones(word).into_iter().map(mulaw::encode).collect();
            let text = event("response.output_audio_transcript.delta", json!({"delta": word}));
            let audio = event("response.output_audio.delta", json!({"delta": STANDARD.encode(audio)}));
            tell(self, at, text);
            tell(self, at, audio);
            if goes_wrong == Some(Fault::Repeat) {
                let (_, repeated) = self.later[self.later.len() - 1].clone();
                if let Later::Event { response, mut event } = repeated {
                    event["repeated"] = json!(true);
                    self.later.push((at, Later::Event { response, event }));
                }
            }
            at += self.script.word_every;
        }
        tell(self, at, event("response.output_audio.done", json!({})));
        tell(
            self,
            at,
            event("response.output_audio_transcript.done", json!({"transcript": say})),
        );
        tell(
            self,
            at,
            event(
                "response.content_part.done",
                json!({"part": {"type": "audio", "transcript": say}}),
            ),
        );
        let mut done = item;
        done["status"] = json!("completed");
        tell(
            self,
            at,
            json!({"type": "response.output_item.done", "response_id": of, "output_index": 0, "item": done}),
        );
        tell(self, at, json!({"type": "conversation.item.done", "item": done}));
        if goes_wrong == Some(Fault::DropAfterAnswer) {
            self.later.push((at + Duration::from_millis(50), Later::Drop));
        }
        Some(at)
    }
}

fn violation(code: &'static str, param: &str) -> Violation {
    Violation {
        code,
        param: param.to_owned(),
    }
}
