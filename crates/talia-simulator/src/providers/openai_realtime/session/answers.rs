//! What the fake answers: responses by its script, their tools, and what goes wrong in them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use talia_audio::mulaw;

use super::super::script::Fault;
use super::super::shape::Violation;
use super::{Item, Kind, Later, Note, Session, violation};
use crate::speaker::tones;

impl Session {
    pub(super) fn cancel(&mut self) -> Result<(), Violation> {
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
    pub(in super::super) fn was_sent(&mut self, event: &Value) {
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

    pub(super) fn answer(&mut self) -> Result<(), Violation> {
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
            _ if after_tools && !self.after_tools.is_empty() => {
                (String::new(), Vec::new(), std::mem::take(&mut self.after_tools))
            }
            Some(reply) if !after_tools => (reply.first, reply.calls, reply.say),
            // A session that was begun again knows of the tools, and not what they lead to.
            _ => (String::new(), Vec::new(), self.script.otherwise.clone()),
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
