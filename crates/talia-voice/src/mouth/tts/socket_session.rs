//! A session with a service that speaks over a WebSocket: keeps the connection, and carries texts in and speech out.
//!
//! The service's own words are a [`Protocol`]: pure, one file each.

use super::{Order, Piece, Session};
use crate::{
    config::Provider,
    providers::{Fault, Received, Socket, Tally, Target, Watch},
};
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use std::{collections::HashMap, pin::pin, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::task::TaskTracker;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(3);
/// How often an idle connection is kept alive: the services close it after 20 seconds at the earliest.
const KEEP_ALIVE: Duration = Duration::from_secs(8);
/// A connection that heard nothing for so long may have been closed without our knowing: one text is tried again then.
const STALE: Duration = Duration::from_secs(5);

/// What a service and we say to each other.
pub trait Protocol: Send + 'static {
    /// Where it is.
    fn target(&self) -> Target;
    /// What is sent on a new connection; what was known of an earlier one is forgotten.
    fn opened(&mut self) -> Vec<String>;
    /// Whether another text may be sent now.
    fn may_say(&self) -> bool;
    /// Whether the connection should be exchanged before the next text.
    fn is_worn_out(&self, _now: Instant) -> bool {
        false
    }
    /// What says a text.
    fn say(&mut self, text_id: u64, text: &str, now: Instant) -> Vec<String>;
    /// What tells that the rest of a text isn't wanted.
    fn cancel(&mut self, text_id: u64) -> Vec<String>;
    /// What keeps an idle connection open.
    fn keep_alive(&mut self) -> Vec<String>;
    /// What a message means.
    fn receive(&mut self, received: &Received, events: &mut Vec<Event>);
}

/// What a message meant.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// Speech of a text.
    Audio {
        /// The text.
        text_id: u64,
        /// 8 kHz.
        mulaw: Vec<u8>,
    },
    /// A part of a text is over at this time of its audio.
    Aligned {
        /// The text.
        text_id: u64,
        /// A letter or a word of it.
        part: String,
        /// From the beginning of its audio.
        ends: Duration,
    },
    /// All of a text is said.
    End {
        /// The text.
        text_id: u64,
    },
    /// It will not be said.
    Failed {
        /// The text; `None`: all of them.
        text_id: Option<u64>,
        /// Why.
        fault: Fault,
    },
    /// This has to be sent now.
    Send(String),
    /// A message that we don't know, or can't read: skipped.
    Unknown,
}

/// Opens a session: the connection is made at once, so that the first text finds it.
pub(super) fn open(protocol: impl Protocol, watch: Watch, tally: Tally, tasks: &TaskTracker) -> Session {
    let (session, queue) = Session::new();
    let talk = Talk {
        protocol,
        watch,
        tally,
        queue,
        texts: 0,
        sent: None,
        running: HashMap::new(),
        waiting: None,
    };
    tasks.spawn(talk.run());
    session
}

/// A text that is being said.
struct Running {
    order: Order,
    has_audio: bool,
    may_be_retried: bool,
}

struct Talk<P> {
    protocol: P,
    watch: Watch,
    tally: Tally,
    queue: mpsc::Receiver<Order>,
    /// How many texts there were: their ids.
    texts: u64,
    /// The text that is being sent now.
    sent: Option<u64>,
    running: HashMap<u64, Running>,
    /// A text that came while there was no connection, or was sent into one that was dead.
    waiting: Option<Order>,
}

/// Why a connection is over.
enum Over {
    /// Nobody needs it any more.
    Dropped,
    /// It broke.
    Lost(Fault),
    /// It is to be exchanged.
    Exchanged,
}

impl<P: Protocol> Talk<P> {
    async fn run(mut self) {
        loop {
            let lived_long = match self.connect().await {
                None => return,
                Some(Err(fault)) => {
                    if let Some(order) = self.waiting.take() {
                        let _ = order.pieces.send(Piece::Failed(fault)).await;
                    }
                    false
                }
                Some(Ok(socket)) => {
                    let opened = Instant::now();
                    match self.talk(socket).await {
                        Over::Dropped => return,
                        Over::Exchanged => true,
                        Over::Lost(fault) => {
                            self.lost(&fault).await;
                            opened.elapsed() > STALE
                        }
                    }
                }
            };
            // One that lived is made again at once, so that the next text finds it; one that failed only when it is needed.
            if self.waiting.is_none() && !lived_long {
                let Some(order) = self.queue.recv().await else {
                    return;
                };
                self.waiting = Some(order);
            }
        }
    }

    /// Connects; `None` when the session was dropped meanwhile.
    async fn connect(&mut self) -> Option<Result<Socket, Fault>> {
        let target = self.protocol.target();
        let mut connecting = pin!(Socket::open(&target, CONNECT));
        loop {
            tokio::select! {
                opened = &mut connecting => return Some(opened),
                order = self.queue.recv(), if self.waiting.is_none() => self.waiting = Some(order?),
            }
        }
    }

    async fn talk(&mut self, mut socket: Socket) -> Over {
        let first = Instant::now() + KEEP_ALIVE;
        let mut pulse = interval_at(first, KEEP_ALIVE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut events = Vec::new();
        let mut to_send = self.protocol.opened();
        loop {
            for message in to_send.drain(..) {
                if let Err(fault) = socket.send_text(message).await {
                    return Over::Lost(fault);
                }
            }
            self.count();
            if let Some(order) = self.waiting.take() {
                to_send = self.begin(order, false);
                continue;
            }
            let ready = self.protocol.may_say();
            tokio::select! {
                biased;
                unwanted = unwanted(&self.running), if !self.running.is_empty() => {
                    self.running.remove(&unwanted);
                    to_send = self.protocol.cancel(unwanted);
                }
                order = self.queue.recv(), if ready => {
                    let Some(order) = order else {
                        socket.close().await;
                        return Over::Dropped;
                    };
                    if self.protocol.is_worn_out(Instant::now()) {
                        self.waiting = Some(order);
                        socket.close().await;
                        return Over::Exchanged;
                    }
                    to_send = self.begin(order, heard.elapsed() > STALE);
                }
                received = socket.receive() => {
                    heard = Instant::now();
                    match received {
                        Ok(Received::Closed(_)) => return Over::Lost(Fault::transient("the service closed the connection")),
                        Ok(received) => self.protocol.receive(&received, &mut events),
                        Err(fault) => return Over::Lost(fault),
                    }
                    for event in events.drain(..) {
                        match self.tell(event).await {
                            Ok(message) => to_send.extend(message),
                            Err(fault) => return Over::Lost(fault),
                        }
                    }
                }
                _ = pulse.tick() => to_send = self.protocol.keep_alive(),
            }
        }
    }

    fn begin(&mut self, order: Order, may_be_retried: bool) -> Vec<String> {
        if order.pieces.is_closed() {
            // Nobody waits for it any more.
            return Vec::new();
        }
        self.texts += 1;
        let messages = self.protocol.say(self.texts, &order.text, Instant::now());
        let running = Running {
            order,
            has_audio: false,
            may_be_retried,
        };
        self.running.insert(self.texts, running);
        self.sent = Some(self.texts);
        messages
    }

    /// Counts the text that the service was given just now. One that goes into a dead connection, and then again into a
    /// new one, counts twice: nobody can tell whether the service had it.
    fn count(&mut self) {
        let sent = self.sent.take().and_then(|text_id| self.running.get(&text_id));
        if let Some(running) = sent {
            self.tally.speaks(&running.order.text);
        }
    }

    /// Hands on what was meant; speech that nobody wants any more goes nowhere.
    async fn tell(&mut self, event: Event) -> Result<Option<String>, Fault> {
        let (text_id, piece) = match event {
            Event::Audio { text_id, mulaw } => {
                if let Some(running) = self.running.get_mut(&text_id) {
                    running.has_audio = true;
                }
                (text_id, Piece::Audio(mulaw))
            }
            Event::Aligned { text_id, part, ends } => (text_id, Piece::Aligned { part, ends }),
            Event::End { text_id } => (text_id, Piece::End),
            Event::Failed { text_id: None, fault } => return Err(fault),
            Event::Failed {
                text_id: Some(text_id),
                fault,
            } => (text_id, Piece::Failed(fault)),
            Event::Send(message) => return Ok(Some(message)),
            Event::Unknown => {
                self.watch.unknown_event();
                return Ok(None);
            }
        };
        let is_last = matches!(piece, Piece::End | Piece::Failed(_));
        if let Some(running) = self.running.get(&text_id) {
            // Waits while nobody takes it: the service is read no further meanwhile. Whoever is gone is noticed next.
            let _ = running.order.pieces.send(piece).await;
        }
        if is_last {
            self.running.remove(&text_id);
        }
        Ok(None)
    }

    /// The connection is lost: so are the texts on it, except one that was sent into a connection long dead.
    async fn lost(&mut self, fault: &Fault) {
        self.sent = None;
        for (_, running) in self.running.drain() {
            if running.may_be_retried && !running.has_audio && self.waiting.is_none() && fault.is_worth_a_retry() {
                self.waiting = Some(running.order);
            } else {
                let _ = running.order.pieces.send(Piece::Failed(fault.clone())).await;
            }
        }
    }
}

/// The first text whose speech nobody wants any more.
async fn unwanted(running: &HashMap<u64, Running>) -> u64 {
    let closed = running.iter().map(|(id, running)| {
        Box::pin(async move {
            running.order.pieces.closed().await;
            *id
        })
    });
    futures::future::select_all(closed).await.0
}

/// The WebSocket address of an account.
pub(super) fn socket_url(url: &str) -> String {
    match url.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some((_, rest)) => format!("wss://{rest}"),
        None => url.to_owned(),
    }
}

/// The header that bears the account's key.
pub(super) fn key_header(provider: &Provider, name: &HeaderName, scheme: &str) -> Vec<(HeaderName, HeaderValue)> {
    let key = provider.account.key.iter();
    key.filter_map(|key| {
        let value = HeaderValue::try_from(format!("{scheme}{}", key.expose_secret())).ok()?;
        Some((name.clone(), value))
    })
    .collect()
}
