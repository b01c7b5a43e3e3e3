//! `POST /api/voice/after`: a stream has ended. The call ends with it, or goes on with a new stream.

use super::documents::{self, StreamDocument};
use super::{transfer, webhook};
use crate::app::App;
use crate::store::{CallRow, StoreError, StreamClaim};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use talia_dialogue::EndReason;
use talia_twilio::webhook::VoiceRequest;

/// Answers the action of `<Connect>` and the `<Redirect>` behind it.
pub(crate) async fn after(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::After, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => answer(&app, &voice).await,
            Err(refused) => refused,
        }
    })
    .await
}

/// What comes next in a call whose stream, or whose person's leg, has ended.
pub(super) async fn answer(app: &App, voice: &VoiceRequest) -> Response {
    let call_sid = voice.call_sid.as_str();
    let Ok(known) = app.store.call(call_sid).await else {
        return webhook::apologise(app, Refusal::StoreUnavailable);
    };
    let Some(call) = known else {
        app.metrics.refused(Refusal::CallUnknown);
        return documents::respond(&documents::hangup());
    };
    if call.ended_at.is_some() || voice.call_status.is_terminal() {
        return documents::respond(&documents::hangup());
    }
    match transfer::asked(app, &call).await {
        Ok(Some(document)) => return documents::respond(&document),
        Ok(None) => {}
        Err(_) => return webhook::apologise(app, Refusal::StoreUnavailable),
    }
    if app.draining.is_cancelled() {
        return give_up(app, call_sid, Refusal::Draining, EndReason::Draining).await;
    }
    // The first stream is not a resumption.
    if call.streams > i64::from(app.config.limits.resumes) {
        return give_up(app, call_sid, Refusal::TooManyResumes, EndReason::Failure).await;
    }
    if app.tokens.returned(call_sid, call.streams) > app.config.limits.resumes + 1 {
        return give_up(app, call_sid, Refusal::TooManyResumes, EndReason::Failure).await;
    }
    match resume(app, &call, voice.account_sid.as_str()).await {
        Ok(response) => response,
        Err(_) => webhook::apologise(app, Refusal::StoreUnavailable),
    }
}

async fn resume(app: &App, call: &CallRow, account_sid: &str) -> Result<Response, StoreError> {
    let claim = StreamClaim {
        call_sid: call.call_sid.clone(),
        account_sid: account_sid.to_owned(),
    };
    let token = app.tokens.for_stream(&app.store, &claim, call.streams).await?;
    let answering = &app.assistants.for_number(&call.to_number).id;
    Ok(documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid: &call.call_sid,
        assistant: call.assistant.as_deref().unwrap_or(answering),
    })))
}

async fn give_up(app: &App, call_sid: &str, refusal: Refusal, reason: EndReason) -> Response {
    // What failed is counted by the store, and what was deferred is written later.
    let _ = app.store.call_ended(call_sid, reason).await;
    webhook::apologise(app, refusal)
}
