//! ElevenLabs Scribe, streaming, its turns committed by us.
//!
//! Sources: the types and the connection of ElevenLabs' Python SDK 2.78.

use super::commits::Commits;
use super::{address, authorization, terms};
use crate::config::Provider;
use crate::ears::stream::protocol::{Feeding, Heard, Piece, Protocol, StreamingStt, Traits, Wire};
use crate::ears::stream::transcript::spread;
use crate::providers::{Fault, FaultClass, Target};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use std::ops::Range;
use talia_spanish::{Expectation, Language};

/// A commit of less than 0.3 s is refused (`commit_throttled`).
const SHORTEST: u64 = 2_400;

/// Scribe as the configuration names it.
#[derive(Debug)]
pub struct Scribe(pub Provider);

impl StreamingStt for Scribe {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn target(&self, language: Language) -> Target {
        let mut query = vec![
            ("model_id", self.0.model.as_deref().unwrap_or_default()),
            ("audio_format", "ulaw_8000"),
            ("commit_strategy", "manual"),
            ("language_code", language.code()),
        ];
        query.extend(terms::of_a_call(language).iter().map(|term| ("keyterms", *term)));
        Target {
            url: address(&self.0.account.url, "/v1/speech-to-text/realtime", &query),
            headers: authorization(&self.0.account, "xi-api-key", ""),
        }
    }

    fn protocol(&self, _language: Language) -> Box<dyn Protocol> {
        Box::new(Session::default())
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "message_type", rename_all = "snake_case")]
enum Message {
    SessionStarted,
    PartialTranscript {
        text: String,
    },
    CommittedTranscript {
        text: String,
    },
    CommittedTranscriptWithTimestamps,
    CommitThrottled,
    InsufficientAudioActivity,
    Warning,
    AuthError,
    UnacceptedTerms,
    InvalidRequest,
    InputError,
    ChunkSizeExceeded,
    QuotaExceeded,
    RateLimited,
    ResourceExhausted,
    QueueOverflow,
    SessionTimeLimitExceeded,
    TranscriberError,
    Error,
    #[serde(other)]
    Other,
}

/// One session.
#[derive(Debug, Default)]
struct Session {
    commits: Commits,
    /// The words of what was sent are wanted as soon as it is long enough to be committed.
    wants_commit: bool,
    /// What lies before is left over from an earlier turn and holds no words.
    fresh_from: u64,
}

impl Protocol for Session {
    fn traits(&self) -> Traits {
        Traits {
            feeding: Feeding::Turns,
            // The service advises pieces of 0.1 to 1 s.
            chunk: 800,
            reports_progress: false,
            answers_by_progress: false,
            detects_turns: false,
        }
    }

    fn begin(&mut self, _out: &mut Vec<Wire>, _heard: &mut Vec<Heard>) {
        // `session_started` comes by itself.
    }

    fn audio(&mut self, mulaw: &[u8], out: &mut Vec<Wire>) {
        out.push(chunk(mulaw, false));
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

    fn discard(&mut self, _out: &mut Vec<Wire>) -> u64 {
        // Nothing can be taken back: the rest of this turn, which is silence, is committed with the next one.
        self.wants_commit = false;
        self.fresh_from = self.commits.open().end;
        self.fresh_from
    }

    fn expect(&mut self, _expectation: Expectation, _out: &mut Vec<Wire>) {
        // Key terms can be given at the handshake only.
    }

    fn charged(&self) -> u64 {
        self.commits.open().end
    }

    fn keep_alive(&mut self, _out: &mut Vec<Wire>) {
        // It knows no such message.
    }

    fn receive(&mut self, text: &str, heard: &mut Vec<Heard>) {
        let Ok(message) = serde_json::from_str(text) else {
            heard.push(Heard::Malformed);
            return;
        };
        heard.push(match message {
            Message::SessionStarted => Heard::Ready,
            Message::PartialTranscript { text } => {
                let span = self.commits.oldest();
                let words = spread(&text, &self.spoken(&span));
                Heard::Running(Piece { span, words })
            }
            Message::CommittedTranscript { text } => return self.committed(&text, heard),
            // No speech in it, or too little to look: there are no words.
            Message::CommitThrottled | Message::InsufficientAudioActivity => return self.committed("", heard),
            Message::CommittedTranscriptWithTimestamps | Message::Warning => Heard::Nothing,
            Message::AuthError => Heard::Failed(Fault::new(FaultClass::Terminal, "the key is refused")),
            Message::UnacceptedTerms | Message::InvalidRequest | Message::InputError | Message::ChunkSizeExceeded => {
                Heard::Failed(Fault::new(FaultClass::Terminal, "the session is refused"))
            }
            Message::QuotaExceeded => Heard::Failed(Fault::new(FaultClass::Quota, "the account is empty")),
            Message::RateLimited => Heard::Failed(Fault::new(FaultClass::Quota, "too many requests")),
            Message::ResourceExhausted
            | Message::QueueOverflow
            | Message::SessionTimeLimitExceeded
            | Message::TranscriberError
            | Message::Error => Heard::Failed(Fault::transient("the engine reports an error")),
            Message::Other => Heard::Unknown,
        });
    }
}

fn chunk(mulaw: &[u8], commit: bool) -> Wire {
    let message = json!({
        "message_type": "input_audio_chunk",
        "audio_base_64": STANDARD.encode(mulaw),
        "commit": commit,
        "sample_rate": 8_000,
    });
    Wire::Text(message.to_string())
}

impl Session {
    fn commit(&mut self, out: &mut Vec<Wire>) {
        self.wants_commit = false;
        self.commits.commit();
        out.push(chunk(&[], true));
    }

    /// The part of a piece that may hold words.
    fn spoken(&self, span: &Range<u64>) -> Range<u64> {
        span.start.max(self.fresh_from.min(span.end))..span.end
    }

    fn committed(&mut self, text: &str, heard: &mut Vec<Heard>) {
        let Some(commit) = self.commits.take_oldest() else {
            // Twice, or never asked for.
            heard.push(Heard::Nothing);
            return;
        };
        let words = spread(text, &self.spoken(&commit.span));
        heard.push(Heard::Final(Piece {
            span: commit.span,
            words,
        }));
        heard.push(Heard::Finalized {
            to: self.commits.done_to(),
        });
    }
}
