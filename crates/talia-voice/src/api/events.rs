//! The live feed as server-sent events: `id` is the cursor, `event` the type, `data` the CloudEvent.

use crate::app::App;
use crate::events::{Feed, follow};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::StreamExt;
use futures::stream::Stream;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// A comment is sent after this long without an event, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    after: Option<i64>,
}

/// Follows all calls from `Last-Event-ID` (or `?after=`) on; without either, from now on. `after=0` is everything.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let cursor = match headers.get("last-event-id") {
        Some(id) => Some(
            id.to_str()
                .ok()
                .and_then(|id| id.parse().ok())
                .ok_or(StatusCode::BAD_REQUEST)?,
        ),
        None => from.after,
    };
    let feed = Feed::open(&app.store, cursor)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let rows = follow(feed).map(|row| {
        Ok(Event::default()
            .id(row.seq.to_string())
            .event(row.kind.as_str())
            .data(row.event))
    });
    Ok(Sse::new(rows).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
