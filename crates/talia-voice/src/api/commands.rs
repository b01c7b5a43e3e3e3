//! Commands to a live call: `POST /api/voice/calls/{sid}/hang-up`, `…/transfer`, `…/say`.

use super::body;
use super::idempotency;
use super::named::Named;
use super::problem::Problem;
use crate::app::App;
use crate::control::{self, ControlError, Wish};
use crate::http::Caller;
use crate::line::{CallCommand, Declined};
use crate::telemetry::labels::Refusal;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::sync::Arc;

/// The longest text that TalIA is given to say, characters: half a minute.
const LONGEST_TEXT: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HangUp {
    /// TalIA says goodbye first.
    #[serde(default = "yes")]
    goodbye: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    /// An id of the configuration.
    destination: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Say {
    text: String,
}

fn yes() -> bool {
    true
}

/// Ends the call.
pub(super) async fn hang_up(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Named(call_sid): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let HangUp { goodbye } = body::read(&app, &headers, body).await?;
    give(&app, (caller, call_sid), &headers, CallCommand::HangUp { goodbye }).await
}

/// Hands the caller to a person.
pub(super) async fn transfer(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Named(call_sid): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Transfer { destination } = body::read(&app, &headers, body).await?;
    give(
        &app,
        (caller, call_sid),
        &headers,
        CallCommand::Transfer { destination },
    )
    .await
}

/// Has TalIA say something.
pub(super) async fn say(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Named(call_sid): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Say { text } = body::read(&app, &headers, body).await?;
    let text = text.trim().to_owned();
    let is_said = text.chars().any(char::is_alphanumeric) && !text.chars().any(char::is_control);
    if !is_said || text.chars().count() > LONGEST_TEXT {
        app.metrics.refused(Refusal::ApiBody);
        let what = format!("«text» must have 1 to {LONGEST_TEXT} characters that can be said, in one line");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "text").with(what));
    }
    give(&app, (caller, call_sid), &headers, CallCommand::Say { text }).await
}

/// 202: the call has it, and does it as soon as it can.
async fn give(
    app: &Arc<App>,
    (caller, call_sid): (Caller, String),
    headers: &HeaderMap,
    command: CallCommand,
) -> Result<StatusCode, Problem> {
    let wish = Wish {
        call_sid,
        command,
        key: idempotency::key(app, headers)?,
        by: caller.0,
    };
    // A program that goes away meanwhile doesn't leave it half done.
    let task = app.clone();
    let giving = tokio::spawn(async move { control::command(&task, wish).await });
    match giving.await {
        Ok(Ok(())) => Ok(StatusCode::ACCEPTED),
        Ok(Err(error)) => Err(problem(app, error)),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")),
    }
}

fn problem(app: &App, error: ControlError) -> Problem {
    let detail = error.to_string();
    match error {
        ControlError::Unknown => Problem::not_found(),
        ControlError::Over => Problem::new(StatusCode::CONFLICT, "over").with(detail),
        ControlError::Elsewhere => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "elsewhere").with(detail),
        ControlError::Unreachable => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "node-unreachable").with(detail),
        ControlError::Unconfirmed => Problem::new(StatusCode::GATEWAY_TIMEOUT, "unconfirmed").with(detail),
        ControlError::Store(error) => Problem::unavailable(app, &error),
        ControlError::Declined(declined) => {
            app.metrics.refused(Refusal::CommandDeclined);
            match declined {
                Declined::NotLive => {
                    Problem::new(StatusCode::CONFLICT, "not-live").with("nobody is on the line of this call")
                }
                Declined::Ending => Problem::new(StatusCode::CONFLICT, "ending").with("the call is about to end"),
                Declined::TooMany => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-commands"),
                Declined::DestinationUnknown => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "destination-unknown"),
                Declined::DestinationClosed => {
                    Problem::new(StatusCode::CONFLICT, "destination-closed").with("nobody is there at this hour")
                }
                Declined::NoAnswer => Problem::new(StatusCode::GATEWAY_TIMEOUT, "unconfirmed"),
                // Another node runs another version.
                Declined::Unreadable => Problem::new(StatusCode::BAD_GATEWAY, "node-unreadable"),
            }
        }
    }
}
