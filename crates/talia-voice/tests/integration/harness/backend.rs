//! A company's own backend on a real socket: believes only what is signed, and answers as a test says.

use super::Published;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use std::sync::{Arc, Mutex};
use talia_twilio::standard_webhooks::{Headers, SigningSecret, Verifier};
use talia_voice::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What it and our server know.
pub(crate) const BACKEND_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What it answers: a status, and how many seconds it asks for. None: nothing, ever.
pub(crate) type Verdict = Option<(u16, Option<u32>)>;

type Rule = Box<dyn FnMut(&serde_json::Value) -> Verdict + Send>;

struct Inner {
    secret: &'static str,
    rule: Mutex<Rule>,
    /// What it took, in order, and what it didn't.
    taken: Mutex<Vec<Published>>,
    refused: Mutex<Vec<Published>>,
    /// How many it answers at once.
    hands: Semaphore,
}

/// It ends when it is dropped.
pub(crate) struct Backend {
    pub(crate) url: String,
    port: u16,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Backend {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        Self::start_knowing(BACKEND_SECRET).await
    }

    /// The same with another secret.
    pub(crate) async fn start_knowing(secret: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let inner = Arc::new(Inner {
            secret,
            rule: Mutex::new(Box::new(|_| Some((204, None)))),
            taken: Mutex::default(),
            refused: Mutex::default(),
            hands: Semaphore::new(64),
        });
        let serving = serve(listener, inner.clone());
        Self {
            url: format!("http://127.0.0.1:{port}/events"),
            port,
            inner,
            serving,
        }
    }

    /// How it answers from now on.
    pub(crate) fn answers(&self, rule: impl FnMut(&serde_json::Value) -> Verdict + Send + 'static) {
        *self.inner.rule.lock().expect("no panic") = Box::new(rule);
    }

    /// Nobody listens there from now on.
    pub(crate) async fn close(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Somebody listens there again.
    pub(crate) async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .expect("the same port");
        self.serving = serve(listener, self.inner.clone());
    }

    /// What it took, in order.
    pub(crate) fn taken(&self) -> Vec<Published> {
        self.inner.taken.lock().expect("no panic").clone()
    }

    /// What it was sent and didn't take.
    pub(crate) fn refused(&self) -> Vec<Published> {
        self.inner.refused.lock().expect("no panic").clone()
    }

    /// The configuration of a server that tells it, with more lines.
    pub(crate) fn settings(&self, more: &str) -> String {
        format!(
            "[tool_network]\nports = \"{}\"\nprivate = \"127.0.0.0/8\"\n[[events.webhooks]]\nid = \"crm\"\nurl = \"{}\"\n\
             secret = \"{BACKEND_SECRET}\"\n{more}\n",
            self.port, self.url
        )
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(listener: TcpListener, inner: Arc<Inner>) -> JoinHandle<()> {
    let routes = Router::new().route("/events", post(take)).with_state(inner);
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") })
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let _hand = inner.hands.acquire().await.expect("open");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = Headers {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    let verifier = Verifier::new(SigningSecret::parse(inner.secret).expect("a secret"));
    let now = Clock::real().wall().as_second();
    let Ok(message) = verifier.verify(signed, &body, now) else {
        return (HeaderMap::new(), StatusCode::UNAUTHORIZED);
    };
    let came = Published {
        subject: String::new(),
        id: message.id.to_owned(),
        content_type: header("content-type").unwrap_or_default().to_owned(),
        text: String::from_utf8(body.to_vec()).expect("text"),
    };
    let verdict = (inner.rule.lock().expect("no panic"))(&came.event());
    let Some((status, asks)) = verdict else {
        inner.refused.lock().expect("no panic").push(came);
        return std::future::pending().await;
    };
    let place = if status < 300 { &inner.taken } else { &inner.refused };
    place.lock().expect("no panic").push(came);
    let asked = asks.map(|seconds| (HeaderName::from_static("retry-after"), HeaderValue::from(seconds)));
    // A connection that is kept would outlive the door.
    let last = (HeaderName::from_static("connection"), HeaderValue::from_static("close"));
    let status = StatusCode::from_u16(status).expect("a status");
    (asked.into_iter().chain([last]).collect(), status)
}
