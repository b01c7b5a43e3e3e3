//! A company's own tools over HTTP: writes down every request and connection, answers as it is told to.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures::stream;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Most of a request that is read, bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// How a tool answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// With this status, content type and body.
    Answer(u16, &'static str, String),
    /// With a redirect to this address.
    Redirect(String),
    /// Not at all.
    Hang,
    /// When [`CompanyTools::let_go`] says so, with `{"ok":true}`.
    WhenLetGo,
    /// With the beginning of a body, and then the connection is gone.
    Cut,
    /// With a body that never ends.
    Endless,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct ToolRequest {
    /// `GET`, `POST`…
    pub method: String,
    /// Path and query, as they were written.
    pub target: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    journal: Mutex<Vec<ToolRequest>>,
    connections: AtomicU64,
    let_go: Notify,
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct CompanyTools {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _running: DropGuard,
}

impl CompanyTools {
    /// Starts one on a free port of loopback. It answers `{"ok":true}` until it is told otherwise.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            manner: Mutex::new(ok()),
            journal: Mutex::new(Vec::new()),
            connections: AtomicU64::new(0),
            let_go: Notify::new(),
        });
        let counting = shared.clone();
        let listener = listener.tap_io(move |_| {
            counting.connections.fetch_add(1, Ordering::SeqCst);
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move {
            tokio::select! {
                // A fake that can't serve is seen by whoever asks it.
                _ = async { axum::serve(listener, router).await } => {}
                () = stopped => {}
            }
        });
        Ok(Self {
            address,
            shared,
            _running: stop.drop_guard(),
        })
    }

    /// From now on it answers so.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Lets the requests go that wait for it.
    pub fn let_go(&self) {
        self.shared.let_go.notify_waiters();
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ToolRequest> {
        self.shared
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

fn ok() -> Manner {
    Manner::Answer(200, "application/json", r#"{"ok":true}"#.to_owned())
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
    let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let came = ToolRequest {
        method: parts.method.to_string(),
        target,
        headers: headers(&parts.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    // Whoever sees the request in the journal may let it go at once.
    let let_go = shared.let_go.notified();
    shared.journal.lock().unwrap_or_else(PoisonError::into_inner).push(came);
    let manner = shared.manner.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match manner {
        Manner::Answer(status, kind, body) => respond(status, kind, body),
        Manner::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Manner::Hang => std::future::pending().await,
        Manner::WhenLetGo => {
            let_go.await;
            respond(200, "application/json", r#"{"ok":true}"#.to_owned())
        }
        Manner::Cut => {
            let pieces = [Ok(Bytes::from_static(b"{\"ok\":")), Err(std::io::Error::other("cut"))];
            Response::new(Body::from_stream(stream::iter(pieces)))
        }
        Manner::Endless => {
            let piece = Bytes::from(vec![b'x'; 16 * 1024]);
            Response::new(Body::from_stream(stream::repeat_with(move || {
                Ok::<_, std::io::Error>(piece.clone())
            })))
        }
    }
}

fn respond(status: u16, kind: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn headers(headers: &HeaderMap) -> HashMap<String, String> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}
