//! What fake models have in common: what they answer, how long they take, how they fail, and what they were asked.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Pieces of an answer that may wait for the reader.
const WAITING: usize = 16;
/// How often a model that says nothing useful says so.
const PULSE: Duration = Duration::from_millis(300);

/// One part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Say(String),
    /// A request for a tool; `arguments` is written as it is.
    Call {
        /// The tool.
        name: String,
        /// JSON, or what a model takes for it.
        arguments: String,
    },
}

impl Part {
    /// Text.
    pub fn say(text: &str) -> Self {
        Self::Say(text.to_owned())
    }

    /// A request for a tool.
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::Call {
            name: name.to_owned(),
            arguments: arguments.to_string(),
        }
    }
}

/// How an answer goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request is taken, and no answer begins.
    NoHeaders,
    /// The answer begins, and nothing comes.
    HeadersOnly,
    /// Only comments come.
    KeepAlives,
    /// Only who is speaking is told.
    RoleOnly,
    /// Only reasoning comes.
    ReasoningOnly,
    /// So long between two tokens.
    Dribble(Duration),
    /// Silence behind so many tokens.
    StallAfter(usize),
    /// The connection is reset behind so many tokens.
    ResetAfter(usize),
    /// A status, with `Retry-After` in seconds.
    Status {
        /// Of HTTP.
        code: u16,
        /// In seconds.
        retry_after: Option<u64>,
    },
    /// An event that is no JSON, in the middle.
    MalformedEvents,
    /// A whole answer, its bytes in pieces of one to three: characters are cut.
    CutCharacters,
    /// Text without end.
    Endless,
    /// An answer with nothing in it.
    Empty,
    /// A page of HTML, as a success.
    Html,
}

/// What was asked, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// Bodies of requests for answers, in order.
    pub requests: Vec<Value>,
    /// Bodies of requests for a conversation.
    pub conversations: Vec<Value>,
    /// Why requests were refused, in our words.
    pub refusals: Vec<String>,
    /// Answers that are being written now, and the most at once.
    pub running: usize,
    /// The most answers that were written at once.
    pub most_at_once: usize,
    /// Answers that were read to their end.
    pub complete: usize,
    /// Answers that the reader left.
    pub left: usize,
    /// Requests that opened a connection and asked for no answer.
    pub greetings: usize,
}

#[derive(Default)]
struct State {
    rules: Vec<(String, Vec<Part>)>,
    otherwise: Vec<Part>,
    always: Option<Fault>,
    next: VecDeque<Fault>,
    first: Duration,
    token: Duration,
    journal: Journal,
    /// Conversations by id: their items, and whether an answer is being written into them.
    pub(super) conversations: HashMap<String, (Vec<Value>, bool)>,
}

/// A fake model's mind; clones share it.
#[derive(Clone, Default)]
pub struct Mind {
    key: Arc<str>,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Mind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mind").finish_non_exhaustive()
    }
}

impl Mind {
    pub(super) fn new(key: &str) -> Self {
        let mind = Self {
            key: key.into(),
            state: Arc::default(),
        };
        mind.lock().otherwise = vec![Part::say("Claro. ¿En qué más te ayudo?")];
        mind
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers so when the last thing it is told contains `when`: the caller's words, or `tool:` and a tool's name.
    pub fn answer(&self, when: &str, parts: Vec<Part>) {
        self.lock().rules.push((when.to_lowercase(), parts));
    }

    /// Answers so to everything else.
    pub fn otherwise(&self, parts: Vec<Part>) {
        self.lock().otherwise = parts;
    }

    /// Fails so from now on, or is well again.
    pub fn misbehave(&self, fault: Option<Fault>) {
        self.lock().always = fault;
    }

    /// Fails so once.
    pub fn misbehave_once(&self, fault: Fault) {
        self.lock().next.push_back(fault);
    }

    /// How long the first token takes, and each that follows.
    pub fn take_time(&self, first: Duration, token: Duration) {
        let mut state = self.lock();
        (state.first, state.token) = (first, token);
    }

    /// What it was asked until now.
    pub fn journal(&self) -> Journal {
        self.lock().journal.clone()
    }

    /// Everything that a conversation holds.
    pub fn conversation(&self, id: &str) -> Option<Vec<Value>> {
        self.lock().conversations.get(id).map(|(items, _)| items.clone())
    }

    pub(super) fn greeted(&self) {
        self.lock().journal.greetings += 1;
    }

    pub(super) fn open_conversation(&self, items: Vec<Value>) -> String {
        let mut state = self.lock();
        let id = format!("conv_{:032x}", state.conversations.len() + 1);
        state.conversations.insert(id.clone(), (items, false));
        id
    }

    /// Adds to a conversation; `false` if there is none of this id.
    pub(super) fn add_to(&self, id: &str, items: Vec<Value>) -> bool {
        let mut state = self.lock();
        let Some((held, locked)) = state.conversations.get_mut(id) else {
            return false;
        };
        held.extend(items);
        *locked = false;
        true
    }

    /// Whether an answer may be written into a conversation: nobody else writes.
    pub(super) fn lock_conversation(&self, id: &str) -> Option<bool> {
        let mut state = self.lock();
        let (_, locked) = state.conversations.get_mut(id)?;
        Some(!std::mem::replace(locked, true))
    }

    pub(super) fn unlock_conversation(&self, id: &str) {
        if let Some((_, locked)) = self.lock().conversations.get_mut(id) {
            *locked = false;
        }
    }

    pub(super) fn asked_for_conversation(&self, body: &Value) {
        self.lock().journal.conversations.push(body.clone());
    }

    pub(super) fn asked(&self, body: &Value) {
        self.lock().journal.requests.push(body.clone());
    }

    /// Refuses, as the real service words its errors.
    pub(super) fn refuse(&self, status: StatusCode, code: &str, why: &str) -> Response {
        self.lock().journal.refusals.push(why.to_owned());
        let kind = if status == StatusCode::UNAUTHORIZED {
            "authentication_error"
        } else {
            "invalid_request_error"
        };
        let error = json!({"error": {"message": why, "type": kind, "param": null, "code": code}});
        (status, axum::Json(error)).into_response()
    }

    /// Whether the key is ours.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        given == Some(&format!("Bearer {}", self.key))
    }

    /// What it says to this.
    pub(super) fn parts(&self, last: &str) -> Vec<Part> {
        let state = self.lock();
        let last = last.to_lowercase();
        let rule = state.rules.iter().find(|(when, _)| last.contains(when));
        rule.map_or_else(|| state.otherwise.clone(), |(_, parts)| parts.clone())
    }

    pub(super) fn next_fault(&self) -> Option<Fault> {
        let mut state = self.lock();
        state.next.pop_front().or_else(|| state.always.clone())
    }

    /// The answer that needs no stream, if the fault is of that kind.
    pub(super) async fn fails_at_once(&self, fault: Option<&Fault>) -> Option<Response> {
        match fault? {
            Fault::NoHeaders => std::future::pending().await,
            Fault::Status { code, retry_after } => {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let error = json!({"error": {"message": "try later", "type": "server_error", "code": null}});
                let mut response = (status, axum::Json(error)).into_response();
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
                }
                Some(response)
            }
            Fault::Html => {
                let page = "<!doctype html><title>502</title><h1>Bad gateway</h1>";
                Some(([(header::CONTENT_TYPE, "text/html")], page).into_response())
            }
            _ => None,
        }
    }

    /// Streams an answer: `tokens` in their time, `end` behind them, with what goes wrong on the way. `complete` is called when
    /// the reader has all of it.
    pub(super) fn stream(
        &self,
        wire: Wire,
        fault: Option<Fault>,
        done: impl FnOnce(bool) + Send + 'static,
    ) -> Response {
        let (to_reader, mut pieces) = mpsc::channel::<io::Result<Bytes>>(WAITING);
        let mind = self.clone();
        {
            let mut state = mind.lock();
            state.journal.running += 1;
            state.journal.most_at_once = state.journal.most_at_once.max(state.journal.running);
        }
        tokio::spawn(async move {
            let complete = tokio::select! {
                complete = mind.write(wire, fault, &to_reader) => complete,
                () = to_reader.closed() => false,
            };
            {
                let mut state = mind.lock();
                state.journal.running -= 1;
                if complete {
                    state.journal.complete += 1;
                } else {
                    state.journal.left += 1;
                }
            }
            done(complete);
        });
        let body = Body::from_stream(stream::poll_fn(move |context| pieces.poll_recv(context)));
        ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response()
    }

    async fn write(&self, wire: Wire, fault: Option<Fault>, to: &mpsc::Sender<io::Result<Bytes>>) -> bool {
        let (first, pause) = {
            let state = self.lock();
            (state.first, state.token)
        };
        let repeat = match &fault {
            Some(Fault::HeadersOnly) => Some(None),
            Some(Fault::KeepAlives) => Some(Some(": keep-alive\n\n".to_owned())),
            Some(Fault::ReasoningOnly) => Some(Some(wire.reasoning.clone())),
            Some(Fault::RoleOnly) => {
                let _ = send(to, &wire.begin).await;
                Some(None)
            }
            Some(Fault::Endless) => {
                let _ = send(to, &wire.begin).await;
                let Some(token) = wire.tokens.first() else { return false };
                while send(to, token).await {
                    sleep(Duration::from_millis(2)).await;
                }
                return false;
            }
            _ => None,
        };
        if let Some(repeat) = repeat {
            loop {
                if let Some(text) = &repeat
                    && !send(to, text).await
                {
                    return false;
                }
                sleep(PULSE).await;
            }
        }
        sleep(first).await;
        if matches!(fault, Some(Fault::CutCharacters)) {
            let whole: String = [&wire.begin]
                .into_iter()
                .chain(&wire.tokens)
                .chain([&wire.end])
                .cloned()
                .collect();
            let bytes = whole.into_bytes();
            let (mut at, mut step) = (0, 1);
            while at < bytes.len() {
                let end = (at + step).min(bytes.len());
                if to.send(Ok(Bytes::copy_from_slice(&bytes[at..end]))).await.is_err() {
                    return false;
                }
                (at, step) = (end, step % 3 + 1);
            }
            return true;
        }
        if !send(to, &wire.begin).await {
            return false;
        }
        let tokens = if fault == Some(Fault::Empty) {
            &[][..]
        } else {
            &wire.tokens
        };
        for (place, token) in tokens.iter().enumerate() {
            match &fault {
                Some(Fault::StallAfter(tokens)) if place == *tokens => std::future::pending::<()>().await,
                Some(Fault::ResetAfter(tokens)) if place == *tokens => {
                    let _ = to.send(Err(io::ErrorKind::ConnectionReset.into())).await;
                    return false;
                }
                Some(Fault::MalformedEvents) if place == 1 => {
                    let _ = send(to, "data: {\"choices\":[{\n\n").await;
                }
                Some(Fault::Dribble(every)) => sleep(*every).await,
                _ => sleep(pause).await,
            }
            if !send(to, token).await {
                return false;
            }
        }
        send(to, &wire.end).await
    }
}

async fn send(to: &mpsc::Sender<io::Result<Bytes>>, text: &str) -> bool {
    to.send(Ok(Bytes::copy_from_slice(text.as_bytes()))).await.is_ok()
}

/// An answer as it goes over the wire.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    /// Who speaks.
    pub(super) begin: String,
    /// What is useful.
    pub(super) tokens: Vec<String>,
    /// What is not.
    pub(super) reasoning: String,
    /// Why it ends, and what it took.
    pub(super) end: String,
}

/// A text as a model writes it: word by word, each with the blank before it.
pub(super) fn tokens(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}
