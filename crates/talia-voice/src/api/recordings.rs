//! Recordings: what is known of them, and their files, which only the operator's key opens.

use super::named::Named;
use super::problem::Problem;
use super::query::{Page, Query};
use crate::app::App;
use crate::recordings::{OnShelf, ShelfError};
use crate::store::{RecordingFilter, RecordingRow};
use crate::telemetry::labels::BucketOperation;
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::io;
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

const STATES: [&str; 4] = ["recording", "stored", "failed", "erased"];
/// Bytes of a file that are in memory at once.
const PIECE: u64 = 64 * 1_024;

/// A page of recordings, the newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<RecordingRow>>, Problem> {
    let known = &["call_sid", "state", "limit", "cursor"];
    let query = Query::read(&app, "recordings", known, query.as_deref())?;
    let filter = RecordingFilter {
        call_sid: query.call_sid()?,
        state: query.word("state", &STATES)?,
    };
    let behind = query.behind()?;
    let rows = app.store.recordings_page(&filter, behind.as_ref(), query.with_next());
    let rows = rows.await.map_err(|error| Problem::unavailable(&app, &error))?;
    Ok(Json(query.page(rows, |row| (&row.started_at, &row.id))))
}

/// One recording.
pub(super) async fn one(State(app): State<Arc<App>>, Named(id): Named) -> Result<Json<RecordingRow>, Problem> {
    fetch(&app, &id).await.map(Json)
}

/// A recording's file as it lies on this node's disk or in the bucket, encrypted.
pub(super) async fn file(State(app): State<Arc<App>>, Named(id): Named) -> Result<Response, Problem> {
    let row = fetch(&app, &id).await?;
    if row.state == "erased" {
        return Err(Problem::new(StatusCode::GONE, "erased").with("no copy of it can be opened any more"));
    }
    let found = app.shelf.find(&row).await.map_err(|error| match error {
        ShelfError::NotHere(_) => {
            Problem::new(StatusCode::NOT_FOUND, "no-file").with("the file is not on this node (any more)")
        }
        ShelfError::File(_, error) => {
            tracing::warn!(%error, "a recording's file can't be read");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "file")
        }
        ShelfError::Bucket(_, trouble) => {
            tracing::warn!(
                bucket.fault = trouble.fault.word(),
                "the bucket doesn't give a recording"
            );
            app.metrics.bucket_fault(BucketOperation::Read, trouble.fault);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bucket").with(trouble.in_english())
        }
    })?;
    let (content, length) = match found {
        OnShelf::File(file, length) => (Body::from_stream(pieces(file, length)), length),
        // One that breaks off breaks the connection: nobody takes the half for the whole.
        OnShelf::Object(pieces, length) => (Body::from_stream(pieces), length),
    };
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", row.place))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, content).into_response())
}

async fn fetch(app: &App, id: &str) -> Result<RecordingRow, Problem> {
    let row = app.store.recording(id).await;
    let row = row.map_err(|error| Problem::unavailable(app, &error))?;
    row.ok_or_else(Problem::not_found)
}

/// So many bytes of a file, as they are asked for: one that is still written is longer meanwhile, and isn't told.
fn pieces(file: File, length: u64) -> impl stream::Stream<Item = io::Result<Vec<u8>>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = Vec::new();
        let taken = (&mut file).take(left.min(PIECE)).read_to_end(&mut piece).await?;
        if taken == 0 {
            // The connection breaks: nobody takes the half for the whole.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((piece, (file, left - taken as u64))))
    })
}
