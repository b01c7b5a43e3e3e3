//! What all webhooks have in common: a bounded body, a signature, an account.

use super::{documents, own_signature};
use crate::app::App;
use crate::telemetry::labels::{Refusal, Webhook};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::time::Duration;
use talia_twilio::AccountSid;
use talia_twilio::form::{Form, FormError, MAX_BODY, MAX_FIELDS};
use talia_twilio::signature::{self, SETTINGS_HEADER, SIGNATURE_HEADER, SignatureHeaders};
use tokio::time::timeout;

/// How long the database may take to answer a webhook with a caller behind it. One that takes longer, or is gone, gets to
/// know of it later.
pub(super) const STORE_PATIENCE: Duration = Duration::from_millis(30);

/// Reads a webhook's form. Nothing is looked up or written before its signature holds; what is refused is counted.
pub(super) async fn read(app: &App, request: Request<Body>) -> Result<Form, Response> {
    let refuse = |reason: Refusal, status: StatusCode| {
        app.metrics.refused(reason);
        status.into_response()
    };
    let (parts, body) = request.into_parts();
    let reading = axum::body::to_bytes(body, MAX_BODY);
    let body = match timeout(app.config.limits.body_timeout, reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(refuse(Refusal::BodyTooLarge, StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Err(refuse(Refusal::BodyTimeout, StatusCode::REQUEST_TIMEOUT)),
    };
    let bad_form = |_| refuse(Refusal::FormBad, StatusCode::BAD_REQUEST);
    let unsigned = |why| refuse(why, StatusCode::FORBIDDEN);
    // Whoever claims our own signature is judged by it alone.
    let own = own_signature::headers_of(&parts.headers);
    if own.any() {
        app.own_signatures
            .check(own, &body, app.clock.wall())
            .map_err(unsigned)?;
    }
    let url = app.config.server.public_url.http(target(&parts.uri));
    let signature = signature_of(&parts.headers);
    if is_json(&parts.headers) {
        if !own.any() {
            let checked = app.validator.validate_body(&url, &body, signature);
            checked.map_err(refusal_of).map_err(unsigned)?;
        }
        return json_fields(&body).map_err(bad_form);
    }
    let form = Form::parse(&body).map_err(bad_form)?;
    if !own.any() {
        let checked = app.validator.validate_form(&url, form.fields(), signature);
        checked.map_err(refusal_of).map_err(unsigned)?;
    }
    Ok(form)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The texts and numbers of an object as the fields of a form; what has an inner structure is no field of any webhook.
fn json_fields(body: &[u8]) -> Result<Form, FormError> {
    let object: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(|_| FormError::NotUtf8)?;
    if object.len() > MAX_FIELDS {
        return Err(FormError::TooManyFields);
    }
    let fields = object.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    Ok(fields.collect())
}

/// Path and query as they came: nothing decoded, nothing tidied.
pub(super) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// The headers that a signature is made of. One that isn't text can't be a signature.
pub(super) fn signature_of(headers: &HeaderMap) -> SignatureHeaders<'_> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    SignatureHeaders {
        signature: text(SIGNATURE_HEADER),
        settings: text(SETTINGS_HEADER),
    }
}

pub(super) fn refusal_of(why: signature::Refusal) -> Refusal {
    match why {
        signature::Refusal::MissingHeader => Refusal::SignatureMissing,
        _ => Refusal::SignatureWrong,
    }
}

/// Lets a webhook be answered, and counts how long that took.
pub(super) async fn timed(app: &App, kind: Webhook, answering: impl Future<Output = Response>) -> Response {
    let began = app.clock.now();
    let response = answering.await;
    app.metrics.webhook(kind, app.clock.now().duration_since(began));
    response
}

/// Reads a webhook of one kind, with the whole form that it came in; the error is the answer to a refused one.
pub(super) async fn parsed<T>(
    app: &App,
    request: Request<Body>,
    kind: fn(&Form) -> Result<T, FormError>,
    account: fn(&T) -> &AccountSid,
) -> Result<(T, Form), Response> {
    let form = read(app, request).await?;
    Ok((fields(app, &form, kind, account)?, form))
}

/// Reads the fields of one kind of webhook and checks that the account is ours.
#[expect(clippy::result_large_err, reason = "an answer is what it is; one a request is made")]
pub(super) fn fields<T>(
    app: &App,
    form: &Form,
    read: fn(&Form) -> Result<T, FormError>,
    account: fn(&T) -> &AccountSid,
) -> Result<T, Response> {
    let fields = read(form).map_err(|why| {
        app.metrics.refused(Refusal::FormBad);
        tracing::warn!(webhook.reason = why.reason(), "a signed webhook can't be read");
        StatusCode::BAD_REQUEST.into_response()
    })?;
    let ours = app.config.twilio.account_sid.as_deref();
    if ours.is_some_and(|ours| ours != account(&fields).as_str()) {
        app.metrics.refused(Refusal::AccountForeign);
        return Err(StatusCode::FORBIDDEN.into_response());
    }
    Ok(fields)
}

/// Answers with an apology that Twilio speaks, and counts why.
pub(super) fn apologise(app: &App, reason: Refusal) -> Response {
    app.metrics.refused(reason);
    documents::respond(&documents::apology())
}
