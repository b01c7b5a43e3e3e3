//! Cartesia's text to speech by WebSocket (`/tts/websocket`), for μ-law.
//!
//! Shapes from the official Python SDK 4.2 (`GenerationRequestParam`, `WebsocketResponse`).

use super::manner::{Coding, Step, perform};
use super::performing::{Happened, Performances, Wording, close};
use super::stage::{Asked, FakeVoice, Inner};
use crate::providers::spelled_speech::timings;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// An idle socket is closed after five minutes: longer than any test.
const PATIENCE: Duration = Duration::from_mins(5);
const VERSION: &str = "2026-08-14";
const FIELDS: &[&str] = &[
    "context_id",
    "model_id",
    "output_format",
    "transcript",
    "voice",
    "add_phoneme_timestamps",
    "add_timestamps",
    "flush",
    "generation_config",
    "language",
    "max_buffer_delay_ms",
    "pronunciation_dict_id",
    "speed",
    "use_normalized_timestamps",
    "continue",
];

impl FakeVoice {
    /// Cartesia with this key.
    pub async fn cartesia(key: &str) -> std::io::Result<Self> {
        Self::start(key, |stage| {
            Router::new().route("/tts/websocket", any(open)).with_state(stage)
        })
        .await
    }
}

async fn open(State(stage): State<Arc<Inner>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    stage.note(Asked::Connection);
    if let Some(answer) = stage.turned_away(&headers, "authorization", "Bearer ") {
        return answer;
    }
    if headers.get("cartesia-version").is_none_or(|version| version != VERSION) {
        return stage.refuse(StatusCode::BAD_REQUEST, "cartesia-version is missing or unknown");
    }
    upgrade.on_upgrade(move |socket| serve(stage, socket))
}

async fn serve(stage: Arc<Inner>, mut socket: WebSocket) {
    let mut performances = Performances::default();
    let mut begun = HashSet::new();
    loop {
        let said = match performances.next(&mut socket, PATIENCE).await {
            Happened::Said(Message::Text(text)) => {
                stage.keep_message(&text);
                text
            }
            Happened::Said(_) => {
                stage.note(Asked::Refused("a binary message".to_owned()));
                return close(socket, 1003, "text only").await;
            }
            Happened::Gone => return stage.note(Asked::Closed),
            Happened::Idle => return close(socket, 1000, "idle").await,
            Happened::Over(_) => continue,
        };
        match obey(&stage, &said, &mut begun, &mut performances) {
            Ok(None) => {}
            Ok(Some(late)) => {
                if socket.send(late).await.is_err() {
                    return;
                }
            }
            Err(why) => {
                let failure = json!({
                    "type": "error", "done": true, "status_code": 400, "error_code": "invalid_request",
                    "title": "Invalid request", "message": why, "request_id": "r1",
                });
                stage.note(Asked::Refused(why));
                if socket.send(Message::Text(failure.to_string().into())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Does what a message asks; the answer is what was on its way when a context was cancelled.
fn obey(
    stage: &Inner,
    said: &str,
    begun: &mut HashSet<String>,
    performances: &mut Performances,
) -> Result<Option<Message>, String> {
    let message: Map<String, Value> = serde_json::from_str(said).map_err(|_| "not a JSON object".to_owned())?;
    let text_of = |name: &str| message.get(name).and_then(Value::as_str);
    let id = text_of("context_id").ok_or("context_id is missing")?;
    if message.get("cancel").and_then(Value::as_bool) == Some(true) {
        if message.len() != 2 {
            return Err("a cancel with more than its context".to_owned());
        }
        stage.note(Asked::Cancelled);
        let late = performances.stop(id).then(|| chunk(id, &[0x80; 800]));
        return Ok(late);
    }
    if let Some(unknown) = message.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("unknown field {unknown}"));
    }
    text_of("model_id").ok_or("model_id is missing")?;
    let voice = message.get("voice").ok_or("voice is missing")?;
    let is_object = |voice: &Map<String, Value>| voice.len() == 1 && voice.get("id").is_some_and(Value::is_string);
    if !(voice.is_string() || voice.as_object().is_some_and(is_object)) {
        return Err("voice must be an id and nothing else".to_owned());
    }
    let wanted = json!({"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000});
    if message.get("output_format") != Some(&wanted) {
        return Err("output_format must be one that this stage plays: raw pcm_mulaw 8000".to_owned());
    }
    let delay = message.get("max_buffer_delay_ms").map_or(Some(3_000), Value::as_u64);
    if delay.is_none_or(|delay| delay > 5_000) {
        return Err("max_buffer_delay_ms must be 0 to 5000".to_owned());
    }
    if message.get("continue").and_then(Value::as_bool) == Some(true) {
        return Err("this stage plays whole texts: continue must be false".to_owned());
    }
    let text = text_of("transcript").ok_or("transcript is missing")?;
    if !begun.insert(id.to_owned()) {
        return Err("the context is closed".to_owned());
    }
    stage.note(Asked::Text(text.trim().to_owned()));
    let wants_times = message.get("add_timestamps").and_then(Value::as_bool) == Some(true);
    let words = Words {
        text: wants_times.then(|| text.to_owned()),
    };
    performances.begin(id, perform(text.trim(), &stage.manner(), Coding::Mulaw), words);
    Ok(None)
}

fn chunk(context: &str, bytes: &[u8]) -> Message {
    let chunk = json!({
        "type": "chunk", "context_id": context, "data": STANDARD.encode(bytes), "done": false, "status_code": 206,
        "step_time": 12.5, "flush_id": null,
    });
    Message::Text(chunk.to_string().into())
}

struct Words {
    /// The text, if its times are wanted.
    text: Option<String>,
}

impl Wording for Words {
    fn audio(&self, context: &str, step: &Step) -> Vec<Message> {
        let Step::Audio { bytes, from_ms, to_ms } = step else {
            return Vec::new();
        };
        let mut messages = vec![chunk(context, bytes)];
        let (mut words, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let (mut at, mut word, mut began) = (0, String::new(), 0);
        // Times are relative to the whole.
        for (character, lasts) in timings(self.text.as_deref().unwrap_or_default())
            .into_iter()
            .chain([(' ', 0)])
        {
            if character.is_whitespace() {
                if !word.is_empty() && (*from_ms..*to_ms).contains(&began) {
                    words.push(std::mem::take(&mut word));
                    starts.push(f64::from(began) / 1_000.0);
                    ends.push(f64::from(at) / 1_000.0);
                }
                word.clear();
            } else if word.is_empty() {
                began = at;
                word.push(character);
            } else {
                word.push(character);
            }
            at += lasts;
        }
        if !words.is_empty() {
            let times = json!({
                "type": "timestamps", "context_id": context, "done": false, "status_code": 206,
                "word_timestamps": {"words": words, "start": starts, "end": ends},
            });
            messages.push(Message::Text(times.to_string().into()));
        }
        messages
    }

    fn oddity(&self, context: &str) -> Vec<Message> {
        let news = json!({"type": "mood", "context_id": context, "mood": "glad"});
        vec![
            Message::Text(news.to_string().into()),
            Message::Text("{\"type\":".into()),
            Message::Binary(vec![1, 2, 3].into()),
        ]
    }

    fn failure(&self, context: &str) -> Message {
        let failure = json!({
            "type": "error", "context_id": context, "done": true, "status_code": 500,
            "error_code": "internal", "title": "Internal", "message": "internal", "request_id": "r1",
        });
        Message::Text(failure.to_string().into())
    }

    fn end(&self, context: &str) -> Option<Message> {
        let done = json!({"type": "done", "context_id": context, "done": true, "status_code": 200});
        Some(Message::Text(done.to_string().into()))
    }
}
