//! Deepgram Flux: `/v2/listen`. Source: Deepgram's API specification 4ba987c and the types of its Python SDK 7.17.

use serde_json::{Value, json};

use super::dialect::{Answer, Dialect, Handshake, REVISED, Refused, Said, Service, Violation, seconds};
use crate::providers::tone_words::ToneEar;

#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "model", "encoding", "sample_rate", "eager_eot_threshold", "eot_threshold", "eot_timeout_ms", "keyterm",
    "language_hint", "profanity_filter", "numerals", "redact", "mip_opt_out", "tag",
];
/// An update comes after so much audio.
const UPDATE: u64 = 1_920;
/// Silence after which the end of a turn is likely, and certain.
const EAGER: u64 = 1_600;
const CERTAIN: u64 = 3_200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Silence,
    Turn,
    Eager,
}

pub(super) struct Flux {
    ear: ToneEar,
    eager: bool,
    is_multilingual: bool,
    state: State,
    turn_index: u32,
    sequence: u32,
    turn_from: u64,
    said_to: u64,
}

impl Flux {
    pub(super) fn accept(service: &Service, shake: &Handshake) -> Result<Self, Refused> {
        if shake.path != "/v2/listen" {
            return Err(Refused {
                status: 404,
                reason: "no such path".to_owned(),
            });
        }
        if shake.header("authorization") != Some(format!("Token {}", service.key).as_str()) {
            return Err(Refused::key());
        }
        shake.only(KNOWN)?;
        shake.must("encoding", "mulaw")?;
        shake.must("sample_rate", "8000")?;
        let model = shake.param("model").unwrap_or_default();
        if !["flux-general-en", "flux-general-multi"].contains(&model) {
            return Err(Refused::bad("no such model"));
        }
        let is_multilingual = model.ends_with("multi");
        if shake.param("language_hint").is_some() && !is_multilingual {
            return Err(Refused::bad("language_hint is for flux-general-multi"));
        }
        let within = |name: &str, range: std::ops::RangeInclusive<f64>| match shake.param(name) {
            None => Ok(()),
            Some(text) if text.parse::<f64>().is_ok_and(|value| range.contains(&value)) => Ok(()),
            Some(_) => Err(Refused::bad(format!("{name} is out of range"))),
        };
        within("eot_threshold", 0.5..=1.0)?;
        within("eager_eot_threshold", 0.3..=0.9)?;
        within("eot_timeout_ms", 500.0..=60_000.0)?;
        Ok(Self {
            ear: ToneEar::new(service.vocabulary.clone()),
            eager: shake.param("eager_eot_threshold").is_some(),
            is_multilingual,
            state: State::Silence,
            turn_index: 0,
            sequence: 0,
            turn_from: 0,
            said_to: 0,
        })
    }

    fn sequence(&mut self) -> u32 {
        self.sequence += 1;
        self.sequence - 1
    }

    fn info(&mut self, event: &str, confidence: f32, revised: bool) -> Value {
        self.said_to = self.ear.position();
        let spoken = self.ear.words().iter().filter(|word| word.from >= self.turn_from);
        let words: Vec<_> = spoken
            .map(|word| if revised { REVISED.to_owned() } else { word.text.clone() })
            .collect();
        let each = words.iter().map(|word| json!({ "word": word, "confidence": 0.98 }));
        let mut info = json!({
            "type": "TurnInfo", "request_id": "00000000-0000-0000-0000-000000000001", "sequence_id": self.sequence,
            "event": event, "turn_index": self.turn_index, "audio_window_start": seconds(self.turn_from),
            "audio_window_end": seconds(self.ear.position()), "transcript": words.join(" "),
            "words": each.collect::<Vec<_>>(), "end_of_turn_confidence": confidence, "languages": ["es"],
        });
        if event == "EndOfTurn" {
            info["trigger"] = json!("model");
        }
        info
    }

    fn tell(&mut self, event: &str, confidence: f32) -> Said {
        let info = self.info(event, confidence, false);
        let said = Said::other(&info);
        self.sequence();
        said
    }

    fn end_turn(&mut self, trigger: &str) -> Said {
        let mut info = self.info("EndOfTurn", 0.86, false);
        info["trigger"] = json!(trigger);
        let said = Said::last(&info, &self.info("EndOfTurn", 0.86, true));
        self.sequence();
        self.state = State::Silence;
        self.turn_index += 1;
        self.turn_from = self.ear.position();
        said
    }

    fn step(&mut self, said: &mut Vec<Said>) {
        let spoke = self.ear.last_word_end().filter(|end| *end > self.turn_from);
        let quiet = spoke.map_or(0, |end| self.ear.position() - end);
        match self.state {
            State::Silence if spoke.is_some() => {
                self.state = State::Turn;
                said.push(self.tell("StartOfTurn", 0.01));
            }
            State::Turn if self.eager && quiet >= EAGER && !self.ear.is_hearing() => {
                self.state = State::Eager;
                said.push(self.tell("EagerEndOfTurn", 0.55));
            }
            State::Eager if self.ear.is_hearing() => {
                self.state = State::Turn;
                said.push(self.tell("TurnResumed", 0.05));
            }
            State::Turn | State::Eager if quiet >= CERTAIN && !self.ear.is_hearing() => {
                said.push(self.end_turn("model"));
            }
            _ if self.ear.position() - self.said_to >= UPDATE => said.push(self.tell("Update", 0.1)),
            _ => {}
        }
    }
}

impl Dialect for Flux {
    fn opened(&mut self) -> Vec<Said> {
        let sequence = self.sequence();
        vec![Said::other(&json!({
            "type": "Connected", "request_id": "00000000-0000-0000-0000-000000000001", "sequence_id": sequence,
        }))]
    }

    fn text(&mut self, text: &str) -> Answer {
        let message: Value = serde_json::from_str(text).map_err(|_| Violation::new("not JSON"))?;
        let fields = message
            .as_object()
            .map(|object| object.keys().map(String::as_str).collect::<Vec<_>>());
        let only = |known: &[&str]| fields.iter().flatten().all(|field| known.contains(field));
        match message["type"].as_str() {
            Some("CloseStream") if only(&["type"]) => Ok(Vec::new()),
            Some("ForceEndTurn") if only(&["type"]) => {
                self.ear.end_word();
                Ok(if self.state == State::Silence {
                    Vec::new()
                } else {
                    vec![self.end_turn("manual")]
                })
            }
            Some("Configure") if only(&["type", "thresholds", "keyterms", "language_hints", "numerals"]) => {
                let sequence = self.sequence();
                let wrong = message.get("language_hints").is_some() && !self.is_multilingual;
                let answer = if wrong { "ConfigureFailure" } else { "ConfigureSuccess" };
                let request = "00000000-0000-0000-0000-000000000001";
                let mut said = json!({"type": answer, "request_id": request, "sequence_id": sequence});
                if wrong {
                    said["description"] = json!("refused");
                } else {
                    said["keyterms"] = message.get("keyterms").unwrap_or(&json!([])).clone();
                    said["thresholds"] = message.get("thresholds").unwrap_or(&json!({})).clone();
                }
                Ok(vec![Said::other(&said)])
            }
            _ => Err(Violation::new("unknown message")),
        }
    }

    fn binary(&mut self, bytes: &[u8]) -> Answer {
        if bytes.is_empty() {
            return Err(Violation::new("an empty message of audio"));
        }
        let mut said = Vec::new();
        for piece in bytes.chunks(160) {
            self.ear.push(piece);
            self.step(&mut said);
        }
        Ok(said)
    }

    fn audio_bytes(&self) -> u64 {
        self.ear.position()
    }
}
