//! A small server that speaks Media Streams: documents by a function, sockets by another, everything seen is kept.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{FromRequestParts, Request, State, ws::WebSocket, ws::WebSocketUpgrade},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use talia_simulator::{
    carrier::{CallPlan, Carrier},
    lines::PreparedScript,
    outcome::CallOutcome,
    script::Script,
    settings::{CarrierSettings, Secret},
    speaker::ToneSpeaker,
};
use talia_twilio::{
    AccountSid,
    form::Form,
    signature::{AuthTokens, SIGNATURE_HEADER, Validator},
};

pub const PUBLIC: &str = "https://voice.example.com";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// One request that the server saw.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub form: Form,
    pub signed: bool,
    pub host: String,
    pub idempotency: Option<String>,
}

impl Seen {
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).unwrap_or("(absent)")
    }
}

pub type Documents = Arc<dyn Fn(&str) -> Response + Send + Sync>;
pub type Sockets = Arc<dyn Fn(WebSocket) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
struct Shared {
    documents: Documents,
    sockets: Sockets,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub struct Server {
    pub origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(
        documents: impl Fn(&str) -> Response + Send + Sync + 'static,
        sockets: impl Fn(WebSocket) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let router = Router::new().fallback(handle).with_state(Shared {
            documents: Arc::new(documents),
            sockets: Arc::new(sockets),
            seen: Arc::clone(&seen),
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.path).collect()
    }

    pub fn settings(&self) -> CarrierSettings {
        CarrierSettings {
            dial_origin: Some(self.origin.clone()),
            ..CarrierSettings::new(AccountSid::from_bits(7), Secret::new(TOKEN), PUBLIC, "/voice")
        }
    }

    pub async fn call(&self, settings: CarrierSettings, script: &str) -> CallOutcome {
        let carrier = Carrier::new(settings).unwrap();
        carrier.dial(plan(script).await).await.unwrap()
    }
}

pub async fn plan(script: &str) -> CallPlan {
    let prepared = PreparedScript::new(Script::parse(script).unwrap(), &ToneSpeaker).await.unwrap();
    CallPlan::new("+5215512345678", "+525500000000", Arc::new(prepared))
}

async fn handle(State(shared): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let signature = text(SIGNATURE_HEADER).unwrap_or_default();
    let host = text(header::HOST.as_str()).unwrap_or_default();
    let idempotency = text("I-Twilio-Idempotency-Token");
    let validator = Validator::new(AuthTokens::new(TOKEN).unwrap());
    let see = |form: Form, signed: bool| {
        let seen = Seen {
            path: target.clone(),
            form,
            signed,
            host: host.clone(),
            idempotency: idempotency.clone(),
        };
        shared.seen.lock().unwrap().push(seen);
    };
    if text("upgrade").is_some() {
        let url = format!("wss://voice.example.com{target}");
        let signed = validator.validate_websocket(&url, signature.as_str()).is_ok();
        see(Form::default(), signed);
        if target.starts_with("/refused") {
            return StatusCode::FORBIDDEN.into_response();
        }
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.unwrap();
        let sockets = Arc::clone(&shared.sockets);
        return upgrade.on_upgrade(move |socket| sockets(socket));
    }
    let url = format!("{PUBLIC}{target}");
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let form = Form::parse(&body).unwrap();
    let signed = if parts.method == Method::GET {
        validator.validate_get(&url, signature.as_str()).is_ok()
    } else {
        validator.validate_form(&url, form.fields(), signature.as_str()).is_ok()
    };
    see(form, signed);
    (shared.documents)(&target)
}

/// A document of verbs, as a server should answer it.
pub fn twiml(verbs: &str) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>");
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

pub fn no_sockets(_: WebSocket) -> BoxFuture<'static, ()> {
    Box::pin(std::future::ready(()))
}
