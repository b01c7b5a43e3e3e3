//! `POST /api/voice/outbound/answer/{id}`: somebody has answered a call of ours. The conversation begins.
//!
//! Where the database hangs or is gone, the node that made the call knows what it is about ([`crate::line::Lately`]) and
//! begins within [`webhook::STORE_PATIENCE`]. Another node waits longer and then gives up: without the row nobody knows
//! whether this is the number that was to be called, nor why, and a call without a purpose serves nobody.

use crate::app::App;
use crate::line::documents::{self, StreamDocument};
use crate::line::inbound::{self, Admitted};
use crate::line::webhook;
use crate::store::{DialChange, NewCall, OutboundRow, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::webhook::VoiceRequest;
use tokio::time::timeout;

/// How long the database may take where it alone knows what the call is about: somebody has just said "¿Bueno?".
const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// Answers the URL of a call that we made.
pub(crate) async fn answer(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::OutboundAnswer, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => match admit(&app, &id, &voice).await {
                Ok(response) => response,
                Err(_) => webhook::apologise(&app, Refusal::StoreUnavailable),
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
    let Some(row) = row(app, id).await? else {
        return Ok(hang_up(app, Refusal::CallUnknown));
    };
    // Signed by Twilio and yet of another call: the URL of one call was used for a second.
    if voice.to != row.to_number || !is_its_call(app, &row, call_sid).await? {
        return Ok(hang_up(app, Refusal::OutboundForeign));
    }
    let call = NewCall {
        direction: "outbound-api".to_owned(),
        assistant: row.assistant.clone(),
        ..inbound::call_of(app, voice)
    };
    // Repeated while its stream stands: the same answer, whose token is worth nothing any more.
    let token = match inbound::admit_in_time(app, call, Some(super::errand(&row))).await? {
        Admitted::Stream(token) => token,
        Admitted::Over => return Ok(documents::respond(&documents::hangup())),
    };
    if let Some(assistant) = row.assistant.as_deref().and_then(|id| app.assistants.by_id(id)) {
        inbound::hear_early(app, call_sid, assistant.language);
    }
    Ok(documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid,
        assistant: row.assistant.as_deref().unwrap_or_default(),
    })))
}

/// The row of a call that we made, from wherever it is known first.
async fn row(app: &App, id: &str) -> Result<Option<OutboundRow>, StoreError> {
    let here = app.lately.outbound(id);
    let patience = match here {
        Some(_) => webhook::STORE_PATIENCE,
        None => STORE_PATIENCE,
    };
    match timeout(patience, app.store.outbound(id)).await {
        Ok(Ok(row)) => Ok(row),
        _ if here.is_some() => Ok(here),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(StoreError::Deferred),
    }
}

/// Whether this is the call that the row tells of. A row in doubt learns its CallSid here: the URL is its own.
async fn is_its_call(app: &App, row: &OutboundRow, call_sid: &str) -> Result<bool, StoreError> {
    if let Some(known) = &row.call_sid {
        return Ok(known == call_sid);
    }
    let change = DialChange::Dialled(call_sid.to_owned());
    match timeout(webhook::STORE_PATIENCE, app.store.dial_changed(&row.id, change)).await {
        // Not news: somebody else wrote a CallSid meanwhile. It must be this one.
        Ok(Ok(true) | Err(StoreError::Deferred)) | Err(_) => Ok(true),
        Ok(Ok(false)) => {
            let now = app.store.outbound(&row.id).await?;
            Ok(now.and_then(|row| row.call_sid).as_deref() == Some(call_sid))
        }
        Ok(Err(error)) => Err(error),
    }
}

fn hang_up(app: &App, reason: Refusal) -> Response {
    app.metrics.refused(reason);
    documents::respond(&documents::hangup())
}
