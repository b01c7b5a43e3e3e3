//! `POST /api/voice/inbound`: a call begins. Its row is written, and Twilio told where to stream.

use super::documents::{self, StreamDocument};
use super::webhook;
use crate::app::App;
use crate::store::{NewCall, StoreError, StreamClaim};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::webhook::{Direction, VoiceRequest};
use tokio::time::timeout;

/// How long the database may take; Twilio gives up after 15 s, and the caller much earlier.
const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// Answers the Voice URL.
pub(crate) async fn inbound(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let began = app.clock.now();
    let response = match webhook::read(&app, request).await {
        Ok(form) => match webhook::fields(&app, &form, VoiceRequest::read, |voice| &voice.account_sid) {
            Ok(voice) => answer(&app, &voice).await,
            Err(refused) => refused,
        },
        Err(refused) => refused,
    };
    app.metrics
        .webhook(Webhook::Inbound, app.clock.now().duration_since(began));
    response
}

async fn answer(app: &App, voice: &VoiceRequest) -> Response {
    if app.draining.is_cancelled() {
        return webhook::apologise(app, Refusal::Draining);
    }
    if app.live.count() >= app.config.limits.max_calls {
        return webhook::apologise(app, Refusal::TooManyCalls);
    }
    match timeout(STORE_PATIENCE, admit(app, voice)).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) | Err(_) => webhook::apologise(app, Refusal::StoreUnavailable),
    }
}

async fn admit(app: &App, voice: &VoiceRequest) -> Result<Response, StoreError> {
    let assistant = &app.assistants.for_number(&voice.to).id;
    let call_sid = voice.call_sid.as_str();
    let started = app
        .store
        .call_started(NewCall {
            call_sid: call_sid.to_owned(),
            account_sid: voice.account_sid.as_str().to_owned(),
            from: voice.from.clone(),
            to: voice.to.clone(),
            direction: direction_word(voice.direction).to_owned(),
            assistant: Some(assistant.to_owned()),
            status: voice.call_status,
            at: app.clock.wall(),
        })
        .await?;
    if !started.first {
        app.metrics.refused(Refusal::Replayed);
    }
    if started.ended {
        return Ok(documents::respond(&documents::hangup()));
    }
    let token = if started.streams == 0 {
        let claim = StreamClaim {
            call_sid: call_sid.to_owned(),
            account_sid: voice.account_sid.as_str().to_owned(),
        };
        app.tokens.for_stream(&app.store, &claim, 0).await?
    } else {
        // The stream stands already: the same answer as before, whose token is worth nothing any more.
        match app.tokens.recent(call_sid, 0) {
            Some(token) => token,
            None => return Ok(documents::respond(&documents::hangup())),
        }
    };
    Ok(documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid,
        assistant,
    })))
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::OutboundApi => "outbound-api",
        Direction::OutboundDial => "outbound-dial",
        Direction::TrunkingOriginating => "trunking-originating",
        Direction::TrunkingTerminating => "trunking-terminating",
        Direction::Other => "other",
    }
}
