//! Calls: all of them, one with its words and lead, and its words as they come.

use super::named::Named;
use super::problem::Problem;
use super::query::{Page, Query};
use crate::app::App;
use crate::store::{CallFilter, CallRow, SegmentRow, StoreError, ToolActRow, TurnRow, UsageRow, WholeLead};
use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// Twilio's words for a call's direction.
const DIRECTIONS: [&str; 5] = [
    "inbound",
    "outbound-api",
    "outbound-dial",
    "trunking-originating",
    "trunking-terminating",
];
/// How long after a call's end its last words may still be written down, when whoever had it doesn't say that it has.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(60);
/// Before a call's first line.
const NO_LINE: &str = "00000000-0000-0000-0000-000000000000";

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

/// A page of calls, the newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<CallRow>>, Problem> {
    let known = &[
        "status",
        "direction",
        "assistant",
        "number",
        "since",
        "until",
        "ended",
        "limit",
        "cursor",
    ];
    let query = Query::read(&app, "calls", known, query.as_deref())?;
    let filter = CallFilter {
        status: query.status()?,
        direction: query.word("direction", &DIRECTIONS)?,
        assistant: query.text("assistant")?,
        number: query.number("number")?,
        since: query.time("since")?,
        until: query.time("until")?,
        ended: query.flag("ended")?,
    };
    let behind = query.behind()?;
    let rows = app.store.calls_page(&filter, behind.as_ref(), query.with_next());
    let rows = rows.await.map_err(|error| Problem::unavailable(&app, &error))?;
    Ok(Json(query.page(rows, |row| (&row.started_at, &row.call_sid))))
}

/// One call, its transcript, its lead.
pub(super) async fn one(State(app): State<Arc<App>>, Named(call_sid): Named) -> Result<Json<Whole>, Problem> {
    let whole = whole(&app, &call_sid).await;
    let whole = whole.map_err(|error| Problem::unavailable(&app, &error))?;
    whole.map(Json).ok_or_else(Problem::not_found)
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

/// A page of a call's words in their order. As long as more may come there is a cursor, also behind the last line: whoever
/// asks with it again hears on.
pub(super) async fn transcript(
    State(app): State<Arc<App>>,
    Named(call_sid): Named,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<SegmentRow>>, Problem> {
    let query = Query::read(
        &app,
        &format!("transcript {call_sid}"),
        &["limit", "cursor"],
        query.as_deref(),
    )?;
    let unavailable = |error| Problem::unavailable(&app, &error);
    // The call first: what is written between the two reads is on this page, or the call is not over.
    let call = app.store.call(&call_sid).await.map_err(unavailable)?;
    let call = call.ok_or_else(Problem::not_found)?;
    let lines = app.store.lines_behind(&call_sid, query.place(), query.with_next());
    let mut lines = lines.await.map_err(unavailable)?;
    let more = lines.len() > query.limit as usize || !is_silent(&app, &call);
    lines.truncate(query.limit as usize);
    let last = lines.last().map(|line| line.id.clone());
    let place = last.as_deref().or(query.place()).unwrap_or(NO_LINE);
    Ok(Json(query.page_until(lines, more.then_some(place))))
}

/// Whether no word of a call is written down any more. Twilio's report of its end may come before its last words.
fn is_silent(app: &App, call: &CallRow) -> bool {
    let Some(ended_at) = &call.ended_at else {
        return false;
    };
    let long_ago = ended_at.parse().is_ok_and(|ended_at: Timestamp| {
        let age = app.clock.wall().duration_since(ended_at);
        age > LAST_WORDS
    });
    let is_over = call.ended_reason.is_some() || call.streams == 0 || long_ago;
    is_over && !app.live.has(&call.call_sid)
}
