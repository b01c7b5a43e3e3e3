//! Where a fake voice stands: its address, how it performs now, and the journal of what it was asked.

use super::manner::{Manner, VoiceFault};
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a voice was asked, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A connection was opened, or an HTTP request came.
    Connection,
    /// This text was to be said.
    Text(String),
    /// What was being said isn't wanted any more.
    Cancelled,
    /// A message that keeps an idle connection open.
    KeptAlive,
    /// Something that the real service would refuse, and why.
    Refused(String),
    /// A connection was closed by the one who opened it.
    Closed,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) key: String,
    manner: Mutex<Manner>,
    journal: Mutex<Vec<Asked>>,
    messages: Mutex<Vec<String>>,
    queries: Mutex<Vec<Vec<(String, String)>>>,
}

/// A fake voice that serves until it is dropped.
#[derive(Debug)]
pub struct FakeVoice {
    address: SocketAddr,
    stage: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl FakeVoice {
    pub(super) async fn start(key: &str, router: impl FnOnce(Arc<Inner>) -> Router) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Inner {
            key: key.to_owned(),
            manner: Mutex::default(),
            journal: Mutex::default(),
            messages: Mutex::default(),
            queries: Mutex::default(),
        });
        let router = router(stage.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a fake voice stopped");
            }
        });
        Ok(Self {
            address,
            stage,
            serving,
        })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it performs from now on.
    pub fn set(&self, manner: Manner) {
        *self.stage.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// What goes wrong from now on, with everything else as it was.
    pub fn set_fault(&self, fault: VoiceFault) {
        self.stage.manner.lock().unwrap_or_else(PoisonError::into_inner).fault = fault;
    }

    /// Everything it was asked so far.
    pub fn journal(&self) -> Vec<Asked> {
        self.stage
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The texts that it was to say.
    pub fn texts(&self) -> Vec<String> {
        let asked = self.journal().into_iter();
        asked
            .filter_map(|asked| match asked {
                Asked::Text(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    /// Why the real service would have refused something.
    pub fn refusals(&self) -> Vec<String> {
        let asked = self.journal().into_iter();
        asked
            .filter_map(|asked| match asked {
                Asked::Refused(why) => Some(why),
                _ => None,
            })
            .collect()
    }

    /// Every text message and every body that it was sent, as they came.
    pub fn messages(&self) -> Vec<String> {
        self.stage
            .messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The parameters of every address that was asked for.
    pub fn queries(&self) -> Vec<Vec<(String, String)>> {
        self.stage
            .queries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often it was asked such.
    pub fn count(&self, such: &Asked) -> usize {
        self.journal().iter().filter(|asked| *asked == such).count()
    }
}

impl Drop for FakeVoice {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inner {
    pub(super) fn manner(&self) -> Manner {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep_message(&self, text: &str) {
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.to_owned());
    }

    pub(super) fn keep_query(&self, query: &HashMap<String, String>) {
        let pairs = query.clone().into_iter().collect();
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).push(pairs);
    }

    pub(super) fn note(&self, asked: Asked) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }

    /// Notes and gives the answer to something that the real service would refuse.
    pub(super) fn refuse(&self, status: StatusCode, why: impl Into<String>) -> Response {
        let why = why.into();
        self.note(Asked::Refused(why.clone()));
        (status, why).into_response()
    }

    /// The answer to a request that fails by the present manner or by its key, which stands in `name` behind `scheme`.
    pub(super) fn turned_away(&self, headers: &HeaderMap, name: &str, scheme: &str) -> Option<Response> {
        let wanted = format!("{scheme}{}", self.key);
        match self.manner().fault {
            VoiceFault::Unauthorised => return Some(StatusCode::UNAUTHORIZED.into_response()),
            VoiceFault::Unavailable => return Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            VoiceFault::RateLimited { retry_after } => {
                let mut answer = StatusCode::TOO_MANY_REQUESTS.into_response();
                if let Some(seconds) = retry_after {
                    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
                return Some(answer);
            }
            _ => {}
        }
        let given = headers.get(name).and_then(|value| value.to_str().ok());
        (given != Some(wanted.as_str()))
            .then(|| self.refuse(StatusCode::UNAUTHORIZED, format!("header {name} isn't the key")))
    }
}
