//! An answer of the REST API: JSON, or Twilio's error body.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

/// Status and body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
        }
    }

    pub(super) fn created(body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            body,
        }
    }

    /// The response, and its status for the journal.
    pub(super) fn sent(self) -> (Response, Option<u16>) {
        let status = self.status.as_u16();
        ((self.status, Json(self.body)).into_response(), Some(status))
    }
}

/// An error with Twilio's code.
pub(super) fn refuse(status: StatusCode, code: u16, message: &str) -> Answer {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    Answer { status, body }
}

/// A parameter that can't be used.
pub(super) fn bad(code: u16, message: &str) -> Answer {
    refuse(StatusCode::BAD_REQUEST, code, message)
}
