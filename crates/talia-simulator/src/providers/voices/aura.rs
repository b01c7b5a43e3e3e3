//! Deepgram Aura's text to speech by WebSocket (`/v1/speak`), for μ-law.
//!
//! Shapes from the official Python SDK 7.17 (`speak.v1`) and the pages on the socket: 20 flushes a minute at most.

use super::manner::{Coding, Step, perform};
use super::performing::{Happened, Performances, Wording, close};
use super::stage::{Asked, FakeVoice, Inner};
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// An idle socket isn't closed within any test.
const PATIENCE: Duration = Duration::from_hours(1);
const LONGEST_TEXT: usize = 2_000;
/// The one performance of a connection.
const ONLY: &str = "speech";

impl FakeVoice {
    /// Deepgram Aura with this key.
    pub async fn aura(key: &str) -> std::io::Result<Self> {
        Self::start(key, |stage| {
            Router::new().route("/v1/speak", any(open)).with_state(stage)
        })
        .await
    }
}

async fn open(
    State(stage): State<Arc<Inner>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    stage.note(Asked::Connection);
    stage.keep_query(&query);
    if let Some(answer) = stage.turned_away(&headers, "authorization", "Token ") {
        return answer;
    }
    let model = query.get("model").map_or("", String::as_str);
    if !model.starts_with("aura-") {
        return stage.refuse(StatusCode::BAD_REQUEST, "model must be one of Aura's");
    }
    for (name, value) in &query {
        let good = match name.as_str() {
            "model" | "mip_opt_out" => true,
            "encoding" => value == "mulaw",
            "sample_rate" => value == "8000",
            _ => false,
        };
        if !good {
            return stage.refuse(StatusCode::BAD_REQUEST, format!("bad parameter {name}={value}"));
        }
    }
    if ["encoding", "sample_rate"]
        .iter()
        .any(|name| !query.contains_key(*name))
    {
        return stage.refuse(StatusCode::BAD_REQUEST, "this stage plays mulaw at 8000 only");
    }
    upgrade.on_upgrade(move |socket| serve(stage, socket))
}

async fn serve(stage: Arc<Inner>, mut socket: WebSocket) {
    let metadata = json!({
        "type": "Metadata", "request_id": "c1b0", "model_name": "aura-2", "model_version": "1", "model_uuid": "0",
    });
    if socket.send(Message::Text(metadata.to_string().into())).await.is_err() {
        return;
    }
    let mut performances = Performances::default();
    let (mut buffer, mut flushes) = (String::new(), 0_u32);
    loop {
        let said = match performances.next(&mut socket, PATIENCE).await {
            Happened::Said(Message::Text(text)) => {
                stage.keep_message(&text);
                text
            }
            Happened::Said(_) => {
                stage.note(Asked::Refused("a binary message".to_owned()));
                return close(socket, 1008, "DATA-0000").await;
            }
            Happened::Gone | Happened::Idle => return stage.note(Asked::Closed),
            Happened::Over(_) => continue,
        };
        let message = serde_json::from_str::<Map<String, Value>>(&said).unwrap_or_default();
        let answer = match message.get("type").and_then(Value::as_str) {
            Some("Speak") => match message.get("text").and_then(Value::as_str) {
                Some(text) if message.len() == 2 && !text.is_empty() && text.chars().count() <= LONGEST_TEXT => {
                    buffer.push_str(text);
                    None
                }
                _ => Some(Err("a Speak without a text of 1 to 2000 characters, or with more")),
            },
            Some("Flush") if performances.count() > 0 => Some(Err("a Flush during another: this stage plays one")),
            Some("Flush") => {
                flushes += 1;
                if flushes > 20 {
                    Some(Ok(warning()))
                } else {
                    let text = std::mem::take(&mut buffer);
                    stage.note(Asked::Text(text.trim().to_owned()));
                    let steps = perform(text.trim(), &stage.manner(), Coding::Mulaw);
                    performances.begin(ONLY, steps, Words { sequence: flushes });
                    None
                }
            }
            Some("Clear") => {
                buffer.clear();
                performances.stop(ONLY);
                stage.note(Asked::Cancelled);
                // What was on its way comes all the same.
                if socket.send(Message::Binary(vec![0x80; 800].into())).await.is_err() {
                    return;
                }
                let cleared = json!({"type": "Cleared", "sequence_id": flushes});
                Some(Ok(Message::Text(cleared.to_string().into())))
            }
            Some("Close") => return stage.note(Asked::Closed),
            _ => Some(Err("an unknown message")),
        };
        let answer = match answer {
            None => continue,
            Some(Ok(answer)) => answer,
            Some(Err(why)) => {
                stage.note(Asked::Refused(why.to_owned()));
                return close(socket, 1008, "DATA-0001").await;
            }
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

fn warning() -> Message {
    let warning = json!({"type": "Warning", "description": "Too many flushes", "code": "EXCESSIVE_FLUSH"});
    Message::Text(warning.to_string().into())
}

struct Words {
    sequence: u32,
}

impl Wording for Words {
    fn audio(&self, _context: &str, step: &Step) -> Vec<Message> {
        match step {
            Step::Audio { bytes, .. } => vec![Message::Binary(bytes.clone().into())],
            _ => Vec::new(),
        }
    }

    fn oddity(&self, _context: &str) -> Vec<Message> {
        vec![
            Message::Text(json!({"type": "Prosody", "pitch": 3}).to_string().into()),
            Message::Text("{\"type\":".into()),
        ]
    }

    fn failure(&self, _context: &str) -> Message {
        let failure = json!({"type": "Error", "description": "internal", "code": "INTERNAL"});
        Message::Text(failure.to_string().into())
    }

    fn end(&self, _context: &str) -> Option<Message> {
        let flushed = json!({"type": "Flushed", "sequence_id": self.sequence});
        Some(Message::Text(flushed.to_string().into()))
    }
}
