//! A caller is handed to a person: who is dialled, what the person hears first, what happens when nobody answers.

use super::documents::{self, DialDocument};
use super::outbound::{self, DialError, Granted};
use super::{after, webhook};
use crate::app::App;
use crate::brain::Handover;
use crate::config::Destination;
use crate::dialing::Door;
use crate::store::{CallRow, DialChange, NewTransfer, StoreError, TransferRow};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::EndReason;
use talia_twilio::CallSid;
use talia_twilio::form::Form;
use talia_twilio::rest::CallUpdate;
use talia_twilio::twiml;
use talia_twilio::webhook::VoiceRequest;
use tokio::time::timeout;

/// How long the caller is kept in silence for an answer of the REST API: there is another way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hands a live call to a person. Written down first; then Twilio is told by REST, and where that fails, or there is no
/// REST, it is told when it asks what comes after the stream.
pub(crate) async fn hand_over(app: &App, call_sid: &CallSid, handover: &Handover) {
    let transfer = NewTransfer {
        call_sid: call_sid.to_string(),
        destination: handover.destination.clone(),
        summary: handover.summary.clone(),
        at: app.clock.wall(),
    };
    if app.store.transfer_asked(transfer).await.is_err() {
        // Nobody is dialled without a row. The conversation goes on with its next stream.
        tracing::error!(call.sid = call_sid.as_str(), "a transfer could not be written down");
        return;
    }
    tracing::info!(
        call.sid = call_sid.as_str(),
        call.destination = handover.destination,
        "the caller is handed to a person"
    );
    let Ok(Some(row)) = app.store.call(call_sid.as_str()).await else {
        return;
    };
    // A refusal is written down, and the conversation goes on with its next stream.
    let Ok(Some(document)) = asked(app, &row).await else {
        return;
    };
    let Some(rest) = &app.rest else { return };
    let Ok(twiml) = document.to_xml() else { return };
    match timeout(PATIENCE, rest.update_call(call_sid, &CallUpdate::Twiml(twiml))).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(call.sid = call_sid.as_str(), %error, "no transfer by REST; the stream's end does it");
        }
        Err(_) => tracing::warn!(
            call.sid = call_sid.as_str(),
            "no transfer by REST in time; the stream's end does it"
        ),
    }
}

/// Ends a call by REST; an ended one is a success. Where it fails, or there is no REST, the stream's end does it.
pub(crate) async fn end_call(app: &App, call_sid: &CallSid) {
    let Some(rest) = &app.rest else { return };
    match timeout(PATIENCE, rest.end_call(call_sid)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(call.sid = call_sid.as_str(), %error, "no end by REST; the stream's end does it");
        }
        Err(_) => tracing::warn!(
            call.sid = call_sid.as_str(),
            "no end by REST in time; the stream's end does it"
        ),
    }
}

/// The document that dials a destination; none when there is no such destination (any more), or the policy below every
/// door that dials says no.
async fn dial(app: &App, call: &CallRow, (destination, nth): (&str, usize)) -> Option<twiml::Response> {
    let Some(destination) = app.config.destinations.get(destination) else {
        app.metrics.refused(Refusal::DestinationUnknown);
        return None;
    };
    let granted = match grant(app, call, (destination, nth)).await {
        Ok(granted) => granted,
        Err(error) => {
            // The error's text names the reason, never the number.
            tracing::warn!(call.sid = call.call_sid, call.destination = destination.id, %error, "a transfer is not allowed");
            return None;
        }
    };
    // The person sees who calls. Who has no number of their own, or was called by us, is shown as our number.
    let shows_caller = call.direction == "inbound" && call.from_number.starts_with('+');
    Some(documents::dial(&DialDocument {
        public_url: &app.config.server.public_url,
        number: granted.permit.destination().e164(),
        ring: destination.ring,
        caller_id: (!shows_caller).then_some(ours(call)),
    }))
}

/// Asks the policy; a repetition is answered as the first time.
async fn grant(app: &App, call: &CallRow, (destination, nth): (&Destination, usize)) -> Result<Granted, DialError> {
    let key = format!("transfer:{}:{nth}", call.call_sid);
    let door = (Door::Transfer, destination.id.as_str());
    outbound::grant(
        app,
        door,
        (&call.call_sid, &key),
        (Some(ours(call)), &destination.number),
    )
    .await
}

/// Our number in a call.
fn ours(call: &CallRow) -> &str {
    if call.direction == "inbound" {
        &call.to_number
    } else {
        &call.from_number
    }
}

/// The document of a transfer that was written down and that Twilio wasn't told of by REST; none without such a
/// transfer. One to a destination that is gone, or may not be dialled, counts as unanswered.
pub(super) async fn asked(app: &App, call: &CallRow) -> Result<Option<twiml::Response>, StoreError> {
    let transfers = app.store.transfers(&call.call_sid).await?;
    let Some(transfer) = transfers.last().filter(|transfer| transfer.state == "asked") else {
        return Ok(None);
    };
    let document = dial(app, call, (&transfer.destination, transfers.len())).await;
    if document.is_none() {
        let before = transfers.iter().filter(|transfer| transfer.state == "unanswered");
        app.lately.nobody_answered(&call.call_sid, Some(before.count() + 1));
        app.store.transfer_ended(&call.call_sid, false, "refused").await?;
    }
    Ok(document)
}

/// Whether a call's caller is to be handed to a person of whom Twilio wasn't told by REST.
pub(super) async fn is_promised(app: &App, call_sid: &str) -> Result<bool, StoreError> {
    let transfers = app.store.transfers(call_sid).await?;
    Ok(transfers.last().is_some_and(|transfer| transfer.state == "asked"))
}

/// `POST /api/voice/transferred`: the person's leg has ended, or never came to stand.
pub(crate) async fn transferred(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Transferred, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, form)) => outcome(&app, &voice, &form).await,
            Err(refused) => refused,
        }
    })
    .await
}

/// What Twilio says here is the truth of the leg; the database, where it hangs or is gone, gets to know of it later.
async fn outcome(app: &Arc<App>, voice: &VoiceRequest, form: &Form) -> Response {
    let call_sid = voice.call_sid.as_str();
    let word = form.get("DialCallStatus").unwrap_or_default();
    // A person who hangs up while the summary is read has answered, and not been joined.
    let joined = form.get("DialBridged") != Some("false");
    let answered = matches!(word, "completed" | "answered") && joined;
    let word = DIAL_WORDS.iter().find(|known| **known == word).unwrap_or(&"other");
    let duration = form.get("DialCallDuration").map(str::to_owned);
    let task = tokio::spawn(keep_outcome(
        app.clone(),
        call_sid.to_owned(),
        (answered, word, duration),
    ));
    let kept = match timeout(webhook::STORE_PATIENCE, task).await {
        Ok(Ok(Ok(kept))) => Some(kept),
        // It goes on by itself, and a failure is counted by the store.
        _ => None,
    };
    if kept.map_or(answered, |kept| kept.answered) {
        app.lately.over(call_sid);
        return documents::respond(&documents::hangup());
    }
    app.lately.nobody_answered(call_sid, kept.map(|kept| kept.unanswered));
    // With nobody there, the conversation goes on.
    after::answer(app, voice, after::From::Person).await
}

/// What is on disk of a call's transfers.
#[derive(Debug, Clone, Copy)]
struct KeptOutcome {
    /// The last one was answered.
    answered: bool,
    /// How many were not.
    unanswered: usize,
}

/// Writes down what became of a leg. What is on disk already is not changed by a repetition.
async fn keep_outcome(
    app: Arc<App>,
    call_sid: String,
    (answered, word, duration): (bool, &'static str, Option<String>),
) -> Result<KeptOutcome, StoreError> {
    if let Err(error) = app.store.transfer_ended(&call_sid, answered, word).await {
        if answered {
            // Queued behind it.
            app.store.call_ended(&call_sid, EndReason::Transferred).await?;
        }
        return Err(error);
    }
    let transfers = app.store.transfers(&call_sid).await?;
    let kept = KeptOutcome {
        answered: transfers.last().is_some_and(|transfer| transfer.state == "answered"),
        unanswered: transfers
            .iter()
            .filter(|transfer| transfer.state == "unanswered")
            .count(),
    };
    if kept.answered {
        app.store.call_ended(&call_sid, EndReason::Transferred).await?;
    }
    settle(&app, &call_sid, &transfers, duration.as_deref()).await?;
    Ok(kept)
}

/// Tells what the person's leg took, so that no more is held back of what a day may cost.
async fn settle(
    app: &App,
    call_sid: &str,
    transfers: &[TransferRow],
    duration: Option<&str>,
) -> Result<(), StoreError> {
    let (Some(last), Some(call)) = (transfers.last(), app.store.call(call_sid).await?) else {
        return Ok(());
    };
    let Some(destination) = app.config.destinations.get(&last.destination) else {
        return Ok(());
    };
    if let Ok(granted) = grant(app, &call, (destination, transfers.len())).await {
        let seconds = duration.and_then(|text| text.parse().ok()).unwrap_or(0);
        app.store
            .dial_changed(&granted.row.id, DialChange::Lasted(seconds))
            .await?;
    }
    Ok(())
}

/// Twilio's words for the end of a dialled leg.
const DIAL_WORDS: [&str; 6] = ["completed", "answered", "busy", "no-answer", "failed", "canceled"];

/// `POST /api/voice/whisper`: a person has answered; before the caller is joined, they hear who it is.
pub(crate) async fn whisper(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Whisper, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => introduce(&app, &voice).await,
            Err(refused) => refused,
        }
    })
    .await
}

/// Without a summary the person is joined at once: better unprepared than not at all.
async fn introduce(app: &App, voice: &VoiceRequest) -> Response {
    let found = match &voice.parent_call_sid {
        Some(parent) => under_way(app, parent.as_str()).await,
        None => None,
    };
    let Some((call, transfer)) = found else {
        app.metrics.refused(Refusal::CallUnknown);
        return documents::respond(&twiml::Response::new());
    };
    let language = call.assistant.as_deref().and_then(|id| app.assistants.by_id(id));
    let language = language.map(|assistant| assistant.language).unwrap_or_default();
    documents::respond(&documents::whisper(&transfer.summary, language))
}

async fn under_way(app: &App, call_sid: &str) -> Option<(CallRow, TransferRow)> {
    let transfers = app.store.transfers(call_sid).await.ok()?;
    let transfer = transfers.into_iter().rfind(|transfer| transfer.state == "asked")?;
    Some((app.store.call(call_sid).await.ok()??, transfer))
}
