//! `POST /api/voice/amd/{id}`: whether a person or a machine has answered a call of ours.

use crate::app::App;
use crate::config::MachineAnswer;
use crate::line::{documents, webhook};
use crate::store::{DialChange, OutboundRow, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use talia_twilio::CallSid;
use talia_twilio::rest::{CallUpdate, Fault};
use talia_twilio::webhook::{AnsweredBy, MachineVerdict};

/// Takes the verdict.
pub(crate) async fn amd(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Amd, async {
        match webhook::parsed(&app, request, MachineVerdict::read, |verdict| &verdict.account_sid).await {
            Ok((verdict, _)) => keep(&app, &id, verdict).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn keep(app: &Arc<App>, id: &str, verdict: MachineVerdict) -> Response {
    let row = match app.store.outbound(id).await {
        Ok(Some(row)) => row,
        Ok(None) => return refuse(app, Refusal::CallUnknown, StatusCode::NOT_FOUND),
        Err(_) => return refuse(app, Refusal::StoreUnavailable, StatusCode::SERVICE_UNAVAILABLE),
    };
    let known = row.call_sid.as_deref();
    if known.is_some_and(|known| known != verdict.call_sid.as_str()) {
        return refuse(app, Refusal::OutboundForeign, StatusCode::FORBIDDEN);
    }
    let is_person = matches!(verdict.answered_by, AnsweredBy::Human | AnsweredBy::Unknown);
    // A verdict that is on disk already has had its effect.
    let change = DialChange::AnsweredBy {
        word: verdict.answered_by.as_str(),
        over: !is_person,
    };
    match app.store.dial_changed(&row.id, change).await {
        Ok(true) | Err(StoreError::Deferred) => {}
        Ok(false) => {
            app.metrics.refused(Refusal::Replayed);
            return StatusCode::NO_CONTENT.into_response();
        }
        Err(_) => return refuse(app, Refusal::StoreUnavailable, StatusCode::SERVICE_UNAVAILABLE),
    }
    if !is_person {
        // Twilio waits for this answer no longer than 15 s; ending the call may take as long.
        let task = app.clone();
        app.calls
            .spawn(async move { say_goodbye(&task, &row, &verdict.call_sid, verdict.answered_by).await });
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Ends a call that a machine has answered, with the configured message where it records one.
async fn say_goodbye(app: &App, row: &OutboundRow, call_sid: &CallSid, answered_by: AnsweredBy) {
    let Some(rest) = &app.rest else { return };
    let message = match &app.config.dialing.machine {
        MachineAnswer::Message(text) if answered_by.records() => message(app, row, text),
        _ => None,
    };
    let said = match message {
        Some(document) => rest.update_call(call_sid, &CallUpdate::Twiml(document)).await.map(drop),
        None => rest.end_call(call_sid).await,
    };
    let Err(error) = said else { return };
    if matches!(error.fault(), Fault::CallOver | Fault::NotFound) {
        return;
    }
    tracing::warn!(call.sid = call_sid.as_str(), %error, "a machine could not be left its message");
    // Nobody is there to talk to: whatever else fails, the conversation ends.
    if let Err(error) = rest.end_call(call_sid).await {
        tracing::warn!(call.sid = call_sid.as_str(), %error, "a call to a machine could not be ended by REST");
        app.live.end(call_sid, crate::line::CloseCause::CallOver);
    }
}

/// The disclosure first, then the message.
fn message(app: &App, row: &OutboundRow, text: &str) -> Option<String> {
    let assistant = app.assistants.by_id(row.assistant.as_deref()?)?;
    let spoken = format!("{} {text}", assistant.disclosure_text());
    documents::message(&spoken, assistant.language).to_xml().ok()
}

fn refuse(app: &App, reason: Refusal, status: StatusCode) -> Response {
    app.metrics.refused(reason);
    status.into_response()
}
