//! `POST /api/voice/outbound/answer/{id}`: somebody has answered a call of ours. The conversation begins.

use crate::app::App;
use crate::line::documents::{self, StreamDocument};
use crate::line::webhook;
use crate::store::{DialChange, NewCall, OutboundRow, StoreError, StreamClaim};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::webhook::VoiceRequest;
use tokio::time::timeout;

/// How long the database may take: somebody has just said "¿Bueno?".
const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// Answers the URL of a call that we made.
pub(crate) async fn answer(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::OutboundAnswer, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => match timeout(STORE_PATIENCE, admit(&app, &id, &voice)).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) | Err(_) => webhook::apologise(&app, Refusal::StoreUnavailable),
            },
            Err(refused) => refused,
        }
    })
    .await
}

async fn admit(app: &App, id: &str, voice: &VoiceRequest) -> Result<Response, StoreError> {
    if app.draining.is_cancelled() {
        return Ok(webhook::apologise(app, Refusal::Draining));
    }
    let call_sid = voice.call_sid.as_str();
    let Some(row) = app.store.outbound(id).await? else {
        return Ok(hang_up(app, Refusal::CallUnknown));
    };
    // Signed by Twilio and yet of another call: the URL of one call was used for a second.
    if voice.to != row.to_number || !is_its_call(app, &row, call_sid).await? {
        return Ok(hang_up(app, Refusal::OutboundForeign));
    }
    let assistant = row.assistant.as_deref().unwrap_or_default();
    let started = app
        .store
        .call_started(NewCall {
            call_sid: call_sid.to_owned(),
            account_sid: voice.account_sid.as_str().to_owned(),
            from: voice.from.clone(),
            to: voice.to.clone(),
            direction: "outbound-api".to_owned(),
            assistant: row.assistant.clone(),
            status: voice.call_status,
            at: app.clock.wall(),
        })
        .await?;
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
        // Repeated while its stream stands: the same answer, whose token is worth nothing any more.
        app.metrics.refused(Refusal::Replayed);
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

/// Whether this is the call that the row tells of. A row in doubt learns its CallSid here: the URL is its own.
async fn is_its_call(app: &App, row: &OutboundRow, call_sid: &str) -> Result<bool, StoreError> {
    if let Some(known) = &row.call_sid {
        return Ok(known == call_sid);
    }
    match app
        .store
        .dial_changed(&row.id, DialChange::Dialled(call_sid.to_owned()))
        .await
    {
        // Not news: somebody else wrote a CallSid meanwhile. It must be this one.
        Ok(true) | Err(StoreError::Deferred) => Ok(true),
        Ok(false) => {
            let now = app.store.outbound(&row.id).await?;
            Ok(now.and_then(|row| row.call_sid).as_deref() == Some(call_sid))
        }
        Err(error) => Err(error),
    }
}

fn hang_up(app: &App, reason: Refusal) -> Response {
    app.metrics.refused(reason);
    documents::respond(&documents::hangup())
}
