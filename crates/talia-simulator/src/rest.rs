//! A small fake of Twilio's REST API on a real socket: updates a live call, as `POST /Calls/{CallSid}.json` does.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use talia_twilio::{error_codes::CALL_NOT_IN_PROGRESS, form::Form};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    call::Control,
    carrier::{Carrier, UpdateError},
    settings::Secret,
    twiml::Target,
    webhook::Method,
};

/// Longest TwiML of an update, in characters.
const MAX_TWIML: usize = 4_000;
/// Twilio's codes: wrong credentials, no such resource, a parameter that can't be used, too many requests.
const AUTHENTICATE: u16 = 20_003;
const NOT_FOUND: u16 = 20_404;
const INVALID: u16 = 21_218;
const TOO_MANY: u16 = 20_429;

/// Who may use the API, beside the account's own SID and token.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: Secret,
}

#[derive(Clone)]
struct Api {
    carrier: Carrier,
    keys: Vec<ApiKey>,
}

/// The running fake; dropping it closes the socket.
#[derive(Debug)]
pub struct RestApi {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl RestApi {
    /// Serves a carrier's calls at `bind` (port 0: any).
    pub async fn start(carrier: Carrier, keys: Vec<ApiKey>, bind: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let router = Router::new()
            .route("/2010-04-01/Accounts/{account}/Calls/{call}", post(update))
            .with_state(Api { carrier, keys });
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self { address, stop, task })
    }

    /// The API's base, to be used in the place of `https://api.twilio.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RestApi {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

async fn update(
    State(api): State<Api>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    if !allowed(&api, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, AUTHENTICATE, "Authentication Error");
    }
    let settings = api.carrier.settings();
    let call = file.strip_suffix(".json").filter(|_| account == settings.account_sid.as_str());
    let Some(call) = call else {
        return refuse(StatusCode::NOT_FOUND, NOT_FOUND, "The requested resource was not found");
    };
    let control = match Form::parse(&body).map_err(|_| "the form can't be read").and_then(|form| control(&form)) {
        Ok(control) => control,
        Err(reason) => return refuse(StatusCode::BAD_REQUEST, INVALID, reason),
    };
    let status = if control == Control::Complete { "completed" } else { "in-progress" };
    match api.carrier.update(call, control) {
        Ok(()) => Json(json!({"sid": call, "account_sid": account, "status": status})).into_response(),
        Err(UpdateError::Unknown) => refuse(StatusCode::NOT_FOUND, NOT_FOUND, "The requested resource was not found"),
        Err(UpdateError::Over) => refuse(
            StatusCode::BAD_REQUEST,
            CALL_NOT_IN_PROGRESS,
            "Call is not in-progress. Cannot redirect.",
        ),
        Err(UpdateError::Busy) => refuse(StatusCode::TOO_MANY_REQUESTS, TOO_MANY, "Too Many Requests"),
    }
}

fn control(form: &Form) -> Result<Control, &'static str> {
    match (form.get("Status"), form.get("Url"), form.get("Twiml")) {
        (Some("completed" | "canceled"), None, None) => Ok(Control::Complete),
        (None, Some(url), None) if !url.is_empty() => Ok(Control::Url(Target {
            url: url.to_owned(),
            method: Method::parse(form.get("Method")),
        })),
        (None, None, Some(twiml)) if twiml.chars().count() <= MAX_TWIML => Ok(Control::Twiml(twiml.to_owned())),
        (None, None, Some(_)) => Err("Twiml is longer than 4000 characters"),
        _ => Err("exactly one of Status, Url and Twiml is needed"),
    }
}

fn allowed(api: &Api, headers: &HeaderMap) -> bool {
    let settings = api.carrier.settings();
    let credentials = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
    let Some((user, password)) = credentials.as_deref().and_then(|pair| pair.split_once(':')) else {
        return false;
    };
    let own = (settings.account_sid.as_str(), settings.auth_token.expose());
    let keys = api.keys.iter().map(|key| (key.sid.as_str(), key.secret.expose()));
    std::iter::once(own).chain(keys).any(|pair| pair == (user, password))
}

fn refuse(status: StatusCode, code: u16, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    (status, Json(body)).into_response()
}
