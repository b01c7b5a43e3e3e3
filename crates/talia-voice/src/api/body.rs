//! The JSON of a program's request: bounded, in time, and nothing in it that we don't know.

use super::problem::Problem;
use crate::app::App;
use crate::telemetry::labels::Refusal;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// Largest body, bytes.
const LARGEST: usize = 16 * 1024;

/// Reads it. The content type is demanded because a web page elsewhere can make a browser on this machine send any text,
/// but JSON only with our leave.
pub(super) async fn read<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let refuse = |reason, status, word| {
        app.metrics.refused(reason);
        Problem::new(status, word)
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(refuse(
            Refusal::ApiBody,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
        ));
    }
    let reading = axum::body::to_bytes(body, LARGEST);
    let bytes = match timeout(app.config.limits.body_timeout, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            return Err(refuse(
                Refusal::BodyTooLarge,
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
            ));
        }
        Err(_) => {
            return Err(refuse(
                Refusal::BodyTimeout,
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
            ));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        // Serde's words name fields, and for an unknown one what was sent: only the place is told.
        refuse(Refusal::ApiBody, StatusCode::BAD_REQUEST, "body").with(format!(
            "the JSON can't be read at line {}, column {}",
            error.line(),
            error.column()
        ))
    })
}
