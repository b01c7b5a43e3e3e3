//! What a call's creation asks for, and what Twilio refuses of it.
//!
//! Source: Twilio's page "Call resource" and the error pages 21200, 21201, 21205, 21210, 21211, 21212, 21213, 21218,
//! 21262. Codes marked [G] are general knowledge.

use talia_twilio::form::Form;

use super::{
    Api,
    answer::{Answer, bad},
    calls::MAX_TWIML,
};
use crate::{
    account::target,
    outbound::{Detection, Entry, OutboundPlan},
    people::is_number,
    status::Subscription,
    twiml::Target,
    webhook::Method,
};

const NO_TO: u16 = 21_201;
const NO_FROM: u16 = 21_213;
const INVALID_URL: u16 = 21_205;
const FROM_NOT_VERIFIED: u16 = 21_210;
const INVALID_TO: u16 = 21_211;
const INVALID_FROM: u16 = 21_212;
const INVALID_APPLICATION: u16 = 21_218;
const NO_AMD_CALLBACK: u16 = 21_262;
/// A parameter without sense [G].
const INVALID_PARAMETER: u16 = 20_001;

/// How long it rings, in seconds: as default and at most.
const TIMEOUT_S: u64 = 60;
const MAX_TIMEOUT_S: u64 = 600;
/// Longest call, in seconds.
const MAX_TIME_LIMIT_S: u64 = 14_400;
/// How long detection takes, in seconds: as default, at least and at most.
const DETECTION_S: u64 = 30;
const DETECTION_RANGE_S: std::ops::RangeInclusive<u64> = 3..=59;
const MAX_SEND_DIGITS: usize = 32;

/// Who rings, who is rung, and how.
pub(super) fn read(api: &Api, form: &Form) -> Result<(String, String, OutboundPlan), Answer> {
    let to = given(form, "To").ok_or_else(|| bad(NO_TO, "No 'To' number is specified"))?;
    let from = given(form, "From").ok_or_else(|| bad(NO_FROM, "Caller phone number is required"))?;
    if !(is_number(to) || to.starts_with("client:") || to.starts_with("sip:")) {
        return Err(bad(INVALID_TO, "The 'To' number is not a valid phone number."));
    }
    if !(is_number(from) || from.starts_with("client:") || from.starts_with("sip:")) {
        return Err(bad(INVALID_FROM, "The 'From' number is not a valid phone number."));
    }
    if is_number(from) && !api.carrier.account().may_show(from) {
        return Err(bad(
            FROM_NOT_VERIFIED,
            "The source phone number provided is not yet verified",
        ));
    }
    let (entry, fallback, status) = document(api, form)?;
    let plan = OutboundPlan {
        entry,
        fallback,
        status,
        timeout_ms: 1_000 * number(form, "Timeout", 0..=MAX_TIMEOUT_S)?.unwrap_or(TIMEOUT_S),
        time_limit_ms: number(form, "TimeLimit", 1..=MAX_TIME_LIMIT_S)?.map(|seconds| seconds * 1_000),
        detection: detection(form)?,
        send_digits: send_digits(form)?,
        queue_ms: 0,
        person: api.carrier.person(to),
    };
    Ok((from.to_owned(), to.to_owned(), plan))
}

/// Where the call's documents come from and its progress goes. Twilio takes several of `Url`, `Twiml` and
/// `ApplicationSid` and silently prefers one; here that is refused, because a server that sends two is mistaken.
fn document(api: &Api, form: &Form) -> Result<(Entry, Option<Target>, Subscription), Answer> {
    match (given(form, "Url"), given(form, "Twiml"), given(form, "ApplicationSid")) {
        (None, None, Some(sid)) => {
            let app = api.carrier.account().application(sid);
            let hooks = app
                .ok_or_else(|| bad(INVALID_APPLICATION, "Invalid ApplicationSid"))?
                .hooks;
            let voice = target(&hooks.voice_url, hooks.voice_method)
                .ok_or_else(|| bad(INVALID_URL, "The application has no VoiceUrl"))?;
            let fallback = target(&hooks.fallback_url, hooks.fallback_method);
            let status = target(&hooks.status_callback, hooks.status_method);
            Ok((Entry::Fetch(voice), fallback, Subscription::of_number(status, false)))
        }
        (Some(_), None, None) => {
            let voice = url(form, "Url", "Method")?.ok_or_else(|| bad(INVALID_URL, "Url is required"))?;
            let fallback = url(form, "FallbackUrl", "FallbackMethod")?;
            Ok((Entry::Fetch(voice), fallback, subscription(form)?))
        }
        (None, Some(twiml), None) if twiml.chars().count() <= MAX_TWIML => {
            let fallback = url(form, "FallbackUrl", "FallbackMethod")?;
            Ok((Entry::Inline(twiml.to_owned()), fallback, subscription(form)?))
        }
        (None, Some(_), None) => Err(bad(INVALID_PARAMETER, "Twiml is longer than 4000 characters")),
        (None, None, None) => Err(bad(INVALID_URL, "Url parameter is required.")),
        _ => Err(bad(
            INVALID_PARAMETER,
            "exactly one of Url, Twiml and ApplicationSid is needed",
        )),
    }
}

fn subscription(form: &Form) -> Result<Subscription, Answer> {
    let target = url(form, "StatusCallback", "StatusCallbackMethod")?;
    let events = form.fields().iter().filter(|(name, _)| name == "StatusCallbackEvent");
    Subscription::of_events(target, events.map(|(_, event)| event.as_str()))
        .ok_or_else(|| bad(INVALID_PARAMETER, "StatusCallbackEvent is unknown"))
}

fn detection(form: &Form) -> Result<Option<Detection>, Answer> {
    let to_end = match given(form, "MachineDetection") {
        None => return Ok(None),
        Some("Enable") => false,
        Some("DetectMessageEnd") => true,
        Some(_) => return Err(bad(INVALID_PARAMETER, "MachineDetection is Enable or DetectMessageEnd")),
    };
    let timeout_s = number(form, "MachineDetectionTimeout", DETECTION_RANGE_S)?.unwrap_or(DETECTION_S);
    let callback = if given(form, "AsyncAmd") == Some("true") {
        let callback = url(form, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod")?;
        Some(callback.ok_or_else(|| bad(NO_AMD_CALLBACK, "AsyncAmdStatusCallback is required"))?)
    } else {
        None
    };
    Ok(Some(Detection {
        to_end,
        callback,
        timeout_ms: timeout_s * 1_000,
    }))
}

fn send_digits(form: &Form) -> Result<String, Answer> {
    let digits = given(form, "SendDigits").unwrap_or_default();
    let keys = digits.chars().all(|key| "0123456789*#wW".contains(key));
    if keys && digits.len() <= MAX_SEND_DIGITS {
        Ok(digits.to_owned())
    } else {
        Err(bad(INVALID_PARAMETER, "SendDigits are at most 32 of 0-9*#w"))
    }
}

fn given<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name).filter(|value| !value.is_empty())
}

fn number(form: &Form, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Answer> {
    let Some(text) = given(form, name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    let number = number.ok_or_else(|| bad(INVALID_PARAMETER, &format!("{name} is out of range")))?;
    Ok(Some(number))
}

/// An absolute URL of `http` or `https`, with the method that stands beside it.
fn url(form: &Form, name: &str, method: &str) -> Result<Option<Target>, Answer> {
    let Some(text) = given(form, name) else { return Ok(None) };
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // Twilio dials no host whose name has an underscore.
    let usable = host
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default())
        .is_some_and(|host| !host.is_empty() && !host.contains('_'));
    if !usable {
        return Err(bad(INVALID_URL, &format!("{name} is not a valid URL")));
    }
    let method = match given(form, method) {
        None => Method::Post,
        Some(word) if ["GET", "POST"].iter().any(|known| word.eq_ignore_ascii_case(known)) => Method::parse(Some(word)),
        Some(_) => return Err(bad(INVALID_PARAMETER, &format!("{method} is GET or POST"))),
    };
    Ok(Some(Target {
        url: text.to_owned(),
        method,
    }))
}
