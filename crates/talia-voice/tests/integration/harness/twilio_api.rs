//! Twilio's REST API as a list of answers, one a request, and a journal of what was asked.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the next request gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status and body.
    Answer(u16, String),
    /// 429 with this `Retry-After`.
    TooMany(Option<u64>),
    /// The request is taken, and nothing ever comes back.
    Lost,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
struct Desk {
    replies: VecDeque<Reply>,
    journal: Vec<Asked>,
}

/// The running list.
#[derive(Debug)]
pub(crate) struct TwilioApi {
    pub(crate) url: String,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl TwilioApi {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            replies: replies.into_iter().collect(),
            journal: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = axum::Router::new().fallback(answer).with_state(desk.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, desk, task }
    }

    /// Everything that was asked so far.
    pub(crate) fn journal(&self) -> Vec<Asked> {
        self.desk.lock().expect("no panic").journal.clone()
    }
}

impl Drop for TwilioApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(desk): State<Arc<Mutex<Desk>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let reply = {
        let mut desk = desk.lock().expect("no panic");
        desk.journal.push(Asked {
            what: format!("{method} {uri}"),
            authorization: authorization.unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        desk.replies.pop_front()
    };
    match reply {
        Some(Reply::Answer(status, body)) => (StatusCode::from_u16(status).expect("a status"), body).into_response(),
        Some(Reply::TooMany(None)) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Some(Reply::TooMany(Some(seconds))) => {
            (StatusCode::TOO_MANY_REQUESTS, [("Retry-After", seconds.to_string())]).into_response()
        }
        Some(Reply::Lost) => std::future::pending().await,
        None => (StatusCode::IM_A_TEAPOT, "nothing more was expected").into_response(),
    }
}
