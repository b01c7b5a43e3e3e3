//! Deepgram Aura by its WebSocket (`/v1/speak`): bare μ-law, no transcoding.
//!
//! Its audio bears no name: one text at a time, from its flush to `Flushed`; what comes between `Clear` and `Cleared`
//! belongs to nobody. Shapes: the official Python SDK 7.17, and the AsyncAPI description of `/v1/speak` (`mip_opt_out`); 20
//! flushes a minute at most, from the page on `Flush`.

use super::{
    Session, StreamingTts, Voice,
    socket_session::{self, Event, Protocol, key_header, socket_url},
};
use crate::{
    config::Provider,
    providers::{Fault, FaultClass, Received, Tally, Target, Watch},
};
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::json;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// Flushes that one connection takes in a minute.
const MOST_FLUSHES: usize = 20;
const MINUTE: Duration = Duration::from_mins(1);

/// The voices of Deepgram. A voice is a model, and a model has a language (`aura-2-estrella-es`).
#[derive(Debug, Clone)]
pub struct Aura {
    provider: Provider,
    watch: Watch,
}

impl Aura {
    /// With the provider's model.
    pub fn new(provider: Provider, watch: Watch) -> Self {
        Self { provider, watch }
    }
}

impl StreamingTts for Aura {
    fn open(&self, _voice: &Voice, tally: Tally, tasks: &TaskTracker) -> Session {
        socket_session::open(Flushes::new(&self.provider), self.watch.clone(), tally, tasks)
    }
}

/// The protocol on one connection.
#[derive(Debug)]
pub struct Flushes {
    target: Target,
    /// The text that is being said.
    saying: Option<u64>,
    /// So many `Cleared` are to come before audio is ours again.
    clearing: u32,
    flushed: VecDeque<Instant>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
}

impl Flushes {
    /// A connection that is not open yet.
    pub fn new(provider: &Provider) -> Self {
        // What callers are told trains nobody's models.
        let url = format!(
            "{}/v1/speak?model={}&encoding=mulaw&sample_rate=8000&mip_opt_out=true",
            socket_url(&provider.account.url),
            provider.model.as_deref().unwrap_or_default(),
        );
        Self {
            target: Target {
                url,
                headers: key_header(provider, &AUTHORIZATION, "Token "),
            },
            saying: None,
            clearing: 0,
            flushed: VecDeque::new(),
        }
    }
}

impl Protocol for Flushes {
    fn target(&self) -> Target {
        self.target.clone()
    }

    fn opened(&mut self) -> Vec<String> {
        self.saying = None;
        self.clearing = 0;
        self.flushed.clear();
        Vec::new()
    }

    fn may_say(&self) -> bool {
        self.saying.is_none() && self.clearing == 0
    }

    fn is_worn_out(&self, now: Instant) -> bool {
        let lately = self.flushed.iter().filter(|at| now.duration_since(**at) < MINUTE);
        lately.count() >= MOST_FLUSHES
    }

    fn say(&mut self, text_id: u64, text: &str, now: Instant) -> Vec<String> {
        self.saying = Some(text_id);
        self.flushed.push_back(now);
        if self.flushed.len() > MOST_FLUSHES {
            self.flushed.pop_front();
        }
        vec![
            json!({"type": "Speak", "text": text.trim()}).to_string(),
            json!({"type": "Flush"}).to_string(),
        ]
    }

    fn cancel(&mut self, text_id: u64) -> Vec<String> {
        if self.saying != Some(text_id) {
            return Vec::new();
        }
        self.saying = None;
        self.clearing += 1;
        vec![json!({"type": "Clear"}).to_string()]
    }

    fn keep_alive(&mut self) -> Vec<String> {
        // The service closes no idle connection before an hour; pings are enough for what stands between.
        Vec::new()
    }

    fn receive(&mut self, received: &Received, events: &mut Vec<Event>) {
        let text = match received {
            Received::Binary(bytes) => {
                if let Some(text_id) = self.saying
                    && self.clearing == 0
                {
                    events.push(Event::Audio {
                        text_id,
                        mulaw: bytes.to_vec(),
                    });
                }
                return;
            }
            Received::Text(text) => text,
            Received::Closed(_) => return,
        };
        let Ok(message) = serde_json::from_str::<Message>(text) else {
            return events.push(Event::Unknown);
        };
        match message.kind.as_str() {
            "Flushed" => events.extend(self.saying.take().map(|text_id| Event::End { text_id })),
            "Cleared" => self.clearing = self.clearing.saturating_sub(1),
            "Metadata" => {}
            "Warning" if message.code.as_deref().is_some_and(|code| code.contains("FLUSH")) => {
                let fault = Fault::new(FaultClass::Quota, "the voice is asked too often");
                events.extend(self.saying.take().map(|text_id| Event::Failed {
                    text_id: Some(text_id),
                    fault,
                }));
            }
            "Error" => events.push(Event::Failed {
                text_id: None,
                fault: Fault::transient("the voice failed"),
            }),
            _ => events.push(Event::Unknown),
        }
    }
}
