//! The account, its incoming numbers and its TwiML Apps, as a set-up reads and changes them.

use serde_json::{Value, json};
use talia_twilio::form::Form;

use super::{
    Api, Asked,
    answer::{Answer, bad},
    not_found,
    page::page,
};
use crate::{
    account::{Application, PhoneNumber, VoiceHooks},
    webhook::Method,
};

/// A URL or a method that can't be used; an app that isn't there [G].
const INVALID_URL: u16 = 21_402;
const INVALID_METHOD: u16 = 21_403;
const INVALID_APPLICATION: u16 = 21_218;

pub(super) fn fetch(api: &Api) -> Answer {
    let sid = api.carrier.settings().account_sid.as_str();
    let suspended = api.carrier.account().is_suspended();
    Answer::ok(json!({
        "sid": sid,
        "friendly_name": "TalIA",
        "status": if suspended { "suspended" } else { "active" },
        "type": "Full",
        "owner_account_sid": sid,
        "uri": format!("/2010-04-01/Accounts/{sid}.json"),
    }))
}

pub(super) fn list_numbers(api: &Api, asked: &Asked) -> Answer {
    let wanted = asked.query.get("PhoneNumber").unwrap_or_default();
    let numbers = api.carrier.account().numbers();
    // A part of a number finds it too.
    let found = numbers.iter().filter(|known| known.number.contains(wanted));
    let all: Vec<Value> = found.map(|known| number_json(api, known)).collect();
    Answer::ok(page(asked, "incoming_phone_numbers", &all))
}

pub(super) fn fetch_number(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    Ok(Answer::ok(number_json(api, &number(api, asked)?)))
}

pub(super) fn update_number(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let mut known = number(api, asked)?;
    change(&mut known.hooks, &asked.form)?;
    if let Some(name) = asked.form.get("FriendlyName") {
        name.clone_into(&mut known.friendly_name);
    }
    if let Some(sid) = asked.form.get("VoiceApplicationSid") {
        if !sid.is_empty() && api.carrier.account().application(sid).is_none() {
            return Err(bad(INVALID_APPLICATION, "Invalid ApplicationSid"));
        }
        sid.clone_into(&mut known.application_sid);
    }
    let shown = number_json(api, &known);
    api.carrier.account().put_number(known);
    Ok(Answer::ok(shown))
}

fn number(api: &Api, asked: &Asked) -> Result<PhoneNumber, Answer> {
    let numbers = api.carrier.account().numbers();
    numbers
        .into_iter()
        .find(|known| known.sid == asked.named)
        .ok_or_else(not_found)
}

pub(super) fn list_applications(api: &Api, asked: &Asked) -> Answer {
    let wanted = asked.query.get("FriendlyName");
    let apps = api.carrier.account().applications();
    let found = apps
        .iter()
        .filter(|app| wanted.is_none_or(|wanted| app.friendly_name == wanted));
    let all: Vec<Value> = found.map(|app| application_json(api, app)).collect();
    Answer::ok(page(asked, "applications", &all))
}

pub(super) fn create_application(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let mut hooks = VoiceHooks::default();
    change(&mut hooks, &asked.form)?;
    let name = asked.form.get("FriendlyName").unwrap_or_default();
    let made = api.carrier.account().add_application(name, hooks);
    Ok(Answer::created(application_json(api, &made)))
}

pub(super) fn fetch_application(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    Ok(Answer::ok(application_json(api, &application(api, asked)?)))
}

pub(super) fn update_application(api: &Api, asked: &Asked) -> Result<Answer, Answer> {
    let mut known = application(api, asked)?;
    change(&mut known.hooks, &asked.form)?;
    if let Some(name) = asked.form.get("FriendlyName") {
        name.clone_into(&mut known.friendly_name);
    }
    let shown = application_json(api, &known);
    api.carrier.account().put_application(known);
    Ok(Answer::ok(shown))
}

fn application(api: &Api, asked: &Asked) -> Result<Application, Answer> {
    api.carrier.account().application(&asked.named).ok_or_else(not_found)
}

/// Takes what the form gives; what it doesn't name stays, and an empty value empties.
fn change(hooks: &mut VoiceHooks, form: &Form) -> Result<(), Answer> {
    for (name, place) in [
        ("VoiceUrl", &mut hooks.voice_url),
        ("VoiceFallbackUrl", &mut hooks.fallback_url),
        ("StatusCallback", &mut hooks.status_callback),
    ] {
        if let Some(url) = form.get(name) {
            if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(bad(INVALID_URL, &format!("{name} is not a valid URL")));
            }
            url.clone_into(place);
        }
    }
    for (name, place) in [
        ("VoiceMethod", &mut hooks.voice_method),
        ("VoiceFallbackMethod", &mut hooks.fallback_method),
        ("StatusCallbackMethod", &mut hooks.status_method),
    ] {
        match form.get(name) {
            None => {}
            Some(word) if word.eq_ignore_ascii_case("get") => *place = Method::Get,
            Some(word) if word.eq_ignore_ascii_case("post") => *place = Method::Post,
            Some(_) => return Err(bad(INVALID_METHOD, &format!("{name} is GET or POST"))),
        }
    }
    Ok(())
}

fn number_json(api: &Api, known: &PhoneNumber) -> Value {
    let account = api.carrier.settings().account_sid.as_str();
    let mut body = hooks_json(&known.hooks);
    body["sid"] = json!(known.sid);
    body["account_sid"] = json!(account);
    body["phone_number"] = json!(known.number);
    body["friendly_name"] = json!(known.friendly_name);
    body["voice_application_sid"] = json!(known.application_sid);
    body["voice_receive_mode"] = json!("voice");
    body["trunk_sid"] = Value::Null;
    body["capabilities"] = json!({"voice": true, "sms": true, "mms": false, "fax": false});
    body["uri"] = json!(format!(
        "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{}.json",
        known.sid
    ));
    body
}

fn application_json(api: &Api, app: &Application) -> Value {
    let account = api.carrier.settings().account_sid.as_str();
    let mut body = hooks_json(&app.hooks);
    body["sid"] = json!(app.sid);
    body["account_sid"] = json!(account);
    body["friendly_name"] = json!(app.friendly_name);
    body["uri"] = json!(format!("/2010-04-01/Accounts/{account}/Applications/{}.json", app.sid));
    body
}

fn hooks_json(hooks: &VoiceHooks) -> Value {
    let method = |method| match method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    json!({
        "api_version": "2010-04-01",
        "voice_url": hooks.voice_url,
        "voice_method": method(hooks.voice_method),
        "voice_fallback_url": hooks.fallback_url,
        "voice_fallback_method": method(hooks.fallback_method),
        "status_callback": hooks.status_callback,
        "status_callback_method": method(hooks.status_method),
    })
}
