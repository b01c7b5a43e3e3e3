//! `POST /api/voice/after`: a stream has ended. The call ends with it, or goes on with a new stream.
//!
//! Whoever asks has a caller in silence behind them, so the database is given [`webhook::STORE_PATIENCE`] and no more.
//! What it would have said is then taken from what this node knows by heart ([`super::Lately`]): a conversation that
//! ended here is over, every other goes on with a new stream. A call that this node doesn't know either gets a stream
//! too, because hanging up on somebody who may be in the middle of a sentence is the worse mistake: its memory is
//! looked for once more when the stream opens, and without it TalIA begins again with her disclosure.

use super::documents::{self, StreamDocument};
use super::lately::CallHere;
use super::tokens::Awaited;
use super::{inbound, transfer, webhook};
use crate::app::App;
use crate::store::{CallRow, NewCall, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::EndReason;
use talia_twilio::webhook::VoiceRequest;
use tokio::time::timeout;

/// How long a transfer that was promised to the caller may wait for the database: nobody is dialled without a row, and
/// Twilio wasn't told by REST already.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(2);

/// Where a call comes from that asks what is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A stream; its caller may have been promised a person.
    Stream,
    /// A person's leg, which is over.
    Person,
}

/// Answers the action of `<Connect>` and the `<Redirect>` behind it.
pub(crate) async fn after(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::After, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => answer(&app, &voice, From::Stream).await,
            Err(refused) => refused,
        }
    })
    .await
}

/// What comes next in a call whose stream, or whose person's leg, has ended.
pub(super) async fn answer(app: &App, voice: &VoiceRequest, from: From) -> Response {
    let call_sid = voice.call_sid.as_str();
    let here = app.lately.call(call_sid);
    if voice.call_status.is_terminal() || here.as_ref().is_some_and(|here| here.over) {
        return documents::respond(&documents::hangup());
    }
    let kept = timeout(webhook::STORE_PATIENCE, kept(app, call_sid, from)).await;
    let Ok(Ok(kept)) = kept else {
        return resume(app, voice, (None, here.as_ref())).await;
    };
    let row = match kept {
        // Its row isn't taken yet, or never will be: whoever answered it died with the row in hand. Twilio's word is good.
        Kept::Unknown => None,
        Kept::Over => return documents::respond(&documents::hangup()),
        // No voice of ours could say a word, not even who is speaking: Twilio's says that we can't.
        Kept::Speechless => return webhook::apologise(app, Refusal::NoVoice),
        Kept::Promised(call) => match timeout(TRANSFER_PATIENCE, transfer::asked(app, &call)).await {
            Ok(Ok(Some(document))) => return documents::respond(&document),
            _ => Some(call),
        },
        Kept::Alive(call) => Some(call),
    };
    resume(app, voice, (row.as_ref(), here.as_ref())).await
}

/// What the database says of a call.
enum Kept {
    Unknown,
    Over,
    /// It ended because no voice of ours could speak.
    Speechless,
    /// Its caller is to be handed to a person.
    Promised(CallRow),
    Alive(CallRow),
}

async fn kept(app: &App, call_sid: &str, from: From) -> Result<Kept, StoreError> {
    let Some(call) = app.store.call(call_sid).await? else {
        return Ok(Kept::Unknown);
    };
    if call.failed_speechless() {
        return Ok(Kept::Speechless);
    }
    if call.ended_at.is_some() {
        return Ok(Kept::Over);
    }
    if from == From::Stream && transfer::is_promised(app, call_sid).await? {
        return Ok(Kept::Promised(call));
    }
    Ok(Kept::Alive(call))
}

/// Goes on with a new stream, as long as that has not been tried too often.
async fn resume(app: &App, voice: &VoiceRequest, known: (Option<&CallRow>, Option<&CallHere>)) -> Response {
    let call_sid = voice.call_sid.as_str();
    if app.draining.is_cancelled() {
        return give_up(app, call_sid, Refusal::Draining, EndReason::Draining).await;
    }
    let kept = known.0.map(|row| row.streams);
    let streams = kept.max(known.1.map(|here| here.streams));
    // The first stream is not a resumption.
    let resumes = app.config.limits.resumes;
    if streams.is_some_and(|streams| streams > i64::from(resumes))
        || app.tokens.returned(call_sid, streams.unwrap_or(0)) > resumes + 1
    {
        return give_up(app, call_sid, Refusal::TooManyResumes, EndReason::Failure).await;
    }
    let call = call_of(app, voice, known);
    let assistant = call.assistant.clone();
    let answering = app.assistants.for_number(&call.to).id.clone();
    let Ok(token) = token(app, (call, streams), kept).await else {
        return webhook::apologise(app, Refusal::StoreUnavailable);
    };
    documents::respond(&documents::stream(&StreamDocument {
        public_url: &app.config.server.public_url,
        token: &token,
        call_sid,
        assistant: &assistant.unwrap_or(answering),
    }))
}

/// A token that the database knows, where that knows as many streams as we do and answers in time; otherwise one that
/// is good here.
async fn token(app: &App, (call, streams): (NewCall, Option<i64>), kept: Option<i64>) -> Result<String, StoreError> {
    if let Some(streams) = kept.filter(|_| kept == streams) {
        let token = app.tokens.for_stream(&app.store, &call, streams);
        if let Ok(Ok(token)) = timeout(webhook::STORE_PATIENCE, token).await {
            return Ok(token);
        }
    }
    app.metrics.answered_unkept.inc();
    app.tokens.unkept(
        &app.store,
        Awaited {
            call,
            streams,
            kept: false,
        },
    )
}

/// The call as it is known; of one that nobody can be asked about, as Twilio tells of it.
fn call_of(app: &App, voice: &VoiceRequest, (row, here): (Option<&CallRow>, Option<&CallHere>)) -> NewCall {
    if let Some(here) = here {
        return here.call.clone();
    }
    let told = inbound::call_of(app, voice);
    match row {
        Some(row) => NewCall {
            from: row.from_number.clone(),
            to: row.to_number.clone(),
            direction: row.direction.clone(),
            assistant: row.assistant.clone(),
            ..told
        },
        // Whose conversation it is, its row says, if it has one.
        None => NewCall {
            assistant: None,
            ..told
        },
    }
}

async fn give_up(app: &App, call_sid: &str, refusal: Refusal, reason: EndReason) -> Response {
    app.lately.over(call_sid);
    // What failed is counted by the store, and what was deferred, or takes longer, is written later.
    let _ = timeout(webhook::STORE_PATIENCE, app.store.call_ended(call_sid, reason)).await;
    webhook::apologise(app, refusal)
}
