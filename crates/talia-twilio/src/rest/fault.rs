//! What goes wrong with a request: what we refuse to send, and what Twilio says when it refuses.

use serde::Deserialize;
use std::fmt;

use super::MAX_TWIML;
use crate::error_codes::{AUTHENTICATION_FAILED, CALL_NOT_IN_PROGRESS, RESOURCE_NOT_FOUND, TOO_MANY_REQUESTS};

/// A request that Twilio would refuse, or understand otherwise than it was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than [`MAX_TWIML`] characters.
    #[error("a document of {0} characters is too long for a request: the limit is {MAX_TWIML}")]
    TwimlTooLong(usize),
    /// Asynchronous detection without a callback is Twilio's error 21262; no URL may be empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A number that the API doesn't take.
    #[error("{0} is out of its range")]
    Range(&'static str),
}

/// What a failed request means for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Too many requests: this one wasn't processed, so it may always be sent again.
    RateLimited,
    /// There is no such resource in this account.
    NotFound,
    /// The call is over: nothing of it can be changed.
    CallOver,
    /// The credentials aren't good, or not for this.
    Unauthorised,
    /// Twilio understood the request and refuses it; sent again, it is refused again.
    Refused,
    /// Nobody knows whether it was processed: look before it is sent again.
    UnknownOutcome,
}

/// An answer that isn't 2xx.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// Twilio's error code, if the body held one.
    pub code: Option<u32>,
    /// Twilio's words. May hold the number that was dialled: for an operator's eyes, never for a log.
    pub message: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    code: Option<u32>,
    message: Option<String>,
    // The newer products answer with RFC 9457 problems.
    detail: Option<String>,
    title: Option<String>,
}

impl Rejection {
    /// Reads an error answer; one whose body isn't Twilio's JSON has no code.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        Self {
            status,
            code: body.code,
            message: body.message.or(body.detail).or(body.title).unwrap_or_default(),
        }
    }

    /// What it means.
    pub fn fault(&self) -> Fault {
        let code = self.code.unwrap_or_default();
        match (self.status, code) {
            (429, _) => Fault::RateLimited,
            (_, code) if code == u32::from(TOO_MANY_REQUESTS) => Fault::RateLimited,
            (_, code) if code == u32::from(CALL_NOT_IN_PROGRESS) => Fault::CallOver,
            (404, _) => Fault::NotFound,
            (_, code) if code == u32::from(RESOURCE_NOT_FOUND) => Fault::NotFound,
            (401 | 403, _) => Fault::Unauthorised,
            (_, code) if code == u32::from(AUTHENTICATION_FAILED) => Fault::Unauthorised,
            (400..=499, _) => Fault::Refused,
            _ => Fault::UnknownOutcome,
        }
    }
}

/// Without Twilio's words, which may hold a telephone number.
impl fmt::Display for Rejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "HTTP {}", self.status)?;
        match self.code {
            Some(code) => write!(out, ", Twilio's error {code}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
