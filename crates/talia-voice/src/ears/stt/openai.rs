//! OpenAI's streaming transcription: a Realtime session of the type `transcription`, its turns committed by us.
//!
//! Sources: OpenAI's guide "Realtime transcription", its OpenAPI document of 2026-08, the types of its Python SDK 3.54.

use super::commits::Commits;
use super::{address, authorization, terms};
use crate::config::Provider;
use crate::ears::stream::protocol::{Feeding, Heard, Piece, Protocol, StreamingStt, Traits, Wire};
use crate::ears::stream::transcript::spread;
use crate::providers::{Fault, FaultClass, Target};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use talia_spanish::{Expectation, Language};

/// A commit of less than this is refused ("buffer too small").
const SHORTEST: u64 = 800;
/// Items whose running words are kept, and how long those may grow.
const ITEMS: usize = 8;
const LONGEST_TEXT: usize = 16 * 1024;

/// The transcription as the configuration names it.
#[derive(Debug)]
pub struct OpenAiTranscription(pub Provider);

impl StreamingStt for OpenAiTranscription {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn target(&self, _language: Language) -> Target {
        Target {
            // No model in the address: that would open a conversation.
            url: address(&self.0.account.url, "/v1/realtime", &[("intent", "transcription")]),
            headers: authorization(&self.0.account, "authorization", "Bearer "),
        }
    }

    fn protocol(&self, language: Language) -> Box<dyn Protocol> {
        Box::new(Transcription {
            model: self.0.model.clone().unwrap_or_default(),
            language,
            commits: Commits::default(),
            wants_commit: false,
            running: BTreeMap::new(),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "session.created")]
    Created,
    #[serde(rename = "session.updated")]
    Updated,
    #[serde(rename = "input_audio_buffer.committed")]
    Committed { item_id: String },
    #[serde(rename = "input_audio_buffer.cleared")]
    Cleared,
    #[serde(
        rename = "conversation.item.added",
        alias = "conversation.item.done",
        alias = "conversation.item.created"
    )]
    Item,
    #[serde(rename = "rate_limits.updated")]
    RateLimits,
    #[serde(rename = "conversation.item.input_audio_transcription.delta")]
    Delta {
        item_id: String,
        #[serde(default)]
        delta: String,
    },
    #[serde(rename = "conversation.item.input_audio_transcription.completed")]
    Completed { item_id: String, transcript: String },
    #[serde(rename = "conversation.item.input_audio_transcription.failed")]
    Failed { item_id: String },
    #[serde(rename = "error")]
    Error { error: Problem },
    #[serde(other)]
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    r#type: String,
    code: Option<String>,
    event_id: Option<String>,
}

/// The id of the message that everything depends on.
const SET_UP: &str = "setup";

/// One session.
struct Transcription {
    model: String,
    language: Language,
    commits: Commits,
    /// The words of what was sent are wanted as soon as it is long enough to be committed.
    wants_commit: bool,
    /// Running words of items.
    running: BTreeMap<String, String>,
}

impl Protocol for Transcription {
    fn traits(&self) -> Traits {
        Traits {
            feeding: Feeding::Turns,
            chunk: 320,
            reports_progress: false,
            answers_by_progress: false,
            detects_turns: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<Wire>, _heard: &mut Vec<Heard>) {
        let input = json!({
            "format": { "type": "audio/pcmu" },
            "transcription": self.transcription(Expectation::Open),
            // We say when a turn is over; some models know no other way.
            "turn_detection": null,
        });
        out.push(update(&input, Some(SET_UP)));
    }

    fn audio(&mut self, mulaw: &[u8], out: &mut Vec<Wire>) {
        let append = json!({ "type": "input_audio_buffer.append", "audio": STANDARD.encode(mulaw) });
        out.push(Wire::Text(append.to_string()));
        self.commits.sent(mulaw.len());
        if self.wants_commit && self.commits.open_bytes() >= SHORTEST {
            self.commit(out);
        }
    }

    fn finalize(&mut self, out: &mut Vec<Wire>, heard: &mut Vec<Heard>) {
        match self.commits.open_bytes() {
            0 => heard.push(Heard::Finalized {
                to: self.commits.done_to(),
            }),
            open if open < SHORTEST => self.wants_commit = true,
            _ => self.commit(out),
        }
    }

    fn discard(&mut self, out: &mut Vec<Wire>) -> u64 {
        self.wants_commit = false;
        let held = self.commits.open().start;
        if self.commits.open_bytes() > 0 {
            self.commits.drop_open();
            out.push(Wire::Text(r#"{"type":"input_audio_buffer.clear"}"#.to_owned()));
        }
        held
    }

    fn expect(&mut self, expectation: Expectation, out: &mut Vec<Wire>) {
        let input = json!({ "transcription": self.transcription(expectation) });
        out.push(update(&input, None));
    }

    fn charged(&self) -> u64 {
        // By what it writes down (the usage of `…input_audio_transcription.completed`); what was cleared was free.
        self.commits.kept()
    }

    fn keep_alive(&mut self, _out: &mut Vec<Wire>) {
        // A session lasts for an hour, silent or not.
    }

    fn receive(&mut self, text: &str, heard: &mut Vec<Heard>) {
        match serde_json::from_str(text) {
            Ok(Event::Updated) => heard.push(Heard::Ready),
            Ok(Event::Created | Event::Cleared | Event::Item | Event::RateLimits) => heard.push(Heard::Nothing),
            Ok(Event::Committed { item_id }) => self.commits.name(&item_id),
            Ok(Event::Delta { item_id, delta }) => self.delta(item_id, &delta, heard),
            Ok(Event::Completed { item_id, transcript }) => self.completed(&item_id, &transcript, heard),
            Ok(Event::Failed { item_id }) => {
                if self.commits.has(&item_id) {
                    // Its audio is in the ring: another session, or another engine, writes it down.
                    heard.push(Heard::Failed(Fault::transient("a piece could not be transcribed")));
                }
            }
            Ok(Event::Error { error }) => self.error(&error, heard),
            Ok(Event::Other) => heard.push(Heard::Unknown),
            Err(_) => heard.push(Heard::Malformed),
        }
    }
}

fn update(input: &Value, event_id: Option<&str>) -> Wire {
    let mut message = json!({
        "type": "session.update",
        "session": { "type": "transcription", "audio": { "input": input } },
    });
    if let Some(id) = event_id {
        message["event_id"] = Value::from(id);
    }
    Wire::Text(message.to_string())
}

impl Transcription {
    /// The hints differ by model: keywords for the newest, a prompt for the gpt-4o ones, none for gpt-realtime-whisper.
    fn transcription(&self, expectation: Expectation) -> Value {
        let code = self.language.code();
        let words = terms::of(expectation, self.language);
        let model = self.model.as_str();
        if model.ends_with("-transcribe") && !model.starts_with("gpt-4o") {
            json!({ "model": model, "languages": [code], "keywords": words })
        } else if model.starts_with("gpt-4o") && !model.ends_with("-diarize") && !words.is_empty() {
            json!({ "model": model, "language": code, "prompt": words.join(", ") })
        } else {
            json!({ "model": model, "language": code })
        }
    }

    fn commit(&mut self, out: &mut Vec<Wire>) {
        self.wants_commit = false;
        self.commits.commit();
        out.push(Wire::Text(r#"{"type":"input_audio_buffer.commit"}"#.to_owned()));
    }

    fn delta(&mut self, item: String, delta: &str, heard: &mut Vec<Heard>) {
        let span = self.commits.span_of(&item);
        if self.running.len() == ITEMS && !self.running.contains_key(&item) {
            self.running.pop_first();
        }
        let text = self.running.entry(item).or_default();
        if text.len() + delta.len() > LONGEST_TEXT {
            heard.push(Heard::Failed(Fault::malformed("a transcript without end")));
            return;
        }
        text.push_str(delta);
        let words = spread(text, &span);
        heard.push(Heard::Running(Piece { span, words }));
    }

    fn completed(&mut self, item: &str, transcript: &str, heard: &mut Vec<Heard>) {
        self.running.remove(item);
        let Some(commit) = self.commits.take(item) else {
            // Twice, or of an item that we never made.
            heard.push(Heard::Nothing);
            return;
        };
        let words = spread(transcript, &commit.span);
        heard.push(Heard::Final(Piece {
            span: commit.span,
            words,
        }));
        heard.push(Heard::Finalized {
            to: self.commits.done_to(),
        });
    }

    fn error(&mut self, error: &Problem, heard: &mut Vec<Heard>) {
        let code = error.code.as_deref().unwrap_or_default();
        let fault = match code {
            "input_audio_buffer_commit_empty" => {
                self.commits.take_unnamed();
                heard.push(Heard::Finalized {
                    to: self.commits.done_to(),
                });
                return;
            }
            "insufficient_quota" | "rate_limit_exceeded" => Fault::new(FaultClass::Quota, "too many requests"),
            "invalid_api_key" | "beta_api_shape_disabled" | "model_not_found" => {
                Fault::new(FaultClass::Terminal, "the session is refused")
            }
            "session_expired" => Fault::transient("the session is over"),
            _ if error.event_id.as_deref() == Some(SET_UP) => {
                Fault::new(FaultClass::Terminal, "the session is refused")
            }
            _ if error.r#type == "server_error" => Fault::transient("the engine reports an error"),
            // Most errors leave the session as it was.
            _ => {
                heard.push(Heard::Unknown);
                return;
            }
        };
        heard.push(Heard::Failed(fault));
    }
}
