//! `POST /api/voice/outbound`: the Voice URL of the TwiML App. A person calls out from a browser.
//!
//! The identity is trustworthy (Twilio has checked our token), the number is not: it is whatever the browser sent, and
//! meets the same policy as everything else.

use super::{DialError, Granted, grant};
use crate::app::App;
use crate::dialing::{Denial, Door};
use crate::line::documents::{self, BrowserCall};
use crate::line::webhook;
use crate::store::{DialChange, StoreError};
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::access_token::LONGEST_IDENTITY;
use talia_twilio::form::Form;
use talia_twilio::webhook::{StatusCallback, VoiceRequest};
use tokio::time::timeout;

const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// Joins a browser with the number that it wants, if that may be dialled.
pub(crate) async fn browser(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    webhook::timed(&app, Webhook::Browser, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, _)) => join(&app, &voice).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn join(app: &App, voice: &VoiceRequest) -> Response {
    // Only our own tokens make a client; a telephone that reaches this URL was misconfigured or misled.
    let named = |name: &&str| (1..=LONGEST_IDENTITY).contains(&name.len());
    let Some(identity) = voice.from.strip_prefix("client:").filter(named) else {
        return refuse(app, Refusal::NotAClient);
    };
    if app.draining.is_cancelled() {
        return refuse(app, Refusal::Draining);
    }
    let call_sid = voice.call_sid.as_str();
    let granting = grant(
        app,
        (Door::Browser, identity),
        (call_sid, call_sid),
        (app.config.dialing.from.as_deref(), &voice.to),
    );
    match timeout(STORE_PATIENCE, granting).await {
        Ok(Ok(Granted { permit, row })) => {
            let call = BrowserCall {
                public_url: &app.config.server.public_url,
                id: &row.id,
                caller_id: &row.from_number,
                time_limit: app.config.dialing.time_limit,
                ring_s: app.config.dialing.ring_s,
            };
            documents::respond(&documents::browser_call(&permit, &call))
        }
        // Counted where it was denied.
        Ok(Err(DialError::Denied(denial))) => documents::respond(&documents::denied(why(denial))),
        Ok(Err(DialError::KeyReused)) => refuse(app, Refusal::Replayed),
        Ok(Err(DialError::NotConfigured)) => refuse(app, Refusal::DialingNotConfigured),
        Ok(Err(_)) | Err(_) => refuse(app, Refusal::StoreUnavailable),
    }
}

/// What the person hears.
fn why(denial: Denial) -> &'static str {
    match denial {
        Denial::DoNotCall => "Esa persona pidió que no la llamemos.",
        Denial::Hours | Denial::TimeZone => "A esta hora no se puede llamar a ese número.",
        Denial::CapPerHour | Denial::CapPerDay | Denial::CapPerPrefix | Denial::CapCost => {
            "Se alcanzó el límite de llamadas. Intenta más tarde."
        }
        denial if denial.is_malformed() => "Ese número no existe o está incompleto.",
        _ => "No está permitido llamar a ese número.",
    }
}

fn refuse(app: &App, reason: Refusal) -> Response {
    app.metrics.refused(reason);
    documents::respond(&documents::denied("En este momento no se puede llamar."))
}

/// `POST /api/voice/outbound/after/{id}`: the dialled leg has ended; how long it lasted is what it cost.
pub(crate) async fn browser_after(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response {
    webhook::timed(&app, Webhook::BrowserAfter, async {
        match webhook::parsed(&app, request, VoiceRequest::read, |voice| &voice.account_sid).await {
            Ok((voice, form)) => keep(&app, &id, &voice, &form).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn keep(app: &App, id: &str, voice: &VoiceRequest, form: &Form) -> Response {
    // Without a duration nobody answered.
    let seconds = form.get("DialCallDuration").and_then(|text| text.parse().ok());
    let call_sid = voice.call_sid.as_str();
    if let Err(reason) = lasted(app, (id, call_sid), seconds.unwrap_or(0)).await {
        app.metrics.refused(reason);
    }
    documents::respond(&documents::hangup())
}

/// `POST /api/voice/outbound/leg/{id}`: the dialled leg has changed its state. Its end says how long it lasted, should the
/// other webhook never come.
pub(crate) async fn browser_leg(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response {
    webhook::timed(&app, Webhook::BrowserLeg, async {
        match webhook::parsed(&app, request, StatusCallback::read, |report| &report.account_sid).await {
            Ok((report, form)) => note(&app, &id, &report, &form).await,
            Err(refused) => refused,
        }
    })
    .await
}

async fn note(app: &App, id: &str, report: &StatusCallback, form: &Form) -> Response {
    if !report.call_status.is_terminal() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let parent = form.get("ParentCallSid").unwrap_or_default();
    let seconds = report.call_duration_s.and_then(|seconds| i64::try_from(seconds).ok());
    let status = match lasted(app, (id, parent), seconds.unwrap_or(0)).await {
        Ok(()) => return StatusCode::NO_CONTENT.into_response(),
        Err(Refusal::CallUnknown) => (Refusal::CallUnknown, StatusCode::NOT_FOUND),
        Err(Refusal::OutboundForeign) => (Refusal::OutboundForeign, StatusCode::FORBIDDEN),
        Err(reason) => (reason, StatusCode::SERVICE_UNAVAILABLE),
    };
    app.metrics.refused(status.0);
    status.1.into_response()
}

/// Keeps how long a browser's call lasted; the first to tell is believed.
async fn lasted(app: &App, (id, call_sid): (&str, &str), seconds: i64) -> Result<(), Refusal> {
    match app.store.outbound(id).await {
        Ok(Some(row)) if row.call_sid.as_deref() == Some(call_sid) => {}
        Ok(Some(_)) => return Err(Refusal::OutboundForeign),
        Ok(None) => return Err(Refusal::CallUnknown),
        Err(_) => return Err(Refusal::StoreUnavailable),
    }
    match app.store.dial_changed(id, DialChange::Lasted(seconds)).await {
        Ok(_) | Err(StoreError::Deferred) => Ok(()),
        Err(_) => Err(Refusal::StoreUnavailable),
    }
}
