//! Calls that are under way: what this node has, and what the database knows of the others'.

use super::problem::Problem;
use super::query::{Page, Query};
use crate::app::App;
use crate::store::CallRow;
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use talia_dialogue::Speaker;

/// Calls under way that are read at once: more than a node can have.
const MOST: u32 = 5_000;

/// A call that is under way.
#[derive(Debug, Serialize)]
pub(super) struct Live {
    call_sid: String,
    direction: String,
    assistant: Option<String>,
    from_number: String,
    to_number: String,
    status: String,
    started_at: String,
    /// How many media streams it has had.
    streams: i64,
    /// This node has its stream; else another node that is alive.
    here: bool,
    /// Who began to speak last: `caller` or `assistant`; none: nobody yet, or it isn't here.
    last_spoke: Option<&'static str>,
}

impl Live {
    fn of(call: CallRow, here: bool, last_spoke: Option<Speaker>) -> Self {
        Self {
            call_sid: call.call_sid,
            direction: call.direction,
            assistant: call.assistant,
            from_number: call.from_number,
            to_number: call.to_number,
            status: call.status,
            started_at: call.started_at,
            streams: call.streams,
            here,
            last_spoke: last_spoke.map(word),
        }
    }
}

/// All of them, the newest first. One that isn't written down yet is known by this node alone.
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Json<Page<Live>>, Problem> {
    let query = Query::read(&app, "live", &[], query.as_deref())?;
    let rows = app.store.calls_under_way(MOST).await;
    let rows = rows.map_err(|error| Problem::unavailable(&app, &error))?;
    let here = app.live.all().into_iter();
    let mut here: HashMap<String, Option<Speaker>> = here.map(|(sid, who)| (sid.to_string(), who)).collect();
    let mut calls = Vec::new();
    for row in rows {
        let speaks = here.remove(&row.call.call_sid);
        if speaks.is_some() || row.elsewhere {
            calls.push(Live::of(row.call, speaks.is_some(), speaks.flatten()));
        }
    }
    for (call_sid, speaks) in here {
        let Some(known) = app.lately.call(&call_sid) else {
            continue;
        };
        let call = known.call;
        calls.push(Live {
            call_sid,
            direction: call.direction,
            assistant: call.assistant,
            from_number: call.from,
            to_number: call.to,
            status: call.status.to_string(),
            started_at: format!("{:.3}", call.at),
            streams: known.streams,
            here: true,
            last_spoke: speaks.map(word),
        });
    }
    calls.sort_by(|one, other| (&other.started_at, &other.call_sid).cmp(&(&one.started_at, &one.call_sid)));
    Ok(Json(query.page_until(calls, None)))
}

fn word(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Caller => "caller",
        Speaker::Assistant => "assistant",
    }
}
