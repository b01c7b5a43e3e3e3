//! Deepgram Flux, which detects turns.
//!
//! Sources: Deepgram's API specification (`/v2/listen`) and the types of its Python SDK 7.17.

use super::{address, authorization, terms};
use crate::config::Provider;
use crate::ears::stream::protocol::{Feeding, Heard, Piece, Protocol, StreamingStt, Traits, Wire, bytes_at};
use crate::ears::stream::transcript::{Word, spread};
use crate::providers::{Fault, FaultClass, Target};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use talia_spanish::{Expectation, Language};

/// What a word may last, for words of which no times are given.
const SLOW_WORD: u64 = 3_200;

/// Flux as the configuration names it.
#[derive(Debug)]
pub struct Flux(pub Provider);

impl StreamingStt for Flux {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn target(&self, language: Language) -> Target {
        let mut query = vec![
            ("model", self.0.model.as_deref().unwrap_or_default()),
            ("encoding", "mulaw"),
            ("sample_rate", "8000"),
            // From this on it tells that the turn may be over; whether it is, is for the dialogue to say.
            ("eager_eot_threshold", "0.5"),
            ("eot_threshold", "0.7"),
            ("eot_timeout_ms", "5000"),
            // Callers' voices train nobody's models.
            ("mip_opt_out", "true"),
        ];
        if self.0.model.as_deref().is_some_and(|model| model.ends_with("-multi")) {
            query.push(("language_hint", language.code()));
        }
        Target {
            url: address(&self.0.account.url, "/v2/listen", &query),
            headers: authorization(&self.0.account, "authorization", "Token "),
        }
    }

    fn protocol(&self, language: Language) -> Box<dyn Protocol> {
        Box::new(Turns {
            language,
            sent: 0,
            turn_from: 0,
            speech_from: None,
            is_open: false,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Message {
    Connected,
    TurnInfo(TurnInfo),
    ConfigureSuccess,
    ConfigureFailure,
    Error {
        code: Option<String>,
    },
    Warning,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct TurnInfo {
    event: String,
    audio_window_start: f64,
    audio_window_end: f64,
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    words: Vec<Spoken>,
    #[serde(default)]
    end_of_turn_confidence: f32,
}

#[derive(Debug, Deserialize)]
struct Spoken {
    word: String,
    start: Option<f64>,
    end: Option<f64>,
}

/// One stream.
#[derive(Debug)]
struct Turns {
    language: Language,
    sent: u64,
    /// Where its present turn begins.
    turn_from: u64,
    /// Where the turn's first word begins, as far as can be told.
    speech_from: Option<u64>,
    /// Words of a turn have come, and not its end.
    is_open: bool,
}

impl Protocol for Turns {
    fn traits(&self) -> Traits {
        Traits {
            feeding: Feeding::Always,
            // Deepgram advises pieces of 80 ms for this model.
            chunk: 640,
            reports_progress: true,
            answers_by_progress: true,
            detects_turns: true,
        }
    }

    fn begin(&mut self, _out: &mut Vec<Wire>, _heard: &mut Vec<Heard>) {
        // `Connected` comes by itself.
    }

    fn audio(&mut self, mulaw: &[u8], out: &mut Vec<Wire>) {
        self.sent += mulaw.len() as u64;
        out.push(Wire::Binary(Bytes::copy_from_slice(mulaw)));
    }

    fn finalize(&mut self, _out: &mut Vec<Wire>, _heard: &mut Vec<Heard>) {}

    fn discard(&mut self, out: &mut Vec<Wire>) -> u64 {
        // The dialogue has taken the turn: what comes next is another one.
        if std::mem::take(&mut self.is_open) {
            out.push(Wire::Text(r#"{"type":"ForceEndTurn"}"#.to_owned()));
        }
        self.sent
    }

    fn expect(&mut self, expectation: Expectation, out: &mut Vec<Wire>) {
        let keyterms = terms::of(expectation, self.language);
        let configure = json!({ "type": "Configure", "keyterms": keyterms });
        out.push(Wire::Text(configure.to_string()));
    }

    fn charged(&self) -> u64 {
        self.sent
    }

    fn keep_alive(&mut self, _out: &mut Vec<Wire>) {
        // It knows no such message.
    }

    fn receive(&mut self, text: &str, heard: &mut Vec<Heard>) {
        match serde_json::from_str(text) {
            Ok(Message::Connected) => heard.push(Heard::Ready),
            Ok(Message::TurnInfo(info)) => self.turn_info(&info, heard),
            Ok(Message::ConfigureSuccess | Message::Warning) => heard.push(Heard::Nothing),
            Ok(Message::Error { code }) => heard.push(Heard::Failed(fault_of(code.as_deref().unwrap_or_default()))),
            Ok(Message::ConfigureFailure | Message::Other) => heard.push(Heard::Unknown),
            Err(_) => heard.push(Heard::Malformed),
        }
    }
}

impl Turns {
    fn turn_info(&mut self, info: &TurnInfo, heard: &mut Vec<Heard>) {
        let to = bytes_at(info.audio_window_end);
        let spoken = info.transcript.split_whitespace().count() as u64;
        if self.speech_from.is_none() && spoken > 0 {
            // The window begins in the silence before. The first words come soon after they were said.
            let window = bytes_at(info.audio_window_start).max(self.turn_from);
            self.speech_from = Some(to.saturating_sub(spoken * SLOW_WORD).max(window));
        }
        let from = self.speech_from.unwrap_or(to).min(to);
        let timed = info.words.iter().map(|word| {
            Some(Word {
                from: bytes_at(word.start?),
                to: bytes_at(word.end?),
                text: word.word.clone(),
            })
        });
        let timed: Option<Vec<_>> = timed.collect();
        let words = timed
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| spread(&info.transcript, &(from..to)));
        self.is_open = !words.is_empty();
        let piece = Piece {
            span: self.turn_from.min(to)..to,
            words,
        };
        let ended = Heard::TurnEnded {
            to,
            confidence: info.end_of_turn_confidence.clamp(0.0, 1.0),
        };
        match info.event.as_str() {
            "EndOfTurn" => {
                self.is_open = false;
                self.turn_from = self.turn_from.max(to);
                self.speech_from = None;
                heard.push(Heard::Final(piece));
                heard.push(ended);
            }
            "EagerEndOfTurn" => {
                heard.push(Heard::Running(piece));
                heard.push(ended);
            }
            "Update" | "StartOfTurn" | "TurnResumed" => heard.push(Heard::Running(piece)),
            _ => heard.push(Heard::Unknown),
        }
    }
}

/// Deepgram names the errors of this interface by words; those about the account are for good.
fn fault_of(code: &str) -> Fault {
    let is = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if is(&["AUTH", "FORBIDDEN", "PERMISSION"]) {
        Fault::new(FaultClass::Terminal, "the key is refused")
    } else if is(&["RATE", "TOO_MANY", "QUOTA", "PAYMENT"]) {
        Fault::new(FaultClass::Quota, "too many requests")
    } else {
        Fault::transient("the engine reports an error")
    }
}
