//! The header `Idempotency-Key`: the same key again is the same wish.

use super::problem::Problem;
use crate::app::App;
use crate::telemetry::labels::Refusal;
use axum::http::{HeaderMap, StatusCode};

/// The longest key.
const LONGEST: usize = 255;

/// The key, if there is one; one that is empty, too long or no text is refused.
pub(super) fn key(app: &App, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| refused(app))
}

/// The same where there must be one.
pub(super) fn required(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    key(app, headers)?.ok_or_else(|| refused(app))
}

fn refused(app: &App) -> Problem {
    app.metrics.refused(Refusal::ApiBody);
    Problem::new(StatusCode::BAD_REQUEST, "idempotency-key")
        .with(format!("the header Idempotency-Key needs 1 to {LONGEST} characters"))
}
