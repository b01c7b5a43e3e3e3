//! The Call resource: create, list, fetch, update.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use talia_twilio::{
    CallSid,
    error_codes::{CALL_NOT_IN_PROGRESS, TOO_MANY_REQUESTS},
    form::Form,
};

use super::{
    Api, Asked,
    answer::{Answer, bad, refuse},
    create, not_found,
    page::page,
};
use crate::{
    call::Control, carrier::UpdateError, records::CallRecord, twiml::Target, wall_clock::rfc2822, webhook::Method,
};

/// Longest TwiML of a request, in characters.
pub(super) const MAX_TWIML: usize = 4_000;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A parameter that can't be used [G].
const INVALID: u16 = 21_218;

pub(super) fn create(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let (from, to, plan) = create::read(api, &asked.form)?;
    let known = api.carrier.call_out((&from, &to), plan);
    Ok(Answer::created(call_json(api, &known)))
}

pub(super) fn fetch(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let known = api.carrier.call(&asked.named).ok_or_else(not_found)?;
    Ok(Answer::ok(call_json(api, &known)))
}

/// The newest call first. A queued call counts by the time it was made known [G].
pub(super) fn list(api: &Api, asked: &Asked) -> Answer {
    let mut calls = api.carrier.calls();
    calls.retain(|call| {
        asked
            .query
            .fields()
            .iter()
            .all(|(field, wanted)| fits(call, field, wanted))
    });
    calls.reverse();
    let all: Vec<Value> = calls.iter().map(|call| call_json(api, call)).collect();
    Answer::ok(page(asked, "calls", &all))
}

fn fits(call: &CallRecord, field: &str, wanted: &str) -> bool {
    let began = call.started.unwrap_or(call.created);
    match field {
        "To" => call.to == wanted,
        "From" => call.from == wanted,
        "Status" => call.status.as_str() == wanted,
        "ParentCallSid" => call.parent.as_ref().is_some_and(|parent| parent.as_str() == wanted),
        "StartTime" | "StartTime<" | "StartTime>" => within(began, field, wanted),
        "EndTime" | "EndTime<" | "EndTime>" => call.ended.is_some_and(|ended| within(ended, field, wanted)),
        _ => true,
    }
}

/// Compares a time with a date (`2026-11-24`, UTC) or a moment (`2026-11-24T11:00:00Z`); bounds belong to the range.
/// A value that is neither filters nothing [G].
fn within(time: Timestamp, field: &str, wanted: &str) -> bool {
    let (from, to) = if let Ok(midnight) = format!("{wanted}T00:00:00Z").parse::<Timestamp>() {
        (midnight, midnight.saturating_add(DAY).unwrap_or(midnight))
    } else if let Ok(moment) = wanted.parse::<Timestamp>() {
        (moment, moment)
    } else {
        return true;
    };
    match field.as_bytes().last() {
        Some(b'<') => time <= to,
        Some(b'>') => time >= from,
        _ => time >= from && time <= to,
    }
}

pub(super) fn update(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let control = control(&asked.form).map_err(|reason| bad(INVALID, reason))?;
    let status = (control == Control::Complete).then_some("completed");
    match api.carrier.update(&asked.named, control) {
        Ok(()) => {
            let known = api.carrier.call(&asked.named).ok_or_else(not_found)?;
            let mut body = call_json(api, &known);
            if let Some(status) = status {
                body["status"] = json!(status);
            }
            Ok(Answer::ok(body))
        }
        Err(UpdateError::Unknown) => Err(not_found()),
        Err(UpdateError::Over) => Err(bad(CALL_NOT_IN_PROGRESS, "Call is not in-progress. Cannot redirect.")),
        Err(UpdateError::Leg) => Err(refuse(
            StatusCode::NOT_IMPLEMENTED,
            INVALID,
            "the simulator can't redirect a dialled leg",
        )),
        Err(UpdateError::Busy) => Err(refuse(
            StatusCode::TOO_MANY_REQUESTS,
            TOO_MANY_REQUESTS,
            "Too Many Requests",
        )),
    }
}

fn control(form: &Form) -> Result<Control, &'static str> {
    match (form.get("Status"), form.get("Url"), form.get("Twiml")) {
        (Some("completed"), None, None) => Ok(Control::Complete),
        (Some("canceled"), None, None) => Ok(Control::Cancel),
        (None, Some(url), None) if url.contains("://") => Ok(Control::Url(Target {
            url: url.to_owned(),
            method: Method::parse(form.get("Method")),
        })),
        (None, None, Some(twiml)) if twiml.chars().count() <= MAX_TWIML => Ok(Control::Twiml(twiml.to_owned())),
        (None, None, Some(_)) => Err("Twiml is longer than 4000 characters"),
        _ => Err("exactly one of Status, Url and Twiml is needed"),
    }
}

/// The call as the API shows it. Numbers are texts; times are RFC 2822.
fn call_json(api: &Api, call: &CallRecord) -> Value {
    let account = api.carrier.settings().account_sid.as_str();
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}.json", call.sid);
    json!({
        "sid": call.sid.as_str(),
        "account_sid": account,
        "api_version": "2010-04-01",
        "parent_call_sid": call.parent.as_ref().map(CallSid::as_str),
        "direction": call.direction.as_str(),
        "from": call.from,
        "from_formatted": call.from,
        "to": call.to,
        "to_formatted": call.to,
        "status": call.status.as_str(),
        "answered_by": call.answered_by,
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(call.ended.or(call.started).unwrap_or(call.created)),
        "start_time": call.started.map(rfc2822),
        "end_time": call.ended.map(rfc2822),
        "duration": call.duration_s.map(|seconds| seconds.to_string()),
        "queue_time": call.queue_ms.to_string(),
        "price": null,
        "price_unit": "USD",
        "caller_name": null,
        "forwarded_from": null,
        "group_sid": null,
        "phone_number_sid": null,
        "trunk_sid": null,
        "annotation": null,
        "uri": uri,
    })
}
