//! Requests that our own front door has signed: believed once each.

use crate::telemetry::labels::Refusal;
use axum::http::HeaderMap;
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};
use talia_twilio::standard_webhooks::{self, Headers, Remembered, SeenIds, Verifier};

/// Ids remembered at once: a hundred requests a second for the ten minutes in which one can be replayed, in about 4 MB.
const REMEMBERED: usize = 1 << 16;

/// Checks signatures of the front door.
///
/// The ids are remembered by this process: on another node, or after a restart
/// within five minutes, a replay finds what every repeated webhook finds, the same answer and nothing done twice.
#[derive(Debug)]
pub struct OwnSignatures {
    verifier: Option<Verifier>,
    seen: Mutex<SeenIds>,
}

impl OwnSignatures {
    /// Without a verifier, no request is believed.
    pub fn new(verifier: Option<Verifier>) -> Self {
        Self {
            verifier,
            seen: Mutex::new(SeenIds::new(REMEMBERED)),
        }
    }

    pub(super) fn check(&self, headers: Headers<'_>, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let verifier = self.verifier.as_ref().ok_or(Refusal::OwnSignatureWrong)?;
        let now = now.as_second();
        let message = verifier.verify(headers, body, now).map_err(refusal_of)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.remember(message, now) {
            Remembered::New => Ok(()),
            Remembered::Replay => Err(Refusal::OwnSignatureReplayed),
            Remembered::Full => Err(Refusal::OwnSignatureCrowded),
        }
    }
}

fn refusal_of(why: standard_webhooks::Refusal) -> Refusal {
    match why {
        standard_webhooks::Refusal::Incomplete => Refusal::OwnSignatureIncomplete,
        standard_webhooks::Refusal::Malformed | standard_webhooks::Refusal::Mismatch => Refusal::OwnSignatureWrong,
        standard_webhooks::Refusal::Stale => Refusal::OwnSignatureStale,
    }
}

/// The three headers. One that isn't text can't be part of a signature, but claims to be one.
pub(super) fn headers_of(headers: &HeaderMap) -> Headers<'_> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    Headers {
        id: text(standard_webhooks::ID_HEADER),
        timestamp: text(standard_webhooks::TIMESTAMP_HEADER),
        signature: text(standard_webhooks::SIGNATURE_HEADER),
    }
}
