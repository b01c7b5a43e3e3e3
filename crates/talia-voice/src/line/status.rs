//! `POST /api/voice/status`: a call has changed its state.

use super::{CloseCause, webhook};
use crate::app::App;
use crate::store::{StatusReport, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use talia_twilio::webhook::StatusCallback;

/// How far Twilio's clock may be before ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// A report about anything longer ago is not about a call of ours.
const OLDEST: SignedDuration = SignedDuration::from_hours(48);

/// Keeps the state that Twilio reports.
pub(crate) async fn status(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Status, async {
        match webhook::parsed(&app, request, StatusCallback::read, |report| &report.account_sid).await {
            Ok((report, _)) => keep(&app, &report).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn keep(app: &App, report: &StatusCallback) -> Response {
    let kept = app
        .store
        .advance_status(StatusReport {
            call_sid: report.call_sid.as_str().to_owned(),
            status: report.call_status,
            sequence: report.sequence_number,
            duration_s: report.call_duration_s.and_then(|seconds| i64::try_from(seconds).ok()),
            at: happened_at(report.timestamp.as_deref(), app.clock.wall()),
        })
        .await;
    if report.call_status.is_terminal() {
        // A stream that still looks open leads nowhere.
        app.lately.over(report.call_sid.as_str());
        app.live.end(&report.call_sid, CloseCause::CallOver);
    }
    match kept {
        Ok(new) => {
            if !new {
                app.metrics.refused(Refusal::Replayed);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Err(StoreError::Deferred) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => {
            app.metrics.refused(Refusal::StoreUnavailable);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// When a report says that it happened (RFC 2822), or now where it doesn't say, or names a time that can't be.
fn happened_at(timestamp: Option<&str>, now: Timestamp) -> Timestamp {
    timestamp
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
        .map(|at| at.timestamp())
        .filter(|at| at.duration_until(now) > -SKEW && at.duration_until(now) < OLDEST)
        .unwrap_or(now)
}
