//! Calls out: asked for, judged, written down, dialled; and what Twilio says of them.

mod amd;
mod answer;
mod browser;
pub mod doubt;

pub(crate) use amd::amd;
pub(crate) use answer::answer;
pub(crate) use browser::{browser, browser_after, browser_leg};

use super::paths;
use crate::app::App;
use crate::brain::Errand;
use crate::config::MachineAnswer;
use crate::dialing::{Denial, Door, Permit};
use crate::store::{DialAnswer, DialChange, NewCall, NewDial, OutboundRow, StoreError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use talia_twilio::CallStatus;
use talia_twilio::rest::{Fault, Instructions, MachineDetection, NewCall as TwilioCall};
use thiserror::Error;

/// A call that the assistant is to make.
#[derive(Clone, PartialEq, Eq)]
pub struct CallOrder {
    /// The id of the API key.
    pub asked_by: String,
    /// Names the wish, so that it is done once.
    pub key: String,
    /// E.164, as it was asked for.
    pub to: String,
    /// The id of the conversation.
    pub assistant: String,
    /// What the call is about, as it may be said.
    pub purpose: Option<String>,
    /// Values for the gaps of the greeting.
    pub variables: BTreeMap<String, String>,
    /// JSON: who agreed, when, how; none when nobody did.
    pub consent: Option<String>,
}

/// Why a call wasn't made.
#[derive(Debug, Error)]
pub enum DialError {
    /// There is no account, or no number to show.
    #[error("calls out are not configured: twilio.account_sid and dialing.from are needed")]
    NotConfigured,
    /// The server is stopping.
    #[error("the server is stopping")]
    Draining,
    /// As many calls as may be are alive.
    #[error("too many calls are alive")]
    TooManyCalls,
    /// The policy says no.
    #[error("the number may not be dialled: {}", .0.as_str())]
    Denied(Denial),
    /// Another wish has used the key.
    #[error("the idempotency key was used for another call")]
    KeyReused,
    /// Nothing was dialled because nothing could be written.
    #[error("the call can't be written down")]
    Store(#[from] StoreError),
}

/// Makes a call, once per key; answers the row as it stands after that.
///
/// The row is on disk before Twilio is asked. When Twilio's answer is lost the row says `unconfirmed`, and [`doubt`] finds
/// out; nothing is ever dialled a second time.
pub async fn dial(app: &App, order: CallOrder) -> Result<OutboundRow, DialError> {
    if app.draining.is_cancelled() {
        return Err(DialError::Draining);
    }
    if app.live.count() >= app.config.limits.max_calls {
        return Err(DialError::TooManyCalls);
    }
    let (Some(rest), Some(from)) = (&app.rest, from_number(app, &order.assistant)) else {
        return Err(DialError::NotConfigured);
    };
    let now = app.clock.wall();
    let request_sha256 = fingerprint(&order);
    let verdict = match &order.consent {
        // Said before the number is looked at: a wish without consent is no wish.
        None => Err(Denial::Consent),
        Some(_) => app.config.dialing.policy.judge(&order.to, now),
    };
    let permit = verdict.clone();
    let wish = NewDial {
        door: Door::Api,
        asked_by: order.asked_by,
        key: Some(order.key),
        request_sha256,
        to: order.to,
        verdict,
        from,
        assistant: Some(order.assistant),
        purpose: order.purpose,
        variables: serde_json::to_string(&order.variables).unwrap_or_else(|_| "{}".to_owned()),
        consent: order.consent,
        call_sid: None,
        at: now,
    };
    let row = match app.store.ask_to_dial(wish).await? {
        DialAnswer::Admitted(row) => row,
        DialAnswer::Known(row) => return Ok(row),
        DialAnswer::KeyReused => return Err(DialError::KeyReused),
        DialAnswer::Denied(denial) => return Err(denied(app, denial)),
    };
    // The row was admitted, so there is a permit.
    let permit = permit.map_err(|denial| denied(app, denial))?;
    let made = rest.create_call(&permit, &twilio_call(app, &row)).await;
    let change = match made {
        Ok(call) => {
            let call_sid = call.sid.as_str().to_owned();
            app.lately.dialled(OutboundRow {
                call_sid: Some(call_sid.clone()),
                ..row.clone()
            });
            begun(app, &row, &call_sid).await;
            DialChange::Dialled(call_sid)
        }
        Err(error) => {
            tracing::warn!(outbound.id = row.id, %error, "a call out could not be made");
            let code = error.twilio_says().and_then(|(code, _)| code);
            let failed = |reason, passes| DialChange::Failed { reason, code, passes };
            match error.fault() {
                Fault::UnknownOutcome => DialChange::Unconfirmed,
                Fault::RateLimited => failed("twilio-unavailable", true),
                Fault::Unauthorised => failed("twilio-unauthorised", true),
                Fault::NotFound | Fault::CallOver | Fault::Refused => failed("twilio-refused", false),
            }
        }
    };
    // Deferred is written later; until then the row is in doubt, which is safe.
    let _ = app.store.dial_changed(&row.id, change).await;
    let stands = app.store.outbound(&row.id).await?;
    Ok(stands.unwrap_or(row))
}

fn denied(app: &App, denial: Denial) -> DialError {
    app.metrics.dial_denied(denial);
    DialError::Denied(denial)
}

/// The number that is shown: the assistant's own, or the usual one.
fn from_number(app: &App, assistant: &str) -> Option<String> {
    let own = app.assistants.by_id(assistant).and_then(|found| found.answers.first());
    own.cloned().or_else(|| app.config.dialing.from.clone())
}

/// What makes two wishes the same.
fn fingerprint(order: &CallOrder) -> [u8; 32] {
    let whole = serde_json::json!([order.to, order.assistant, order.purpose, order.variables, order.consent]);
    Sha256::digest(whole.to_string()).into()
}

fn twilio_call(app: &App, row: &OutboundRow) -> TwilioCall {
    let dialing = &app.config.dialing;
    let url = |path: &str| app.config.server.public_url.http(path);
    TwilioCall {
        from: row.from_number.clone(),
        instructions: Instructions::Url(url(&format!("{}/{}", paths::OUTBOUND_ANSWER, row.id))),
        status_callback: Some(url(paths::STATUS)),
        timeout_s: Some(dialing.ring_s),
        time_limit_s: Some(u32::try_from(dialing.time_limit.as_secs()).unwrap_or(u32::MAX)),
        machine_detection: Some(MachineDetection {
            message_end: matches!(dialing.machine, MachineAnswer::Message(_)),
            callback: url(&format!("{}/{}", paths::AMD, row.id)),
            timeout_s: None,
        }),
    }
}

/// Why a call was made, as its conversation needs it.
pub(super) fn errand(row: &OutboundRow) -> Errand {
    Errand {
        purpose: row.purpose.clone(),
        variables: serde_json::from_str(&row.variables).unwrap_or_default(),
    }
}

/// Keeps the call's own row from the moment that Twilio has it, so that a call that nobody answers has one too.
async fn begun(app: &App, row: &OutboundRow, call_sid: &str) {
    let account = app.rest.as_ref().map_or("", |rest| rest.account().as_str());
    let call = NewCall {
        call_sid: call_sid.to_owned(),
        account_sid: account.to_owned(),
        from: row.from_number.clone(),
        to: row.to_number.clone(),
        direction: "outbound-api".to_owned(),
        assistant: row.assistant.clone(),
        status: CallStatus::Queued,
        at: app.clock.wall(),
    };
    // A failure is counted by the store; the webhook of the answer writes the same row.
    let _ = app.store.call_started(call).await;
}

/// A permit for a number that isn't dialled by the API but by a document: judged, written down and audited the same way.
pub(crate) struct Granted {
    pub(crate) permit: Permit,
    pub(crate) row: OutboundRow,
}

/// Asks to dial from within a call that is alive: a browser's, or a caller's who wants a person. `key` names the wish, so
/// that a repeated webhook gets the same answer.
pub(crate) async fn grant(
    app: &App,
    (door, asked_by): (Door, &str),
    (call_sid, key): (&str, &str),
    (from, to): (Option<&str>, &str),
) -> Result<Granted, DialError> {
    let Some(from) = from.map(str::to_owned) else {
        return Err(DialError::NotConfigured);
    };
    let now = app.clock.wall();
    let policy = &app.config.dialing.policy;
    let verdict = match door {
        // Whom callers are handed to has hours of its own, and was asked by its operator.
        Door::Transfer => policy.judge_at_any_hour(to),
        Door::Api | Door::Browser => policy.judge(to, now),
    };
    let permit = verdict.clone();
    let wish = NewDial {
        door,
        asked_by: asked_by.to_owned(),
        key: Some(key.to_owned()),
        request_sha256: Sha256::digest(to).into(),
        to: to.to_owned(),
        verdict,
        from,
        assistant: None,
        purpose: None,
        variables: "{}".to_owned(),
        consent: None,
        call_sid: Some(call_sid.to_owned()),
        at: now,
    };
    let row = match app.store.ask_to_dial(wish).await? {
        DialAnswer::Admitted(row) | DialAnswer::Known(row) => row,
        DialAnswer::KeyReused => return Err(DialError::KeyReused),
        DialAnswer::Denied(denial) => return Err(denied(app, denial)),
    };
    let permit = permit.map_err(|denial| denied(app, denial))?;
    Ok(Granted { permit, row })
}
