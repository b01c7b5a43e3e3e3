//! ElevenLabs' text to speech by WebSocket with several contexts (`multi-stream-input`), for μ-law.
//!
//! Shapes from the official Python SDK 2.78 (`WebsocketTtsClientMessageMulti`, `AudioOutputMulti`, `FinalOutputMulti`)
//! and the pages on the multi-context socket: five contexts at most, an idle socket is closed.

use super::manner::{Coding, Step, perform};
use super::performing::{Happened, Performances, Wording, close};
use super::stage::{Asked, FakeVoice, Inner};
use crate::providers::spelled_speech::timings;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Contexts that may be open at once.
const MOST_CONTEXTS: usize = 5;
const PARAMETERS: &[&str] = &[
    "model_id",
    "language_code",
    "enable_logging",
    "enable_ssml_parsing",
    "output_format",
    "inactivity_timeout",
    "sync_alignment",
    "auto_mode",
    "apply_text_normalization",
    "seed",
];
/// Fields of the first message of a context only.
const FIRST_ONLY: &[&str] = &[
    "voice_settings",
    "generation_config",
    "pronunciation_dictionary_locators",
];
const FIELDS: &[&str] = &["text", "context_id", "flush", "close_context", "close_socket"];
const VOICE_SETTINGS: &[&str] = &["stability", "similarity_boost", "style", "use_speaker_boost", "speed"];

impl FakeVoice {
    /// ElevenLabs with this key.
    pub async fn elevenlabs(key: &str) -> std::io::Result<Self> {
        Self::start(key, |stage| {
            Router::new()
                .route("/v1/text-to-speech/{voice}/multi-stream-input", any(open))
                .with_state(stage)
        })
        .await
    }
}

async fn open(
    State(stage): State<Arc<Inner>>,
    Path(_voice): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    stage.note(Asked::Connection);
    stage.keep_query(&query);
    if let Some(answer) = stage.turned_away(&headers, "xi-api-key", "") {
        return answer;
    }
    let of = |name: &str| query.get(name).map(String::as_str);
    if let Some(unknown) = query.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
        return stage.refuse(StatusCode::BAD_REQUEST, format!("unknown parameter {unknown}"));
    }
    if of("output_format") != Some("ulaw_8000") {
        return stage.refuse(
            StatusCode::BAD_REQUEST,
            "output_format must be one that this stage plays: ulaw_8000",
        );
    }
    let model = of("model_id").unwrap_or("eleven_multilingual_v2");
    if of("language_code").is_some() && model.contains("multilingual") {
        return stage.refuse(StatusCode::BAD_REQUEST, "this model takes no language_code");
    }
    let patience = of("inactivity_timeout").map_or(Some(20), |seconds| seconds.parse().ok());
    let Some(patience) = patience.filter(|seconds| (1..=180).contains(seconds)) else {
        return stage.refuse(StatusCode::BAD_REQUEST, "inactivity_timeout must be 1 to 180");
    };
    upgrade.on_upgrade(move |socket| serve(stage, socket, Duration::from_secs(patience)))
}

#[derive(Default)]
struct Context {
    text: String,
    performing: bool,
    closed: bool,
}

async fn serve(stage: Arc<Inner>, mut socket: WebSocket, patience: Duration) {
    let mut contexts: HashMap<String, Context> = HashMap::new();
    let mut performances = Performances::default();
    loop {
        let said = match performances.next(&mut socket, patience).await {
            Happened::Said(Message::Text(text)) => {
                stage.keep_message(&text);
                text
            }
            Happened::Said(_) => {
                stage.note(Asked::Refused("a binary message".to_owned()));
                return close(socket, 1003, "text only").await;
            }
            Happened::Gone => return stage.note(Asked::Closed),
            Happened::Idle => return close(socket, 1008, "input_timeout_exceeded").await,
            Happened::Over(context) => {
                // A closed context that was flushed is over once its audio is.
                if contexts.get(&context).is_some_and(|context| context.closed) {
                    contexts.remove(&context);
                    if socket.send(final_message(&context)).await.is_err() {
                        return;
                    }
                } else if let Some(context) = contexts.get_mut(&context) {
                    context.performing = false;
                }
                continue;
            }
        };
        match obey(&stage, &said, &mut contexts, &mut performances) {
            Ok(Some(over)) => {
                if socket.send(final_message(&over)).await.is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(why) => {
                let reason = json!({"message": why, "error": "invalid_message", "code": 1008});
                stage.note(Asked::Refused(why));
                // As the real one: the error as a message, then the close.
                let _ = socket.send(Message::Text(reason.to_string().into())).await;
                return close(socket, 1008, "invalid message").await;
            }
        }
    }
}

/// Does what a message asks. A context that is closed with nothing to say is over at once: it is the answer.
fn obey(
    stage: &Inner,
    said: &str,
    contexts: &mut HashMap<String, Context>,
    performances: &mut Performances,
) -> Result<Option<String>, String> {
    let message: Map<String, Value> = serde_json::from_str(said).map_err(|_| "not a JSON object".to_owned())?;
    let known = |name: &String| FIELDS.contains(&name.as_str()) || FIRST_ONLY.contains(&name.as_str());
    if let Some(unknown) = message.keys().find(|name| !known(name)) {
        return Err(format!("unknown field {unknown}"));
    }
    let flag = |name: &str| message.get(name).and_then(Value::as_bool).unwrap_or(false);
    let id = message.get("context_id").and_then(Value::as_str).unwrap_or("default");
    let text = message.get("text").and_then(Value::as_str);
    if flag("close_context") {
        let context = contexts.get_mut(id).filter(|context| !context.closed);
        let context = context.ok_or_else(|| format!("close_context of an unknown context {id}"))?;
        context.closed = true;
        if context.performing {
            // What was flushed is said to its end.
            return Ok(None);
        }
        contexts.remove(id);
        return Ok(Some(id.to_owned()));
    }
    let Some(context) = contexts.get_mut(id) else {
        if text != Some(" ") {
            return Err("the first message of a context must have the text \" \"".to_owned());
        }
        check_settings(&message)?;
        if contexts.len() >= MOST_CONTEXTS {
            return Err("Maximum simultaneous contexts per WebSocket connection exceeded (5)".to_owned());
        }
        contexts.insert(id.to_owned(), Context::default());
        return Ok(None);
    };
    if context.closed {
        return Err("text for a context that is closed".to_owned());
    }
    if let Some(late) = FIRST_ONLY.iter().find(|name| message.contains_key(**name)) {
        return Err(format!("{late} in a later message of a context"));
    }
    match text {
        Some("") | None if !flag("flush") => stage.note(Asked::KeptAlive),
        Some(text) if !text.is_empty() && !text.ends_with(' ') => {
            return Err("text must end with a single space".to_owned());
        }
        text => context.text.push_str(text.unwrap_or_default()),
    }
    if flag("flush") {
        if context.performing {
            return Err("flushed twice: this stage plays one text a context".to_owned());
        }
        let text = std::mem::take(&mut context.text);
        stage.note(Asked::Text(text.trim().to_owned()));
        context.performing = true;
        let steps = perform(text.trim(), &stage.manner(), Coding::Mulaw);
        performances.begin(id, steps, Words { text });
    }
    Ok(None)
}

fn check_settings(message: &Map<String, Value>) -> Result<(), String> {
    let Some(settings) = message.get("voice_settings") else {
        return Ok(());
    };
    let settings = settings.as_object().ok_or("voice_settings must be an object")?;
    if let Some(unknown) = settings.keys().find(|name| !VOICE_SETTINGS.contains(&name.as_str())) {
        return Err(format!("unknown voice setting {unknown}"));
    }
    let speed = settings.get("speed").and_then(Value::as_f64).unwrap_or(1.0);
    if !(0.7..=1.2).contains(&speed) {
        return Err("speed must be 0.7 to 1.2".to_owned());
    }
    Ok(())
}

fn final_message(context: &str) -> Message {
    Message::Text(json!({"isFinal": true, "contextId": context}).to_string().into())
}

struct Words {
    text: String,
}

impl Wording for Words {
    fn audio(&self, context: &str, step: &Step) -> Vec<Message> {
        let Step::Audio { bytes, from_ms, to_ms } = step else {
            return Vec::new();
        };
        // Times are relative to the piece.
        let (mut chars, mut starts, mut lasts, mut at) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (character, duration) in timings(self.text.trim()) {
            if (*from_ms..*to_ms).contains(&at) {
                chars.push(character.to_string());
                starts.push(at - from_ms);
                lasts.push(duration);
            }
            at += duration;
        }
        let alignment = json!({"chars": chars, "charStartTimesMs": starts, "charDurationsMs": lasts});
        let message = json!({
            "audio": STANDARD.encode(bytes),
            "alignment": alignment,
            "normalizedAlignment": alignment,
            "contextId": context,
        });
        vec![Message::Text(message.to_string().into())]
    }

    fn oddity(&self, context: &str) -> Vec<Message> {
        let news = json!({"visemes": [1, 2], "contextId": context, "audio": null});
        vec![
            Message::Text(news.to_string().into()),
            Message::Text("{\"audio\":".into()),
            Message::Binary(vec![0xde, 0xad].into()),
        ]
    }

    fn failure(&self, context: &str) -> Message {
        let failure =
            json!({"message": "internal", "error": "internal_server_error", "code": 1011, "contextId": context});
        Message::Text(failure.to_string().into())
    }

    fn end(&self, _context: &str) -> Option<Message> {
        None
    }
}
