//! `/api/voice/check`: a webhook and a socket that do nothing, so that an operator sees whether Twilio's would arrive.

use super::webhook;
use crate::app::App;
use crate::telemetry::labels::Refusal;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Longest message that is echoed, bytes.
const LONGEST: usize = 256;
/// How long such a socket may stand.
const PATIENCE: Duration = Duration::from_secs(5);

/// A webhook whose signature holds.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    match webhook::read(&app, request).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused,
    }
}

/// A socket whose signature holds: says the first text back and closes.
pub(crate) async fn check_socket(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let refuse = |reason: Refusal, status: StatusCode| {
        app.metrics.refused(reason);
        status.into_response()
    };
    let url = app.config.server.public_url.ws(webhook::target(&uri));
    if let Err(why) = app.validator.validate_websocket(&url, webhook::signature_of(&headers)) {
        return refuse(webhook::refusal_of(why), StatusCode::FORBIDDEN);
    }
    let Ok(upgrade) = upgrade else {
        return refuse(Refusal::NotASocket, StatusCode::UPGRADE_REQUIRED);
    };
    let tracked = app.calls.token();
    upgrade
        .max_message_size(LONGEST)
        .max_frame_size(LONGEST)
        .on_upgrade(move |socket| echo(socket, tracked))
}

async fn echo(mut socket: WebSocket, _tracked: TaskTrackerToken) {
    let echoing = async {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message {
                // Whoever is gone needs no echo.
                let _ = socket.send(Message::Text(text)).await;
                let _ = socket.send(Message::Close(None)).await;
                return;
            }
        }
    };
    let _ = timeout(PATIENCE, echoing).await;
}
