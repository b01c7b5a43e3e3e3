//! The TwiML that we answer with.

use super::paths;
use crate::config::PublicUrl;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use talia_twilio::twiml::{self, CONTENT_TYPE, Connect, Method, Say, Stream, TwimlError};

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
        action: Some((url(paths::AFTER), Method::Post)),
        stream,
    };
    twiml::Response::new()
        .connect(connect)
        .redirect(url(paths::AFTER), Method::Post)
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
