//! A call that is to be made.

use super::{Request, RequestError, call::checked, path};
use crate::AccountSid;
use std::fmt;

/// Every event that a call's progress has.
pub const PROGRESS_EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];

/// What a call does once it is answered: exactly one of three.
#[derive(Clone, PartialEq, Eq)]
pub enum Instructions {
    /// The document that a POST to this URL gets.
    Url(String),
    /// This document, at most [`super::MAX_TWIML`] characters.
    Twiml(String),
    /// What a TwiML App (`AP…`) says. Its callbacks apply then, not the call's.
    Application(String),
}

/// Whether a person or a machine answers. The document runs at once; the verdict goes to the callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDetection {
    /// Waits for the end of a machine's greeting (its beep) before the verdict, so that a message can be left.
    pub message_end: bool,
    /// Told the verdict; must not be empty (Twilio's error 21262).
    pub callback: String,
    /// How long Twilio listens, 3 to 59 seconds.
    pub timeout_s: Option<u8>,
}

/// A call that is to be made. Not everything that the API takes: what this project uses.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCall {
    /// The number that the called person sees: E.164, one of the account's own.
    pub from: String,
    /// What follows when somebody answers.
    pub instructions: Instructions,
    /// Told of every one of [`PROGRESS_EVENTS`].
    pub status_callback: Option<String>,
    /// How long it may ring, 1 to 600 seconds (Twilio's default is 60).
    pub timeout_s: Option<u16>,
    /// How long it may last, seconds.
    pub time_limit_s: Option<u32>,
    /// Whether and how a machine is told from a person.
    pub machine_detection: Option<MachineDetection>,
}

/// Without numbers.
impl fmt::Debug for NewCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NewCall")
            .field("timeout_s", &self.timeout_s)
            .field("time_limit_s", &self.time_limit_s)
            .finish_non_exhaustive()
    }
}

/// Calls `to` (E.164). The API knows no idempotency key: a lost answer must be looked for with [`super::list_calls`].
pub fn create_call(account: &AccountSid, to: &str, call: &NewCall) -> Result<Request, RequestError> {
    for (name, value) in [("To", to), ("From", &call.from)] {
        if value.is_empty() {
            return Err(RequestError::Empty(name));
        }
    }
    if call.timeout_s.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
        return Err(RequestError::Range("Timeout"));
    }
    if call.time_limit_s == Some(0) {
        return Err(RequestError::Range("TimeLimit"));
    }
    let mut request = Request::post(path(account, "/Calls"))
        .with("To", to)
        .with("From", &call.from);
    request = match &call.instructions {
        Instructions::Url(url) if url.is_empty() => return Err(RequestError::Empty("Url")),
        Instructions::Url(url) => request.with("Url", url).with("Method", "POST"),
        Instructions::Twiml(document) => request.with("Twiml", checked(document)?),
        Instructions::Application(sid) if sid.is_empty() => return Err(RequestError::Empty("ApplicationSid")),
        Instructions::Application(sid) => request.with("ApplicationSid", sid),
    };
    if let Some(callback) = &call.status_callback {
        request = request
            .with("StatusCallback", callback)
            .with("StatusCallbackMethod", "POST");
        for event in PROGRESS_EVENTS {
            request = request.with("StatusCallbackEvent", event);
        }
    }
    request = request
        .with_if("Timeout", call.timeout_s.map(|seconds| seconds.to_string()))
        .with_if("TimeLimit", call.time_limit_s.map(|seconds| seconds.to_string()));
    match &call.machine_detection {
        Some(detection) => detect(request, detection),
        None => Ok(request),
    }
}

fn detect(request: Request, detection: &MachineDetection) -> Result<Request, RequestError> {
    if detection.callback.is_empty() {
        return Err(RequestError::Empty("AsyncAmdStatusCallback"));
    }
    if detection.timeout_s.is_some_and(|seconds| !(3..=59).contains(&seconds)) {
        return Err(RequestError::Range("MachineDetectionTimeout"));
    }
    let mode = if detection.message_end {
        "DetectMessageEnd"
    } else {
        "Enable"
    };
    Ok(request
        .with("MachineDetection", mode)
        .with_if(
            "MachineDetectionTimeout",
            detection.timeout_s.map(|seconds| seconds.to_string()),
        )
        .with("AsyncAmd", "true")
        .with("AsyncAmdStatusCallback", &detection.callback)
        .with("AsyncAmdStatusCallbackMethod", "POST"))
}
