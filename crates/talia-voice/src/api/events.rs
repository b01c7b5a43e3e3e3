//! The live feed as server-sent events: `id` is the cursor, `event` the type, `data` the CloudEvent.

use super::problem::Problem;
use crate::app::App;
use crate::events::{Feed, follow};
use crate::telemetry::labels::Refusal;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::StreamExt;
use futures::stream::Stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

/// A comment is sent after this long without an event, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows all calls from `Last-Event-ID` (or `?after=`) on; without either, from now on. `after=0` is everything.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let cursor = begin(query.as_deref(), &headers).map_err(|(refusal, problem)| {
        app.metrics.refused(refusal);
        problem
    })?;
    let feed = Feed::open(&app.store, cursor)
        .await
        .map_err(|error| Problem::unavailable(&app, &error))?;
    let rows = follow(feed).map(|row| {
        Ok(Event::default()
            .id(row.seq.to_string())
            .event(row.kind.as_str())
            .data(row.event))
    });
    Ok(Sse::new(rows).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Where to begin; none: with what happens from now on.
fn begin(query: Option<&str>, headers: &HeaderMap) -> Result<Option<i64>, (Refusal, Problem)> {
    let bad = |refusal, word| (refusal, Problem::new(StatusCode::BAD_REQUEST, word));
    let mut after = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name != "after" || after.is_some() {
            let (refusal, problem) = bad(Refusal::ApiQuery, "filter-unknown");
            return Err((refusal, problem.with("this feed knows: after, once")));
        }
        after = Some(value.parse().map_err(|_| bad(Refusal::ApiCursor, "cursor"))?);
    }
    match headers.get("last-event-id") {
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            id.map(Some).ok_or_else(|| bad(Refusal::ApiCursor, "cursor"))
        }
        None => Ok(after),
    }
}
