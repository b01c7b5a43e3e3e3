//! `POST /api/voice/inbound`: a call begins. Its row is written, and Twilio told where to stream.

use super::documents::{self, StreamDocument};
use super::tokens::Awaited;
use super::webhook;
use crate::app::App;
use crate::brain::Errand;
use crate::store::{NewCall, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use talia_spanish::Language;
use talia_twilio::webhook::{Direction, VoiceRequest};
use tokio::time::timeout;

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
    // It still rings: whoever thinks first is connected to meanwhile.
    if app.speaks_by_itself().is_none() {
        app.models.warm();
    }
    let call = call_of(app, voice);
    let assistant = app.assistants.for_number(&voice.to);
    let token = match admit_in_time(app, call, None).await {
        Ok(Admitted::Stream(token)) => token,
        Ok(Admitted::Over) => return documents::respond(&documents::hangup()),
        Err(_) => return webhook::apologise(app, Refusal::StoreUnavailable),
    };
    let call_sid = voice.call_sid.as_str();
    hear_early(app, call_sid, assistant.language);
    documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid,
        assistant: &assistant.id,
    }))
}

/// Opens what hears the call while its phone still rings, unless it is there already.
pub(super) fn hear_early(app: &App, call_sid: &str, language: Language) {
    if !app.live.has(call_sid) && app.speaks_by_itself().is_none() {
        app.early_ears.open(call_sid, &app.engines.ears, language);
    }
}

/// A call as Twilio tells of it, with the assistant of its number.
pub(super) fn call_of(app: &App, voice: &VoiceRequest) -> NewCall {
    NewCall {
        call_sid: voice.call_sid.as_str().to_owned(),
        account_sid: voice.account_sid.as_str().to_owned(),
        from: voice.from.clone(),
        to: voice.to.clone(),
        direction: direction_word(voice.direction).to_owned(),
        assistant: Some(app.assistants.for_number(&voice.to).id.clone()),
        status: voice.call_status,
        at: app.clock.wall(),
    }
}

/// What is said to a call that begins.
pub(super) enum Admitted {
    /// It may stream with this token.
    Stream(String),
    /// It is over, or streams already.
    Over,
}

/// Asks the database, and answers without it where that takes too long.
pub(super) async fn admit_in_time(app: &App, call: NewCall, errand: Option<Errand>) -> Result<Admitted, StoreError> {
    if let Ok(Ok(admitted)) = timeout(webhook::STORE_PATIENCE, admit(app, call.clone())).await {
        return Ok(admitted);
    }
    if let Some(here) = app
        .lately
        .call(&call.call_sid)
        .filter(|here| here.over || here.streams > 0)
    {
        // Its first stream is there, or was: this request is a repetition, and its token stays used up.
        app.metrics.refused(Refusal::Replayed);
        let recent = app.tokens.recent(&call.call_sid, 0).filter(|_| !here.over);
        return Ok(recent.map_or(Admitted::Over, Admitted::Stream));
    }
    app.metrics.answered_unkept.inc();
    app.lately.begun(call.clone(), errand, 0);
    let token = app.tokens.unkept(
        &app.store,
        Awaited {
            call,
            streams: Some(0),
            kept: false,
        },
    )?;
    Ok(Admitted::Stream(token))
}

async fn admit(app: &App, call: NewCall) -> Result<Admitted, StoreError> {
    let started = app.store.call_started(call.clone()).await?;
    if !started.first {
        app.metrics.refused(Refusal::Replayed);
    }
    if started.ended {
        return Ok(Admitted::Over);
    }
    if started.streams == 0 {
        let token = app.tokens.for_stream(&app.store, &call, 0).await?;
        return Ok(Admitted::Stream(token));
    }
    // The stream stands already: the same answer as before, whose token is worth nothing any more.
    let recent = app.tokens.recent(&call.call_sid, 0);
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
