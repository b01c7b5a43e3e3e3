//! `POST /api/voice/status`: a call has changed its state.

use super::{CloseCause, webhook};
use crate::app::App;
use crate::store::StoreError;
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use talia_twilio::webhook::StatusCallback;

/// Keeps the state that Twilio reports.
pub(crate) async fn status(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let began = app.clock.now();
    let response = match webhook::read(&app, request).await {
        Ok(form) => match webhook::fields(&app, &form, StatusCallback::read, |report| &report.account_sid) {
            Ok(report) => keep(&app, &report).await,
            Err(refused) => refused,
        },
        Err(refused) => refused,
    };
    app.metrics
        .webhook(Webhook::Status, app.clock.now().duration_since(began));
    response
}

async fn keep(app: &App, report: &StatusCallback) -> Response {
    let duration = report.call_duration_s.and_then(|seconds| i64::try_from(seconds).ok());
    let call_sid = report.call_sid.as_str();
    let kept = app
        .store
        .advance_status(call_sid, report.call_status, app.clock.wall(), duration)
        .await;
    if report.call_status.is_terminal() {
        // A stream that still looks open leads nowhere.
        app.live.end(&report.call_sid, CloseCause::CallOver);
    }
    match kept {
        Ok(()) | Err(StoreError::Deferred) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => {
            app.metrics.refused(Refusal::StoreUnavailable);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
