//! What a REST operation may end with, and what may be done then.

use crate::telemetry::labels::RestOutcome;
use talia_twilio::rest::{AnswerError, Fault, Rejection, RequestError};
use thiserror::Error;

/// Why an operation failed. Its texts hold no number and no secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestError {
    /// It was never sent: Twilio would not take it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Twilio said no.
    #[error("Twilio refused: {0}")]
    Rejected(Rejection),
    /// No connection: nothing was sent.
    #[error("Twilio's API can't be reached")]
    Unreachable,
    /// The request was sent and its answer didn't come, or not whole.
    #[error("Twilio's answer was lost")]
    AnswerLost,
    /// Twilio said yes in words that can't be read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl RestError {
    /// What it means for whoever asked.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Request(_) => Fault::Refused,
            Self::Rejected(rejection) => rejection.fault(),
            // Nothing was sent, as with a limited one.
            Self::Unreachable => Fault::RateLimited,
            Self::AnswerLost | Self::Answer(_) => Fault::UnknownOutcome,
        }
    }

    /// Whether what was asked may have been done all the same.
    pub fn unknown_outcome(&self) -> bool {
        self.fault() == Fault::UnknownOutcome
    }

    /// What Twilio says about it, for an operator's eyes: may hold the number that was dialled.
    pub fn twilio_says(&self) -> Option<(Option<u32>, &str)> {
        match self {
            Self::Rejected(rejection) => Some((rejection.code, &rejection.message)),
            _ => None,
        }
    }

    pub(super) fn outcome(&self) -> RestOutcome {
        match self {
            Self::Unreachable => RestOutcome::Unreachable,
            _ => match self.fault() {
                Fault::RateLimited => RestOutcome::RateLimited,
                Fault::NotFound => RestOutcome::NotFound,
                Fault::CallOver => RestOutcome::CallOver,
                Fault::Unauthorised => RestOutcome::Unauthorised,
                Fault::Refused => RestOutcome::Refused,
                Fault::UnknownOutcome => RestOutcome::UnknownOutcome,
            },
        }
    }
}
