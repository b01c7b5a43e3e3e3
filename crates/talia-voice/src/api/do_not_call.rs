//! `/api/voice/do-not-call`: numbers whose owners don't want to be called. Numbers travel in bodies, never in a path.

use super::body;
use super::problem::Problem;
use crate::app::App;
use crate::http::Caller;
use crate::privacy::is_number;
use crate::store::{DoNotCallChange, StoreError};
use crate::telemetry::labels::Refusal;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

const LONGEST_REASON: usize = 200;
/// Numbers in one answer.
const MOST: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// E.164.
    number: String,
    #[serde(default)]
    reason: String,
}

/// Adds a number: 201, or 200 when it was there.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let listed: Listed = read(&app, &headers, body).await?;
    let change = DoNotCallChange::Add {
        number: listed.number,
        reason: listed.reason,
        added_by: caller.0,
    };
    let added = app
        .store
        .change_do_not_call(change)
        .await
        .map_err(|error| unavailable(&app, &error))?;
    Ok(if added { StatusCode::CREATED } else { StatusCode::OK })
}

/// Removes a number: 204, or 404 when it wasn't there.
pub(super) async fn remove(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<StatusCode, Problem> {
    let listed: Listed = read(&app, &headers, body).await?;
    let change = DoNotCallChange::Remove { number: listed.number };
    let removed = app
        .store
        .change_do_not_call(change)
        .await
        .map_err(|error| unavailable(&app, &error))?;
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// The newest numbers.
pub(super) async fn list(State(app): State<Arc<App>>) -> Response {
    match app.store.do_not_call(MOST).await {
        Ok(rows) => Json(rows).into_response(),
        Err(error) => unavailable(&app, &error).into_response(),
    }
}

/// Any E.164 may be listed, whether or not it could be dialled today.
async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Listed, Problem> {
    let listed: Listed = body::read(app, headers, body).await?;
    if is_number(&listed.number) && listed.reason.chars().count() <= LONGEST_REASON {
        return Ok(listed);
    }
    app.metrics.refused(Refusal::ApiBody);
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "number").with("a number like +525512345678 is needed"))
}

fn unavailable(app: &App, error: &StoreError) -> Problem {
    tracing::warn!(%error, "the do-not-call list can't be used");
    app.metrics.refused(Refusal::StoreUnavailable);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store")
}
