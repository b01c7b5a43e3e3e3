//! Cartesia by its WebSocket (`/tts/websocket`): `pcm_mulaw` at 8 kHz, no transcoding.
//!
//! A text is a context and one request: whole sentences come, so nothing is buffered. Shapes: the official Python SDK 4.2.

use super::{
    Session, StreamingTts, Voice,
    socket_session::{self, Event, Protocol, key_header, socket_url},
};
use crate::{
    config::Provider,
    providers::{Fault, Received, Tally, Target, Watch},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// The version of the API whose shapes stand here.
const VERSION: &str = "2026-08-14";
/// How long the service may wait for more text before it speaks: none comes.
const BUFFER_DELAY_MS: u32 = 0;

/// The voice of Cartesia.
#[derive(Debug, Clone)]
pub struct Cartesia {
    provider: Provider,
    watch: Watch,
}

impl Cartesia {
    /// With the provider's model and voice.
    pub fn new(provider: Provider, watch: Watch) -> Self {
        Self { provider, watch }
    }
}

impl StreamingTts for Cartesia {
    fn open(&self, voice: &Voice, tally: Tally, tasks: &TaskTracker) -> Session {
        socket_session::open(Requests::new(&self.provider, voice), self.watch.clone(), tally, tasks)
    }
}

/// The protocol on one connection.
#[derive(Debug)]
pub struct Requests {
    target: Target,
    request: serde_json::Value,
    saying: HashSet<u64>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    context_id: Option<String>,
    data: Option<String>,
    word_timestamps: Option<Words>,
    status_code: Option<u16>,
}

#[derive(Debug, Deserialize)]
struct Words {
    words: Vec<String>,
    end: Vec<f64>,
}

impl Requests {
    /// A connection that is not open yet.
    pub fn new(provider: &Provider, voice: &Voice) -> Self {
        let mut headers = key_header(provider, &AUTHORIZATION, "Bearer ");
        headers.push((
            HeaderName::from_static("cartesia-version"),
            HeaderValue::from_static(VERSION),
        ));
        let request = json!({
            "model_id": provider.model,
            "voice": {"id": provider.voice},
            "language": voice.language.code(),
            "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
            "generation_config": {"speed": voice.speed.clamp(0.6, 1.5)},
            "add_timestamps": true,
            "continue": false,
            "max_buffer_delay_ms": BUFFER_DELAY_MS,
        });
        Self {
            target: Target {
                url: format!("{}/tts/websocket", socket_url(&provider.account.url)),
                headers,
            },
            request,
            saying: HashSet::new(),
        }
    }
}

impl Protocol for Requests {
    fn target(&self) -> Target {
        self.target.clone()
    }

    fn opened(&mut self) -> Vec<String> {
        self.saying.clear();
        Vec::new()
    }

    fn may_say(&self) -> bool {
        true
    }

    fn say(&mut self, text_id: u64, text: &str, _now: Instant) -> Vec<String> {
        self.saying.insert(text_id);
        let mut request = self.request.clone();
        request["context_id"] = json!(name(text_id));
        request["transcript"] = json!(text.trim());
        vec![request.to_string()]
    }

    fn cancel(&mut self, text_id: u64) -> Vec<String> {
        if !self.saying.remove(&text_id) {
            return Vec::new();
        }
        vec![json!({"context_id": name(text_id), "cancel": true}).to_string()]
    }

    fn keep_alive(&mut self) -> Vec<String> {
        // An idle connection lives five minutes; one that was closed is made again when it is needed.
        Vec::new()
    }

    fn receive(&mut self, received: &Received, events: &mut Vec<Event>) {
        let Received::Text(text) = received else {
            return events.push(Event::Unknown);
        };
        let Ok(message) = serde_json::from_str::<Message>(text) else {
            return events.push(Event::Unknown);
        };
        let text_id = message.context_id.as_deref().and_then(number);
        // Of a text that was cancelled meanwhile, or that nobody asked for.
        if text_id.is_some_and(|text_id| !self.saying.contains(&text_id)) {
            return;
        }
        if message.kind == "error" {
            // Without a context nobody knows which text it is about.
            let fault = message
                .status_code
                .map_or(Fault::transient("the voice failed"), |status| {
                    Fault::of_status(status, None)
                });
            return events.push(Event::Failed { text_id, fault });
        }
        let Some(text_id) = text_id else {
            return events.push(Event::Unknown);
        };
        match message.kind.as_str() {
            "chunk" => {
                let decoded = STANDARD.decode(message.data.unwrap_or_default());
                events.push(match decoded {
                    Ok(mulaw) => Event::Audio { text_id, mulaw },
                    Err(_) => Event::Failed {
                        text_id: Some(text_id),
                        fault: Fault::malformed("audio that isn't base64"),
                    },
                });
            }
            "timestamps" => {
                let words = message.word_timestamps.into_iter();
                let ended = words.flat_map(|words| words.words.into_iter().zip(words.end));
                events.extend(ended.filter_map(|(part, end)| {
                    let ends = Duration::try_from_secs_f64(end).ok()?;
                    Some(Event::Aligned { text_id, part, ends })
                }));
            }
            "done" => {
                self.saying.remove(&text_id);
                events.push(Event::End { text_id });
            }
            "flush_done" => {}
            _ => events.push(Event::Unknown),
        }
    }
}

fn name(text_id: u64) -> String {
    format!("t{text_id}")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix('t')?.parse().ok()
}
