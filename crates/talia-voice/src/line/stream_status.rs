//! `POST /api/voice/stream-status`: Twilio's view of a stream. One that Twilio gave up is given up here too.

use super::{CloseCause, webhook};
use crate::app::App;
use crate::telemetry::labels::Webhook;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use talia_twilio::webhook::{StreamEvent, StreamStatus};

/// Logs what Twilio saw, and ends a stream that Twilio says is broken, however alive it looks from here: then its call
/// is without one, and is recalled should Twilio not come back by itself. Its error text is not ours to repeat; the
/// call's identifier finds it in Twilio's console, and its code is logged.
pub(crate) async fn stream_status(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::StreamStatus, async {
        match webhook::parsed(&app, request, StreamStatus::read, |status| &status.account_sid).await {
            Ok((status, _)) => {
                log(&status);
                if status.event == StreamEvent::Error {
                    let stream = (&status.call_sid, &status.stream_sid);
                    app.live.end_stream(stream, CloseCause::Broken);
                }
                StatusCode::NO_CONTENT.into_response()
            }
            Err(refused) => refused,
        }
    })
    .await
}

fn log(status: &StreamStatus) {
    let (call, stream) = (status.call_sid.as_str(), status.stream_sid.as_str());
    match status.event {
        StreamEvent::Error => tracing::warn!(
            call.sid = call,
            stream.sid = stream,
            stream.code = status.error_code(),
            "Twilio reports a broken stream"
        ),
        event => tracing::debug!(
            call.sid = call,
            stream.sid = stream,
            stream.event = event.as_str(),
            "stream"
        ),
    }
}
