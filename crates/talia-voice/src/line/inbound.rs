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

/// How long a caller waits for the database. One that takes longer, or is gone, gets to know of the call later.
const STORE_PATIENCE: Duration = Duration::from_millis(30);

/// Answers the Voice URL.
pub(crate) async fn inbound(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Inbound, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => answer(&app, &voice).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn answer(app: &App, voice: &VoiceRequest) -> Response {
    if app.draining.is_cancelled() {
        return webhook::apologise(app, Refusal::Draining);
    }
    if app.live.count() >= app.config.limits.max_calls {
        return webhook::apologise(app, Refusal::TooManyCalls);
    }
    let assistant = &app.assistants.for_number(&voice.to).id;
    let call = NewCall {
        call_sid: voice.call_sid.as_str().to_owned(),
        account_sid: voice.account_sid.as_str().to_owned(),
        from: voice.from.clone(),
        to: voice.to.clone(),
        direction: direction_word(voice.direction).to_owned(),
        assistant: Some(assistant.to_owned()),
        status: voice.call_status,
        at: app.clock.wall(),
    };
    let token = match timeout(STORE_PATIENCE, admit(app, call.clone())).await {
        Ok(Ok(Admitted::Stream(token))) => token,
        Ok(Ok(Admitted::Over)) => return documents::respond(&documents::hangup()),
        Ok(Err(_)) | Err(_) => {
            app.metrics.answered_unkept.inc();
            match app.tokens.unkept(&app.store, call) {
                Ok(token) => token,
                Err(_) => return webhook::apologise(app, Refusal::StoreUnavailable),
            }
        }
    };
    documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid: voice.call_sid.as_str(),
        assistant,
    }))
}

/// What the database says to a call that begins.
enum Admitted {
    /// It may stream with this token.
    Stream(String),
    /// It is over, or streams already.
    Over,
}

async fn admit(app: &App, call: NewCall) -> Result<Admitted, StoreError> {
    let claim = StreamClaim {
        call_sid: call.call_sid.clone(),
        account_sid: call.account_sid.clone(),
    };
    let started = app.store.call_started(call).await?;
    if !started.first {
        app.metrics.refused(Refusal::Replayed);
    }
    if started.ended {
        return Ok(Admitted::Over);
    }
    if started.streams == 0 {
        let token = app.tokens.for_stream(&app.store, &claim, 0).await?;
        return Ok(Admitted::Stream(token));
    }
    // The stream stands already: the same answer as before, whose token is worth nothing any more.
    let recent = app.tokens.recent(&claim.call_sid, 0);
    Ok(recent.map_or(Admitted::Over, Admitted::Stream))
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
