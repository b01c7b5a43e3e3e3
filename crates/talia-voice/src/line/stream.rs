//! `GET /api/voice/stream/{token}`: a media socket. Nothing is begun before signature and token hold.

use super::media_socket::{SocketLimits, await_start};
use super::tokens::{Awaited, Unkept};
use super::{Entered, MediaSocket, outbound, tokens, webhook};
use crate::app::App;
use crate::brain::Errand;
use crate::store::{Burnt, CallRow, NewCall, Record, StatusReport, StreamClaim};
use crate::telemetry::labels::Refusal;
use axum::extract::rejection::PathRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::media::{MAX_MESSAGE, Start};
use talia_twilio::{CallSid, CallStatus, StreamSid};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A media message is about 300 bytes, and there are 50 a second: a small buffer keeps a call's memory small.
const READ_BUFFER: usize = 4 * 1024;
/// Written out at the latest when this much waits; a batch is flushed anyway.
const WRITE_BUFFER: usize = 8 * 1024;
/// A client that doesn't read makes us hold no more than this.
const LONGEST_WRITE_BUFFER: usize = 64 * 1024;

/// How long the database may take to know a token; Twilio waits for the handshake, and the caller in silence.
const STORE_PATIENCE: Duration = Duration::from_millis(500);
/// How long the stream before may take to write down what it knows.
const HANDOVER: Duration = Duration::from_secs(2);

/// A call whose media stream has started.
#[derive(Debug, Clone)]
pub struct AnsweredCall {
    pub call_sid: CallSid,
    pub stream_sid: StreamSid,
    /// Who calls: E.164, `client:…`, `sip:…` or a word such as `anonymous`.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// The name of the conversation that answers.
    pub assistant: String,
    /// Of a call that we made: why.
    pub errand: Option<Errand>,
    /// What the TwiML's `<Parameter>`s say.
    pub parameters: BTreeMap<String, String>,
    /// How many streams the call had before: more than 0 when its socket broke and Twilio came back.
    pub streams_before: u32,
    /// When the stream started.
    pub at: Timestamp,
}

impl AnsweredCall {
    /// The number at the other end: who calls, or whom we have called.
    pub fn person(&self) -> &str {
        if self.errand.is_some() { &self.to } else { &self.from }
    }
}

/// Takes a media socket.
pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    token: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let token = token.map_or_else(|_| String::new(), |Path(token)| token);
    let url = app.config.server.public_url.ws(webhook::target(&uri));
    if let Err(why) = app.validator.validate_websocket(&url, webhook::signature_of(&headers)) {
        return refuse(&app, webhook::refusal_of(why), StatusCode::FORBIDDEN);
    }
    let Ok(upgrade) = upgrade else {
        return refuse(&app, Refusal::NotASocket, StatusCode::UPGRADE_REQUIRED);
    };
    if app.draining.is_cancelled() {
        return refuse(&app, Refusal::Draining, StatusCode::SERVICE_UNAVAILABLE);
    }
    let (claim, call) = match admit(&app, &token).await {
        Ok(admitted) => admitted,
        Err(Refusal::StoreUnavailable) => {
            return refuse(&app, Refusal::StoreUnavailable, StatusCode::SERVICE_UNAVAILABLE);
        }
        Err(refusal) => return refuse(&app, refusal, StatusCode::FORBIDDEN),
    };
    let tracked = app.calls.token();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(LONGEST_WRITE_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| run(app, socket, (claim, call), tracked))
}

/// A media socket that brings no token.
pub(crate) async fn stream_without_token(State(app): State<Arc<App>>) -> Response {
    refuse(&app, Refusal::TokenUnknown, StatusCode::FORBIDDEN)
}

fn refuse(app: &App, reason: Refusal, status: StatusCode) -> Response {
    app.metrics.refused(reason);
    status.into_response()
}

async fn admit(app: &App, token: &str) -> Result<(StreamClaim, CallRow), Refusal> {
    let hash = tokens::hash_of(token).ok_or(Refusal::TokenUnknown)?;
    // Taken first, so that it is good once whatever the database says.
    let unkept = match app.tokens.take_unkept(&hash) {
        Unkept::Used => return Err(Refusal::TokenUsed),
        Unkept::Good(awaited) => Some(awaited),
        Unkept::Unknown => None,
    };
    let patience = match &unkept {
        Some(awaited) if awaited.streams.is_some() && !awaited.kept => webhook::STORE_PATIENCE,
        // The database knows the token too, or it alone knows where the conversation stands.
        _ => STORE_PATIENCE,
    };
    let burnt = timeout(patience, app.store.burn_token(hash)).await;
    let refusal = match burnt {
        Ok(Ok(Burnt::Good(claim))) => match timeout(STORE_PATIENCE, known(app, claim)).await {
            Ok(Err(Refusal::StoreUnavailable)) | Err(_) => Refusal::StoreUnavailable,
            Ok(answer) => return answer,
        },
        Ok(Ok(Burnt::Used)) => return Err(Refusal::TokenUsed),
        Ok(Ok(Burnt::Expired)) => return Err(Refusal::TokenExpired),
        Ok(Ok(Burnt::Unknown)) => Refusal::TokenUnknown,
        Ok(Err(_)) | Err(_) => Refusal::StoreUnavailable,
    };
    // The token was given out here, and the database doesn't know of it yet, or can't be asked any more.
    let awaited = unkept.ok_or(refusal)?;
    // Whatever becomes of this stream, the token is used up, and the next one has another.
    let streams = awaited.streams.unwrap_or(0) + 1;
    app.lately.begun(awaited.call.clone(), None, streams);
    // A failure is counted by the store: then only a resumption lacks its memory.
    let _ = app.store.record(Record::Opened(hash));
    Ok(unknown(*awaited))
}

async fn known(app: &App, claim: StreamClaim) -> Result<(StreamClaim, CallRow), Refusal> {
    match app.store.call(&claim.call_sid).await {
        Ok(Some(call)) => Ok((claim, call)),
        Ok(None) => Err(Refusal::CallUnknown),
        Err(_) => Err(Refusal::StoreUnavailable),
    }
}

/// The row that a call will have.
fn unknown(Awaited { call, streams, .. }: Awaited) -> (StreamClaim, CallRow) {
    let claim = StreamClaim {
        call_sid: call.call_sid.clone(),
        account_sid: call.account_sid.clone(),
    };
    let row = CallRow {
        call_sid: call.call_sid,
        account_sid: call.account_sid,
        direction: call.direction,
        assistant: call.assistant,
        from_number: call.from,
        to_number: call.to,
        status: call.status.to_string(),
        started_at: call.at.to_string(),
        ended_at: None,
        ended_reason: None,
        disclosure_heard_at: None,
        disclosure_text: None,
        disclosure_language: None,
        recording_consent: None,
        erased_at: None,
        duration_s: None,
        streams: streams.unwrap_or(0) + 1,
        tool_calls: None,
        cost_micros: None,
    };
    (claim, row)
}

/// Checks what the stream says of itself against what its token is good for.
fn check(start: &Start, claim: &StreamClaim) -> Result<(), Refusal> {
    if start.call_sid.as_str() != claim.call_sid || start.account_sid.as_str() != claim.account_sid {
        return Err(Refusal::StartForeign);
    }
    if !start.media_format.is_mulaw_8k() {
        return Err(Refusal::MediaFormat);
    }
    Ok(())
}

async fn run(app: Arc<App>, mut socket: WebSocket, (claim, row): (StreamClaim, CallRow), _tracked: TaskTrackerToken) {
    let limits = SocketLimits {
        first_message: app.config.limits.first_message_timeout,
        start: app.config.limits.start_timeout,
        write_stall: app.config.limits.write_stall,
        bad_frames: app.config.limits.bad_frames,
        clock: app.clock.clone(),
    };
    let start = match await_start(&mut socket, &limits, |start| check(start, &claim)).await {
        Ok(start) => start,
        Err(refusal) => {
            app.metrics.refused(refusal);
            tracing::warn!(call.sid = claim.call_sid, ?refusal, "a media socket was refused");
            return;
        }
    };
    let at = app.clock.wall();
    // Twilio reports no `in-progress` for an inbound call; its stream is the proof. A failure is counted by the store.
    let _ = app.store.record(Record::Status(StatusReport {
        call_sid: start.call_sid.as_str().to_owned(),
        status: CallStatus::InProgress,
        sequence: None,
        duration_s: None,
        at,
    }));
    let answering = app.assistants.for_number(&row.to_number).id.clone();
    let errand = errand_of(&app, &row).await;
    let begun = NewCall {
        call_sid: claim.call_sid,
        account_sid: claim.account_sid,
        from: row.from_number.clone(),
        to: row.to_number.clone(),
        direction: row.direction,
        assistant: row.assistant.clone(),
        status: CallStatus::InProgress,
        at,
    };
    app.lately.begun(begun, errand.clone(), row.streams);
    let call = AnsweredCall {
        call_sid: start.call_sid.clone(),
        stream_sid: start.stream_sid.clone(),
        from: row.from_number,
        to: row.to_number,
        assistant: row.assistant.unwrap_or(answering),
        errand,
        parameters: start.custom_parameters.clone(),
        // Burning the token has counted this one.
        streams_before: u32::try_from(row.streams - 1).unwrap_or(0),
        at,
    };
    let Entered {
        place,
        predecessor,
        commands,
    } = app.live.enter(call.call_sid.clone(), call.stream_sid.clone());
    if let Some(gone) = predecessor {
        // It may still be writing down the caller's last words, which this stream goes on from.
        let _ = timeout(HANDOVER, gone.cancelled()).await;
    }
    let socket = MediaSocket::new(socket, &start, place, limits, app.metrics.clone());
    tracing::info!(
        call.sid = call.call_sid.as_str(),
        stream.sid = call.stream_sid.as_str(),
        "call answered"
    );
    Box::pin(crate::call::answer(app, (socket, commands), call)).await;
}

/// Why we have made this call; none of a call that came in. Without its row the conversation begins as any other.
async fn errand_of(app: &App, row: &CallRow) -> Option<Errand> {
    if row.direction != "outbound-api" {
        return None;
    }
    if let Some(errand) = app.lately.call(&row.call_sid).and_then(|here| here.errand) {
        return Some(errand);
    }
    // A failure is counted by the store.
    let outbound = timeout(STORE_PATIENCE, app.store.outbound_of_call(&row.call_sid)).await;
    let outbound = outbound.ok().and_then(Result::ok).flatten();
    Some(outbound.as_ref().map_or_else(Errand::default, outbound::errand))
}
