//! Liveness, readiness, metrics.

use crate::app::App;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The process answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// New calls can be taken.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let unready = |reason| (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    if app.draining.is_cancelled() {
        return unready("draining\n");
    }
    if app.metrics.store_backlog.get() > 0 || app.store.newest_event().await.is_err() {
        return unready("database\n");
    }
    "ready\n".into_response()
}

/// All metrics in OpenMetrics' text format.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.exposition() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
