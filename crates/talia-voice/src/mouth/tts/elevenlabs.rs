//! ElevenLabs by its WebSocket with several contexts (`multi-stream-input`): `ulaw_8000`, no transcoding.
//!
//! A text is a context. The next context is always open already, which saves the settings' round trip and keeps the
//! connection from being closed as idle (after 20 seconds by default). Shapes: the official Python SDK 2.78.

use super::{
    Session, StreamingTts, Voice,
    socket_session::{self, Event, Protocol, key_header, socket_url},
};
use crate::{
    config::Provider,
    providers::{Fault, FaultClass, Received, Tally, Target, Watch},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderName;
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use talia_audio::frame::duration_of;
use talia_spanish::Language;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// Contexts that one connection may have open.
const MOST_CONTEXTS: usize = 5;
/// Asked for, so that a missed keep-alive closes nothing.
const IDLE_SECONDS: u32 = 60;

/// The voice of ElevenLabs.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    provider: Provider,
    watch: Watch,
}

impl ElevenLabs {
    /// With the provider's model and voice.
    pub fn new(provider: Provider, watch: Watch) -> Self {
        Self { provider, watch }
    }
}

impl StreamingTts for ElevenLabs {
    fn open(&self, voice: &Voice, tally: Tally, tasks: &TaskTracker) -> Session {
        let protocol = Contexts::new(&self.provider, voice);
        socket_session::open(protocol, self.watch.clone(), tally, tasks)
    }
}

/// The protocol on one connection.
#[derive(Debug)]
pub struct Contexts {
    target: Target,
    settings: serde_json::Value,
    begun: u64,
    /// The context that waits for the next text.
    spare: Option<u64>,
    /// Contexts that carry a text, by their number; `None`: nobody wants it any more.
    open: HashMap<u64, Option<Carried>>,
}

/// A text in its context.
#[derive(Debug)]
struct Carried {
    text_id: u64,
    /// Audio received so far, in samples.
    samples: u64,
}

#[derive(Debug, Deserialize)]
struct Message {
    audio: Option<String>,
    #[serde(rename = "isFinal", alias = "is_final")]
    is_final: Option<bool>,
    alignment: Option<Letters>,
    #[serde(rename = "contextId", alias = "context_id")]
    context: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Letters {
    chars: Vec<String>,
    #[serde(rename = "charStartTimesMs")]
    starts: Vec<u64>,
    #[serde(rename = "charDurationsMs", alias = "charsDurationsMs")]
    lasts: Vec<u64>,
}

impl Contexts {
    /// A connection that is not open yet.
    pub fn new(provider: &Provider, voice: &Voice) -> Self {
        let id = provider.voice.as_deref().unwrap_or_default();
        let model = provider.model.as_deref().unwrap_or_default();
        let mut url = format!(
            "{}/v1/text-to-speech/{id}/multi-stream-input?model_id={model}&output_format=ulaw_8000&auto_mode=true\
             &inactivity_timeout={IDLE_SECONDS}",
            socket_url(&provider.account.url),
        );
        // The multilingual models find the language out by themselves and refuse to be told.
        if !model.contains("multilingual") {
            url.push_str(match voice.language {
                Language::Spanish => "&language_code=es",
                Language::English => "&language_code=en",
            });
        }
        Self {
            target: Target {
                url,
                headers: key_header(provider, &HeaderName::from_static("xi-api-key"), ""),
            },
            settings: json!({"speed": voice.speed.clamp(0.7, 1.2)}),
            begun: 0,
            spare: None,
            open: HashMap::new(),
        }
    }

    /// Opens the next context, if another may be open.
    fn begin_spare(&mut self) -> Option<String> {
        if self.spare.is_some() || self.open.len() + 1 > MOST_CONTEXTS {
            return None;
        }
        self.begun += 1;
        self.spare = Some(self.begun);
        let message = json!({"text": " ", "context_id": name(self.begun), "voice_settings": self.settings});
        Some(message.to_string())
    }
}

impl Protocol for Contexts {
    fn target(&self) -> Target {
        self.target.clone()
    }

    fn opened(&mut self) -> Vec<String> {
        self.spare = None;
        self.open.clear();
        self.begin_spare().into_iter().collect()
    }

    fn may_say(&self) -> bool {
        self.spare.is_some()
    }

    fn say(&mut self, text_id: u64, text: &str, _now: Instant) -> Vec<String> {
        let mut messages: Vec<String> = self.begin_spare().into_iter().collect();
        let Some(context) = self.spare.take() else {
            return messages;
        };
        self.open.insert(context, Some(Carried { text_id, samples: 0 }));
        // Flushed before it is closed: what is flushed is still said, and its end is told.
        messages
            .push(json!({"text": format!("{} ", text.trim()), "context_id": name(context), "flush": true}).to_string());
        messages.push(json!({"context_id": name(context), "close_context": true}).to_string());
        messages.extend(self.begin_spare());
        messages
    }

    fn cancel(&mut self, text_id: u64) -> Vec<String> {
        // Its context is closed already: nothing more can be taken back, and what comes is dropped.
        let carrying =
            |carried: &&mut Option<Carried>| carried.as_ref().is_some_and(|carried| carried.text_id == text_id);
        if let Some(carried) = self.open.values_mut().find(carrying) {
            *carried = None;
        }
        Vec::new()
    }

    fn keep_alive(&mut self) -> Vec<String> {
        let spare = self.spare.into_iter();
        spare
            .map(|context| json!({"text": "", "context_id": name(context)}).to_string())
            .collect()
    }

    fn receive(&mut self, received: &Received, events: &mut Vec<Event>) {
        let Received::Text(text) = received else {
            return events.push(Event::Unknown);
        };
        let Ok(message) = serde_json::from_str::<Message>(text) else {
            return events.push(Event::Unknown);
        };
        let context = message.context.as_deref().and_then(number);
        if let Some(error) = message.error {
            let carried = context.and_then(|context| self.open.get(&context)?.as_ref());
            return events.push(Event::Failed {
                text_id: carried.map(|carried| carried.text_id),
                fault: fault_of(&error),
            });
        }
        let Some(carried) = context.and_then(|context| self.open.get_mut(&context)) else {
            return events.push(Event::Unknown);
        };
        if let Some(carried) = carried {
            let began = carried.samples;
            match message
                .audio
                .as_deref()
                .filter(|audio| !audio.is_empty())
                .map(|audio| STANDARD.decode(audio))
            {
                Some(Ok(mulaw)) => {
                    carried.samples += mulaw.len() as u64;
                    events.push(Event::Audio {
                        text_id: carried.text_id,
                        mulaw,
                    });
                }
                Some(Err(_)) => events.push(Event::Failed {
                    text_id: Some(carried.text_id),
                    fault: Fault::malformed("audio that isn't base64"),
                }),
                None if message.is_final.is_none() => events.push(Event::Unknown),
                None => {}
            }
            let letters = message.alignment.into_iter().flat_map(|letters| {
                let times = letters.starts.into_iter().zip(letters.lasts);
                letters.chars.into_iter().zip(times)
            });
            events.extend(letters.map(|(part, (starts, lasts))| Event::Aligned {
                text_id: carried.text_id,
                part,
                // Told from the beginning of this message's audio.
                ends: duration_of(began) + Duration::from_millis(starts.saturating_add(lasts)),
            }));
        }
        if message.is_final == Some(true) {
            if let Some(carried) = carried {
                events.push(Event::End {
                    text_id: carried.text_id,
                });
            }
            if let Some(context) = context {
                self.open.remove(&context);
            }
            events.extend(self.begin_spare().map(Event::Send));
        }
    }
}

fn name(context: u64) -> String {
    format!("c{context}")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix('c')?.parse().ok()
}

/// The kinds of errors that the service names.
fn fault_of(error: &str) -> Fault {
    match error {
        "quota_exceeded" | "max_active_conversations" | "rate_limited" | "too_many_concurrent_requests" => {
            Fault::new(FaultClass::Quota, "the voice is asked too much")
        }
        "authorization_failed" | "invalid_api_key" | "auth_error" => {
            Fault::new(FaultClass::Terminal, "the key is refused")
        }
        "invalid_message" | "voice_id_does_not_exist" | "payload_validation_error" => {
            Fault::new(FaultClass::Terminal, "the request is refused")
        }
        _ => Fault::transient("the voice failed"),
    }
}
