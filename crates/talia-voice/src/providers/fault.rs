//! How an engine of somebody else failed, and what that means for the next attempt.

use prometheus_client::encoding::EncodeLabelValue;
use std::time::Duration;
use thiserror::Error;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum FaultClass {
    /// Gone by itself, perhaps: a lost connection, a deadline, a 5xx. Worth an immediate second attempt.
    Transient,
    /// We asked too much, or the account is empty: no attempt before the time it names.
    Quota,
    /// The same again will fail the same way: a wrong key, a model that doesn't exist, a message it doesn't take.
    Terminal,
    /// It answered what can't be an answer: HTML, noise, broken JSON.
    Malformed,
}

/// One failure. Its text is ours: nothing that the service said, which may hold a caller's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Fault {
    /// What kind.
    pub class: FaultClass,
    /// When the service wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
    /// What happened.
    pub what: &'static str,
}

impl Fault {
    /// A failure of this class.
    pub const fn new(class: FaultClass, what: &'static str) -> Self {
        Self {
            class,
            retry_after: None,
            what,
        }
    }

    /// A lost connection or a missed deadline.
    pub const fn transient(what: &'static str) -> Self {
        Self::new(FaultClass::Transient, what)
    }

    /// An answer that is none.
    pub const fn malformed(what: &'static str) -> Self {
        Self::new(FaultClass::Malformed, what)
    }

    /// An HTTP answer that isn't a success, with what its `Retry-After` said.
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        let (class, what) = match status {
            401 | 403 => (FaultClass::Terminal, "the key is refused"),
            402 => (FaultClass::Quota, "the account is empty"),
            429 => (FaultClass::Quota, "too many requests"),
            408 | 409 | 425 => (FaultClass::Transient, "the service asks to come again"),
            400..=499 => (FaultClass::Terminal, "the request is refused"),
            _ => (FaultClass::Transient, "the service failed"),
        };
        Self {
            class,
            retry_after,
            what,
        }
    }

    /// Whether a second attempt at once has a chance.
    pub fn is_worth_a_retry(&self) -> bool {
        self.class == FaultClass::Transient && self.retry_after.is_none()
    }
}
