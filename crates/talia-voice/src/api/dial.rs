//! `POST /api/voice/calls`: calls a person.

use super::body;
use super::idempotency;
use super::problem::Problem;
use crate::app::App;
use crate::brain::script::{Assistant, MAX_VALUE};
use crate::dialing::Denial;
use crate::http::Caller;
use crate::line::outbound::{CallOrder, DialError, dial};
use crate::store::{OutboundRow, OutboundState};
use crate::telemetry::labels::Refusal;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a consent may be in the future: clocks differ.
const SKEW_S: i64 = 300;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// E.164.
    to: String,
    /// The id of a conversation.
    assistant: String,
    /// What the call is about, as it may be said.
    purpose: Option<String>,
    /// Values for the gaps of the greeting.
    #[serde(default)]
    variables: BTreeMap<String, String>,
    consent: Option<Consent>,
}

/// Who agreed to be called, when and how. Kept with the call.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    who: String,
    /// ISO 8601 with an offset.
    when: Timestamp,
    how: String,
}

/// A call as the API shows it.
#[derive(Serialize)]
struct Made {
    id: String,
    call_sid: Option<String>,
    state: OutboundState,
    answered_by: Option<String>,
    created_at: String,
}

/// Calls a person: 201 with the CallSid, 202 while nobody knows whether Twilio took it.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = match read(&app, caller, &headers, body).await {
        Ok(order) => order,
        Err(problem) => return problem.into_response(),
    };
    // A program that goes away meanwhile doesn't leave a call in doubt: what was begun is done.
    let task = app.clone();
    let dialling = app.calls.spawn(async move { dial(&task, order).await });
    match dialling.await {
        Ok(Ok(row)) => answer(row),
        Ok(Err(error)) => refusal(&app, &error).into_response(),
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response(),
    }
}

async fn read(app: &App, caller: Caller, headers: &HeaderMap, body: Body) -> Result<CallOrder, Problem> {
    let key = idempotency::required(app, headers)?;
    let wanted: Wanted = body::read(app, headers, body).await?;
    let Some(assistant) = app.assistants.by_id(&wanted.assistant) else {
        app.metrics.refused(Refusal::ApiBody);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "assistant-unknown"));
    };
    check(assistant, &wanted).map_err(|(word, detail)| {
        app.metrics.refused(Refusal::ApiBody);
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, word).with(detail)
    })?;
    let now = app.clock.wall();
    let consent = wanted.consent.filter(|consent| is_told(consent, now));
    let consent = consent.and_then(|consent| serde_json::to_string(&consent).ok());
    Ok(CallOrder {
        asked_by: caller.0,
        key,
        to: wanted.to,
        assistant: wanted.assistant,
        purpose: wanted.purpose,
        variables: wanted.variables,
        consent,
    })
}

/// Whether the values are what the conversation can say.
fn check(assistant: &Assistant, wanted: &Wanted) -> Result<(), (&'static str, String)> {
    let fits = |text: &str| {
        let length = text.chars().count();
        (1..=MAX_VALUE).contains(&length) && !text.chars().any(|c| c.is_control() || c == '{' || c == '}')
    };
    let wrong = |name: &str| format!("«{name}» must have 1 to {MAX_VALUE} characters, none of them {{ or }}");
    if wanted.purpose.as_deref().is_some_and(|purpose| !fits(purpose)) {
        return Err(("purpose", wrong("purpose")));
    }
    let known = assistant
        .outbound
        .as_ref()
        .map_or(&[][..], |outbound| &outbound.variables);
    for (name, value) in &wanted.variables {
        // An unknown name is not repeated: it is whatever was sent.
        if !known.contains(name) {
            return Err((
                "variable-unknown",
                format!("this assistant knows: {}", known.join(", ")),
            ));
        }
        if !fits(value) {
            return Err(("variable", wrong(name)));
        }
    }
    if let Some(missing) = known.iter().find(|name| !wanted.variables.contains_key(*name)) {
        return Err(("variable-missing", format!("«{missing}» is missing")));
    }
    if assistant
        .outbound
        .as_ref()
        .is_some_and(crate::brain::script::Outbound::needs_purpose)
        && wanted.purpose.is_none()
    {
        return Err(("purpose", "the greeting of this assistant says the purpose".to_owned()));
    }
    Ok(())
}

/// Whether a consent says something.
fn is_told(consent: &Consent, now: Timestamp) -> bool {
    let said = |text: &str| !text.trim().is_empty() && text.chars().count() <= MAX_VALUE;
    said(&consent.who) && said(&consent.how) && consent.when.as_second() <= now.as_second() + SKEW_S
}

fn refusal(app: &App, error: &DialError) -> Problem {
    let counted = |reason, status, word| {
        app.metrics.refused(reason);
        Problem::new(status, word)
    };
    match error {
        DialError::NotConfigured => counted(
            Refusal::DialingNotConfigured,
            StatusCode::SERVICE_UNAVAILABLE,
            "not-configured",
        )
        .with(error.to_string()),
        DialError::Draining => counted(Refusal::Draining, StatusCode::SERVICE_UNAVAILABLE, "draining"),
        DialError::TooManyCalls => counted(Refusal::TooManyCalls, StatusCode::SERVICE_UNAVAILABLE, "too-many-calls"),
        DialError::KeyReused => counted(Refusal::KeyReused, StatusCode::UNPROCESSABLE_ENTITY, "key-reused"),
        DialError::Store(_) => counted(Refusal::StoreUnavailable, StatusCode::SERVICE_UNAVAILABLE, "store"),
        // Counted where it was denied.
        DialError::Denied(denial) => Problem::new(status_of(*denial), denial.as_str()),
    }
}

fn status_of(denial: Denial) -> StatusCode {
    match denial {
        Denial::CapPerHour | Denial::CapPerDay | Denial::CapPerPrefix | Denial::CapCost => {
            StatusCode::TOO_MANY_REQUESTS
        }
        denial if denial.is_malformed() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::FORBIDDEN,
    }
}

fn answer(row: OutboundRow) -> Response {
    let status = match row.state {
        OutboundState::Dialled => StatusCode::CREATED,
        OutboundState::Dialling | OutboundState::Unconfirmed => StatusCode::ACCEPTED,
        OutboundState::Failed => return failed(row.failure.as_deref().unwrap_or_default()).into_response(),
    };
    let made = Made {
        id: row.id,
        call_sid: row.call_sid,
        state: row.state,
        answered_by: row.answered_by,
        created_at: row.created_at,
    };
    (status, Json(made)).into_response()
}

/// What Twilio said, with its error's number: its page tells the operator what to do.
fn failed(failure: &str) -> Problem {
    let (word, code) = failure.split_once(' ').unwrap_or((failure, ""));
    let problem = match word {
        "twilio-refused" => Problem::new(StatusCode::BAD_GATEWAY, "twilio-refused"),
        "twilio-unauthorised" => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "twilio-unauthorised"),
        "never-dialled" => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "never-dialled"),
        _ => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "twilio-unavailable"),
    };
    if code.is_empty() {
        return problem;
    }
    problem.with(format!(
        "Twilio's error {code}: https://www.twilio.com/docs/api/errors/{code}"
    ))
}
