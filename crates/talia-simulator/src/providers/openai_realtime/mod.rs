//! `OpenAI` Realtime (general availability) on a real socket.
//!
//! Checks every message against the documented shape and refuses what the real service refuses (an `OpenAI-Beta` header, a
//! rate with μ-law, a truncation beyond the audio, a second answer at once…), hears words in the bytes that it was sent
//! (see [`crate::providers::tone_words`]), answers by a script in tones, and misbehaves on command.

mod script;
mod session;
mod shape;

pub use script::{Fault, RealtimeScript, Reply};
pub use session::Note;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_util::sync::CancellationToken;

use self::session::{Later, Session};

#[derive(Debug, Default)]
struct Shared {
    plan: Vec<Fault>,
    /// Every connection is refused with it, and those that are open break.
    dead: Option<u16>,
    notes: Vec<Note>,
    messages: Vec<String>,
    queries: Vec<String>,
}

/// A running fake; it ends when this is dropped.
#[derive(Debug)]
pub struct RealtimeFake {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    /// Breaks the connections that are open.
    cut: Mutex<CancellationToken>,
    current: Arc<Mutex<CancellationToken>>,
    stop: CancellationToken,
}

fn with<T>(shared: &Mutex<Shared>, change: impl FnOnce(&mut Shared) -> T) -> T {
    change(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

impl RealtimeFake {
    /// Serves on a free port of this machine. It takes any key but an empty one.
    pub async fn start(script: RealtimeScript) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let first = CancellationToken::new();
        let fake = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
            cut: Mutex::new(first.clone()),
            current: Arc::new(Mutex::new(first)),
            stop: CancellationToken::new(),
        };
        let (shared, current, stop) = (fake.shared.clone(), fake.current.clone(), fake.stop.clone());
        let script = Arc::new(script);
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                let cut = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (shared, script, stop) = (shared.clone(), script.clone(), stop.clone());
                tokio::spawn(async move {
                    let serving = cut.run_until_cancelled(serve(stream, &shared, script));
                    stop.run_until_cancelled(serving).await;
                });
            }
        });
        Ok(fake)
    }

    /// Where it listens: the URL of an account.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// This will go wrong, once, at the first occasion.
    pub fn plan(&self, fault: Fault) {
        with(&self.shared, |shared| shared.plan.push(fault));
    }

    /// Breaks what is open.
    pub fn cut(&self) {
        let next = CancellationToken::new();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *cut, next).cancel();
    }

    /// Nobody answers here any more, but with this status.
    pub fn die(&self, status: u16) {
        with(&self.shared, |shared| shared.dead = Some(status));
        self.cut();
    }

    /// All that happened, in order.
    pub fn notes(&self) -> Vec<Note> {
        with(&self.shared, |shared| shared.notes.clone())
    }

    /// The messages that it was sent, as they came; of those with audio only the first one of each connection.
    pub fn messages(&self) -> Vec<String> {
        with(&self.shared, |shared| shared.messages.clone())
    }

    /// The parameters of every address that was asked for, as they came.
    pub fn queries(&self) -> Vec<String> {
        with(&self.shared, |shared| shared.queries.clone())
    }

    /// What it refused.
    pub fn refused(&self) -> Vec<Note> {
        let notes = self.notes().into_iter();
        notes.filter(|note| matches!(note, Note::Refused { .. })).collect()
    }

    /// Faults that have not happened yet.
    pub fn planned(&self) -> usize {
        with(&self.shared, |shared| shared.plan.len())
    }
}

impl Drop for RealtimeFake {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Why a handshake is refused, or what is wrong with it.
fn greeting(shared: &Mutex<Shared>, request: &Request) -> Result<bool, u16> {
    let planned = with(shared, |shared| {
        let place = shared.plan.iter().position(|fault| matches!(fault, Fault::Refuse(_)));
        let refused = place.map(|place| shared.plan.remove(place));
        match refused {
            Some(Fault::Refuse(status)) => Some(status),
            _ => shared.dead,
        }
    });
    if let Some(status) = planned {
        return Err(status);
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let key = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if key.is_none_or(str::is_empty) {
        return Err(401);
    }
    let uri = request.uri();
    with(shared, |shared| shared.queries.extend(uri.query().map(str::to_owned)));
    let model = uri.query().and_then(|query| query.strip_prefix("model="));
    if uri.path() != "/v1/realtime" || model.is_none_or(str::is_empty) {
        return Err(404);
    }
    Ok(header("openai-beta").is_some())
}

async fn serve(stream: TcpStream, shared: &Mutex<Shared>, script: Arc<RealtimeScript>) {
    let mut beta = false;
    let mut refused = None;
    #[expect(clippy::result_large_err, reason = "the library's type")]
    let check = |request: &Request, response: Response| match greeting(shared, request) {
        Ok(old) => {
            beta = old;
            Ok(response)
        }
        Err(status) => {
            refused = Some(status);
            let mut answer = ErrorResponse::new(None);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Err(answer)
        }
    };
    let accepted = accept_hdr_async(stream, check).await;
    with(shared, |shared| shared.notes.push(Note::Connected { refused }));
    let Ok(mut socket) = accepted else { return };
    let mut session = Session::new(script, crate::wall_clock::WallClock::start().now().as_second());
    if beta {
        session.refuse("beta_api_shape_disabled", "OpenAI-Beta", None);
    }
    let mut waiting: Vec<(Instant, Later)> = Vec::new();
    let mut heard = false;
    loop {
        let now = Instant::now();
        waiting.extend(session.later.drain(..).map(|(after, later)| (now + after, later)));
        with(shared, |shared| shared.notes.append(&mut session.notes));
        // The first of those that are due soonest: what was said first comes first.
        let next = waiting.iter().enumerate().min_by_key(|(place, (at, _))| (*at, *place));
        let next = next.map(|(place, (at, _))| (place, *at));
        let at = next.map_or(now + Duration::from_hours(1), |(_, at)| at);
        tokio::select! {
            () = sleep_until(at) => {
                let Some((place, _)) = next else { continue };
                let (_, later) = waiting.remove(place);
                let Later::Event { event, .. } = later else { return };
                session.was_sent(&event);
                if socket.send(Message::text(event.to_string())).await.is_err() {
                    return;
                }
                if beta {
                    return;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    // What waits belongs to the session while it decides: a cancel takes events back.
                    let began = Instant::now();
                    session.later = waiting.drain(..).map(|(at, later)| (at.saturating_duration_since(began), later)).collect();
                    let is_audio = text.contains("input_audio_buffer.append");
                    if !(is_audio && heard) {
                        with(shared, |shared| shared.messages.push(text.as_str().to_owned()));
                    }
                    heard |= is_audio;
                    let mut plan = with(shared, |shared| std::mem::take(&mut shared.plan));
                    session.take(text.as_str(), &mut plan);
                    with(shared, |shared| {
                        plan.append(&mut shared.plan);
                        shared.plan = plan;
                    });
                    waiting.extend(session.later.drain(..).map(|(after, later)| (began + after, later)));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}
