//! Liveness, readiness, metrics.

use super::health;
use crate::app::App;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// The process answers, and proves to whoever knows our secret that it is us.
pub(super) async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut response = "ok\n".into_response();
    if let Some(proof) = health::answer(&headers, app.config.twilio.auth_token.expose_secret()) {
        response.headers_mut().insert(health::PROOF_HEADER, proof);
    }
    response
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
