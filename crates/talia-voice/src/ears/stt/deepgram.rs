//! Deepgram's streaming recognition (nova).
//!
//! Sources: Deepgram's API specification (`/v1/listen`), its pages "Finalize", "Audio Keep Alive" and "Endpointing", and the
//! types of its Python SDK 7.17.

use super::{address, authorization, terms};
use crate::config::Provider;
use crate::ears::stream::protocol::{Feeding, Heard, Piece, Protocol, StreamingStt, Traits, Wire, bytes_at};
use crate::ears::stream::transcript::Word;
use crate::providers::{Fault, Target};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::VecDeque;
use talia_spanish::{Expectation, Language};

/// Deepgram as the configuration names it.
#[derive(Debug)]
pub struct Deepgram(pub Provider);

impl StreamingStt for Deepgram {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn target(&self, language: Language) -> Target {
        let mut query = vec![
            ("model", self.0.model.as_deref().unwrap_or_default()),
            ("language", language.code()),
            ("encoding", "mulaw"),
            ("sample_rate", "8000"),
            ("channels", "1"),
            ("interim_results", "true"),
            // The default of 10 ms makes a final result of every breath.
            ("endpointing", "300"),
            ("smart_format", "true"),
            // Callers' voices train nobody's models.
            ("mip_opt_out", "true"),
        ];
        query.extend(terms::of_a_call(language).iter().map(|term| ("keyterm", *term)));
        Target {
            url: address(&self.0.account.url, "/v1/listen", &query),
            headers: authorization(&self.0.account, "authorization", "Token "),
        }
    }

    fn protocol(&self, _language: Language) -> Box<dyn Protocol> {
        Box::new(Nova::default())
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Message {
    Results(Results),
    SpeechStarted,
    UtteranceEnd,
    Metadata,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Results {
    start: f64,
    duration: f64,
    #[serde(default)]
    is_final: bool,
    #[serde(default)]
    from_finalize: bool,
    channel: Channel,
}

#[derive(Debug, Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    #[serde(default)]
    words: Vec<Spoken>,
}

#[derive(Debug, Deserialize)]
struct Spoken {
    word: String,
    punctuated_word: Option<String>,
    start: f64,
    end: f64,
}

/// One stream.
#[derive(Debug, Default)]
struct Nova {
    sent: u64,
    /// How much had been sent at each `Finalize` that is not answered.
    asked: VecDeque<u64>,
}

/// Unanswered `Finalize` messages that are remembered; not every one is answered.
const ASKED: usize = 16;

impl Protocol for Nova {
    fn traits(&self) -> Traits {
        Traits {
            feeding: Feeding::Always,
            chunk: 160,
            reports_progress: true,
            answers_by_progress: false,
            detects_turns: false,
        }
    }

    fn begin(&mut self, _out: &mut Vec<Wire>, heard: &mut Vec<Heard>) {
        // Audio is taken as soon as the handshake is over.
        heard.push(Heard::Ready);
    }

    fn audio(&mut self, mulaw: &[u8], out: &mut Vec<Wire>) {
        self.sent += mulaw.len() as u64;
        out.push(Wire::Binary(Bytes::copy_from_slice(mulaw)));
    }

    fn finalize(&mut self, out: &mut Vec<Wire>, _heard: &mut Vec<Heard>) {
        if self.asked.len() == ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(self.sent);
        out.push(Wire::Text(r#"{"type":"Finalize"}"#.to_owned()));
    }

    fn discard(&mut self, _out: &mut Vec<Wire>) -> u64 {
        self.sent
    }

    fn expect(&mut self, _expectation: Expectation, _out: &mut Vec<Wire>) {
        // Key terms can be given at the handshake only.
    }

    fn charged(&self) -> u64 {
        // By the audio that it gets; a KeepAlive is free ("Audio Keep Alive").
        self.sent
    }

    fn keep_alive(&mut self, out: &mut Vec<Wire>) {
        out.push(Wire::Text(r#"{"type":"KeepAlive"}"#.to_owned()));
    }

    fn receive(&mut self, text: &str, heard: &mut Vec<Heard>) {
        match serde_json::from_str(text) {
            Ok(Message::Results(results)) => self.results(results, heard),
            Ok(Message::SpeechStarted | Message::UtteranceEnd | Message::Metadata) => heard.push(Heard::Nothing),
            Ok(Message::Error) => heard.push(Heard::Failed(Fault::transient("the engine reports an error"))),
            Ok(Message::Other) => heard.push(Heard::Unknown),
            Err(_) => heard.push(Heard::Malformed),
        }
    }
}

impl Nova {
    fn results(&mut self, results: Results, heard: &mut Vec<Heard>) {
        let span = bytes_at(results.start)..bytes_at(results.start + results.duration);
        let to = span.end;
        let best = results.channel.alternatives.into_iter().next();
        let words = best.map_or_else(Vec::new, |best| best.words);
        let words = words.into_iter().map(|word| Word {
            from: bytes_at(word.start),
            to: bytes_at(word.end),
            text: word.punctuated_word.unwrap_or(word.word),
        });
        let piece = Piece {
            span,
            words: words.collect(),
        };
        heard.push(if results.is_final {
            Heard::Final(piece)
        } else {
            Heard::Running(piece)
        });
        if results.from_finalize {
            // The messages are worked off in order, so this one answers the oldest question, and all that ask for less.
            let to = self.asked.pop_front().unwrap_or(0).max(to);
            while self.asked.front().is_some_and(|asked| *asked <= to) {
                self.asked.pop_front();
            }
            heard.push(Heard::Finalized { to });
        }
    }
}
