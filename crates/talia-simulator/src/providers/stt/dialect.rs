//! What the fakes of recognisers have in common: a handshake that is checked, messages in, messages out.

use std::{sync::Arc, time::Duration};

use crate::providers::tone_words::Vocabulary;

/// The handshake of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Handshake {
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Handshake {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that must have this value.
    pub(super) fn must(&self, name: &str, value: &str) -> Result<(), Refused> {
        if self.param(name) == Some(value) {
            Ok(())
        } else {
            Err(Refused::bad(format!("{name} must be {value}")))
        }
    }

    /// No parameters but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refused> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Refused::bad(format!("unknown parameter {name}"))),
        }
    }
}

/// A handshake that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn bad(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            reason: reason.into(),
        }
    }

    pub(super) fn key() -> Self {
        Self {
            status: 401,
            reason: "invalid credentials".to_owned(),
        }
    }
}

/// A message that ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) close_code: u16,
    pub(super) reason: String,
}

impl Violation {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            close_code: 1008,
            reason: reason.into(),
        }
    }
}

/// Something that a fake says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    /// Of a final result: the same with other words.
    pub(super) revised: Option<String>,
}

impl Said {
    pub(super) fn other(value: &serde_json::Value) -> Self {
        Self {
            text: value.to_string(),
            revised: None,
        }
    }

    pub(super) fn last(value: &serde_json::Value, revised: &serde_json::Value) -> Self {
        Self {
            text: value.to_string(),
            revised: Some(revised.to_string()),
        }
    }
}

pub(super) type Answer = Result<Vec<Said>, Violation>;

/// One connection of one service.
pub(super) trait Dialect: Send {
    fn opened(&mut self) -> Vec<Said>;
    fn text(&mut self, text: &str) -> Answer;
    fn binary(&mut self, bytes: &[u8]) -> Answer;
    /// Bytes of audio that came so far.
    fn audio_bytes(&self) -> u64;
    /// How long it waits for a message before it closes, and the code it then closes with.
    fn idle(&self) -> Option<(Duration, u16)> {
        None
    }
}

/// What a service knows before anybody connects.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) key: String,
    pub(super) vocabulary: Arc<Vocabulary>,
    pub(super) idle: Duration,
}

/// Seconds of a stream.
pub(super) fn seconds(bytes: u64) -> f64 {
    bytes as f64 / 8_000.0
}

/// Words that nobody said, for revised results.
pub(super) const REVISED: &str = "revisada";
