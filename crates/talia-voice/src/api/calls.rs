//! Calls: the newest, and one with its words and lead.

use crate::app::App;
use crate::store::{CallRow, SegmentRow, StoreError, ToolActRow, TurnRow, UsageRow, WholeLead};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Calls in one answer, when nothing is said and at most.
const USUAL: u32 = 50;
const MOST: u32 = 500;

/// How many calls.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<u32>,
}

/// A call with everything that is kept of it.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    call: CallRow,
    transcript: Vec<SegmentRow>,
    /// With where each field was heard.
    lead: Option<WholeLead>,
    /// What models' tools did.
    tool_acts: Vec<ToolActRow>,
    /// How fast each turn was.
    turns: Vec<TurnRow>,
    /// What each provider did, and what that costs.
    usage: Vec<UsageRow>,
}

/// The newest calls first.
pub(super) async fn recent(
    State(app): State<Arc<App>>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<CallRow>>, StatusCode> {
    let limit = page.limit.unwrap_or(USUAL).min(MOST);
    app.store
        .recent_calls(limit)
        .await
        .map(Json)
        .map_err(|error| unavailable(&error))
}

/// One call, its transcript, its lead.
pub(super) async fn one(State(app): State<Arc<App>>, Path(call_sid): Path<String>) -> Result<Json<Whole>, StatusCode> {
    let whole = whole(&app, &call_sid).await.map_err(|error| unavailable(&error))?;
    whole.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn whole(app: &App, call_sid: &str) -> Result<Option<Whole>, StoreError> {
    let Some(call) = app.store.call(call_sid).await? else {
        return Ok(None);
    };
    Ok(Some(Whole {
        transcript: app.store.transcript(call_sid).await?,
        lead: app.store.whole_lead(call_sid).await?,
        tool_acts: app.store.tool_acts(call_sid).await?,
        turns: app.store.turns(call_sid).await?,
        usage: app.store.usage(call_sid).await?,
        call,
    }))
}

fn unavailable(error: &StoreError) -> StatusCode {
    tracing::warn!(%error, "a read failed");
    StatusCode::SERVICE_UNAVAILABLE
}
