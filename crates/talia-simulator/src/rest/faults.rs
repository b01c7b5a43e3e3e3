//! What the REST API does wrong on demand: too many requests, failures, answers that are lost after the work was done.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::stream;

use super::{
    Operation,
    answer::{Answer, refuse},
};

/// One wrong answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestFault {
    /// 429 with code 20429: nothing was done.
    TooManyRequests {
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// An error of Twilio's: nothing was done.
    Refused {
        /// HTTP status.
        status: u16,
        /// Twilio's code.
        code: u16,
    },
    /// A failure in front of the API, with a body that is no JSON: nothing was done.
    Broken {
        /// HTTP status (500, 502, 503, 504).
        status: u16,
    },
    /// It was done, and says so with a 5xx.
    DoneButBroken {
        /// HTTP status.
        status: u16,
    },
    /// Nothing is done, and no answer ever comes.
    Silence,
    /// It is done, and no answer ever comes.
    LostAnswer,
    /// It is done; the answer comes later.
    LateAnswer {
        /// In milliseconds.
        after_ms: u64,
    },
    /// It is done; the connection breaks inside the answer's body.
    CutAnswer,
}

/// Whether a fault stands in the place of the work, or behind it.
pub(super) enum When {
    Instead,
    After,
}

impl RestFault {
    pub(super) fn when(&self) -> When {
        match self {
            Self::TooManyRequests { .. } | Self::Refused { .. } | Self::Broken { .. } | Self::Silence => When::Instead,
            Self::DoneButBroken { .. } | Self::LostAnswer | Self::LateAnswer { .. } | Self::CutAnswer => When::After,
        }
    }

    /// The answer without any work.
    pub(super) async fn instead(self) -> (Response, Option<u16>) {
        match self {
            Self::TooManyRequests { retry_after_s } => {
                let (mut response, status) = refuse(
                    StatusCode::TOO_MANY_REQUESTS,
                    talia_twilio::error_codes::TOO_MANY_REQUESTS,
                    "Too Many Requests",
                )
                .sent();
                if let Some(seconds) = retry_after_s {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                (response, status)
            }
            Self::Refused { status, code } => refuse(status_of(status), code, "refused").sent(),
            Self::Broken { status } | Self::DoneButBroken { status } => broken(status),
            Self::Silence | Self::LostAnswer | Self::LateAnswer { .. } | Self::CutAnswer => {
                std::future::pending().await
            }
        }
    }

    /// The answer when the work is done.
    pub(super) async fn after(self, done: Answer) -> (Response, Option<u16>) {
        match self {
            Self::DoneButBroken { status } => broken(status),
            Self::LateAnswer { after_ms } => {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                done.sent()
            }
            Self::CutAnswer => {
                let text = done.body.to_string();
                let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
                let parts = [Ok(half), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
                let response = (
                    done.status,
                    [(header::CONTENT_TYPE, "application/json")],
                    Body::from_stream(stream::iter(parts)),
                );
                (response.into_response(), Some(done.status.as_u16()))
            }
            // The client gives up some day, and the server drops this future.
            _ => std::future::pending().await,
        }
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn broken(status: u16) -> (Response, Option<u16>) {
    let page = "<html><body><h1>Something is broken</h1></body></html>";
    let response = (status_of(status), [(header::CONTENT_TYPE, "text/html")], page);
    (response.into_response(), Some(status))
}

/// The faults that are waiting; clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct RestFaults {
    waiting: Arc<Mutex<VecDeque<(Operation, RestFault, u32)>>>,
}

impl RestFaults {
    /// Answers the next request of a kind wrongly; several wait in line.
    pub fn once(&self, operation: Operation, fault: RestFault) {
        self.times(operation, fault, 1);
    }

    /// Answers the next so many requests of a kind wrongly.
    pub fn times(&self, operation: Operation, fault: RestFault, times: u32) {
        self.with(|waiting| waiting.push_back((operation, fault, times)));
    }

    /// Answers all requests of a kind wrongly, until [`clear`](Self::clear).
    pub fn always(&self, operation: Operation, fault: RestFault) {
        self.times(operation, fault, u32::MAX);
    }

    /// The API is well again.
    pub fn clear(&self) {
        self.with(VecDeque::clear);
    }

    pub(super) fn take(&self, operation: Operation) -> Option<RestFault> {
        self.with(|waiting| {
            let index = waiting.iter().position(|(wanted, ..)| *wanted == operation)?;
            let (_, fault, times) = waiting.get_mut(index)?;
            let fault = fault.clone();
            if *times != u32::MAX {
                *times -= 1;
                if *times == 0 {
                    waiting.remove(index);
                }
            }
            Some(fault)
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut VecDeque<(Operation, RestFault, u32)>) -> R) -> R {
        work(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
