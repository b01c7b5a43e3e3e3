//! The TwiML that we answer with.

use super::paths;
use crate::config::PublicUrl;
use crate::dialing::Permit;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::num::NonZeroU32;
use std::time::Duration;
use talia_spanish::Language;
use talia_twilio::twiml::{self, CONTENT_TYPE, Connect, Dial, Method, Number, Say, Stream, TwimlError};

/// What Twilio says in our place when we can't take a call. Plain words: the caller did nothing wrong.
const APOLOGY: &str = "Disculpa, en este momento no podemos atender tu llamada. Por favor, vuelve a llamar en unos \
                       minutos. Gracias.";

/// The stream that a document joins the call to.
pub(super) struct StreamDocument<'a> {
    pub(super) public_url: &'a PublicUrl,
    pub(super) token: &'a str,
    pub(super) call_sid: &'a str,
    pub(super) assistant: &'a str,
}

/// Joins the call to a media stream; when that ends, Twilio asks [`paths::AFTER`] what to do, by the action or, should
/// the stream never come to stand, by the verb behind it.
pub(super) fn stream(document: &StreamDocument<'_>) -> twiml::Response {
    let url = |path: &str| document.public_url.http(path);
    let stream = Stream {
        url: document.public_url.ws(&format!("{}/{}", paths::STREAM, document.token)),
        name: None,
        status_callback: Some(url(paths::STREAM_STATUS)),
        parameters: vec![
            ("call_sid".to_owned(), document.call_sid.to_owned()),
            ("assistant".to_owned(), document.assistant.to_owned()),
        ],
    };
    let connect = Connect {
        action: Some((patiently(&url(paths::AFTER)), Method::Post)),
        stream,
    };
    twiml::Response::new()
        .connect(connect)
        .redirect(patiently(&url(paths::AFTER)), Method::Post)
}

/// The person that a document dials.
pub(super) struct DialDocument<'a> {
    pub(super) public_url: &'a PublicUrl,
    /// E.164.
    pub(super) number: &'a str,
    pub(super) ring: Duration,
    /// What the person sees; `None`: the caller's own number.
    pub(super) caller_id: Option<&'a str>,
}

/// Dials a person, who hears [`paths::WHISPER`] before the caller is joined; then [`paths::TRANSFERRED`] says how to go
/// on.
pub(super) fn dial(document: &DialDocument<'_>) -> twiml::Response {
    let url = |path: &str| document.public_url.http(path);
    twiml::Response::new().dial(Dial {
        action: Some(patiently(&url(paths::TRANSFERRED))),
        caller_id: document.caller_id.map(str::to_owned),
        timeout_s: NonZeroU32::new(document.ring.as_secs() as u32),
        numbers: vec![Number {
            number: document.number.to_owned(),
            url: Some(url(paths::WHISPER)),
            status_callback: None,
        }],
        ..Dial::default()
    })
}

/// What a person hears before the caller is joined.
pub(super) fn whisper(summary: &str, language: Language) -> twiml::Response {
    let (voice, language) = match language {
        Language::Spanish => ("Polly.Mia-Neural", "es-MX"),
        Language::English => ("Polly.Joanna-Neural", "en-US"),
    };
    // A control character would make the document one that Twilio refuses.
    let text = summary.chars().filter(|c| !c.is_control()).collect();
    twiml::Response::new().say(Say {
        voice: Some(voice.to_owned()),
        language: Some(language.to_owned()),
        text,
    })
}

/// Has Twilio ask again for as long as it may (15 s in all) when this server is just being restarted. The fragment is
/// neither sent nor signed. Source: Twilio's "Webhooks (HTTP callbacks): connection overrides".
fn patiently(url: &str) -> String {
    format!("{url}#rc=5&rp=ct,rt,5xx&ct=2000&rt=5000&tt=15000")
}

/// An apology in Twilio's own voice, and the end.
pub(super) fn apology() -> twiml::Response {
    let say = Say {
        voice: Some("Polly.Mia-Neural".to_owned()),
        language: Some("es-MX".to_owned()),
        text: APOLOGY.to_owned(),
    };
    twiml::Response::new().say(say).hangup()
}

/// A message for an answering machine, in Twilio's own voice, and the end.
pub(super) fn message(text: &str, language: Language) -> twiml::Response {
    let (voice, code) = match language {
        Language::English => ("Polly.Joanna-Neural", "en-US"),
        Language::Spanish => ("Polly.Mia-Neural", "es-MX"),
    };
    let say = Say {
        voice: Some(voice.to_owned()),
        language: Some(code.to_owned()),
        text: text.to_owned(),
    };
    twiml::Response::new().say(say).hangup()
}

/// Why a browser's call isn't made, and the end.
pub(super) fn denied(text: &str) -> twiml::Response {
    message(text, Language::Spanish)
}

/// A browser's call to a number.
pub(super) struct BrowserCall<'a> {
    pub(super) public_url: &'a PublicUrl,
    pub(super) id: &'a str,
    pub(super) caller_id: &'a str,
    pub(super) time_limit: Duration,
    pub(super) ring_s: u16,
}

/// Joins a browser with the number that it may dial; its end is told to [`paths::OUTBOUND_AFTER`].
pub(super) fn browser_call(permit: &Permit, call: &BrowserCall<'_>) -> twiml::Response {
    let url = |path: &str| call.public_url.http(path);
    let number = Number {
        number: permit.destination().e164().to_owned(),
        url: None,
        status_callback: Some(url(&format!("{}/{}", paths::OUTBOUND_LEG, call.id))),
    };
    let seconds = u32::try_from(call.time_limit.as_secs()).unwrap_or(u32::MAX);
    twiml::Response::new().dial(Dial {
        action: Some(url(&format!("{}/{}", paths::OUTBOUND_AFTER, call.id))),
        caller_id: Some(call.caller_id.to_owned()),
        timeout_s: NonZeroU32::new(call.ring_s.into()),
        time_limit_s: NonZeroU32::new(seconds),
        answer_on_bridge: true,
        numbers: vec![number],
    })
}

/// The end.
pub(super) fn hangup() -> twiml::Response {
    twiml::Response::new().hangup()
}

/// The document as an answer to a webhook.
pub(super) fn respond(document: &twiml::Response) -> Response {
    match document.to_xml() {
        Ok(xml) => (
            [
                (header::CONTENT_TYPE, CONTENT_TYPE),
                (header::CACHE_CONTROL, "no-store"),
            ],
            xml,
        )
            .into_response(),
        Err(error) => unwritable(&error),
    }
}

/// Only outside text can make a document unwritable, and ours holds identifiers that were checked before.
fn unwritable(error: &TwimlError) -> Response {
    tracing::error!(%error, "a TwiML document can't be written");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
