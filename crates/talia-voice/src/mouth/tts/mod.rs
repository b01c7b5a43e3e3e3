//! Text to speech. One file a provider.

pub mod aura;
pub mod cartesia;
pub mod elevenlabs;
pub mod fixed_delay;
pub mod local;
pub mod openai;
pub mod socket_session;

use crate::providers::{Fault, Tally};
use std::{sync::Arc, time::Duration};
use talia_spanish::Language;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// How it is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// The local engine's name of the voice; a service's is in its own configuration.
    pub name: String,
    /// 1.0 is the voice's own pace.
    pub speed: f32,
    /// The language of the text.
    pub language: Language,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum TtsError {
    /// Every engine of the chain failed.
    #[error("no engine could speak: {0}")]
    Engine(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}

/// Something on this machine that speaks. Blocking: it runs on a thread of its own.
pub trait Tts: Send + Sync {
    /// Speech as 8 kHz μ-law.
    fn speak(&self, text: &str, voice: &Voice) -> Result<Arc<[u8]>, TtsError>;
    /// The same, if it is kept already; never slow.
    fn kept(&self, text: &str, voice: &Voice) -> Option<Arc<[u8]>>;
    /// Speaks and keeps it; `false` when it came from what was kept on disk before.
    fn prepare(&self, text: &str, voice: &Voice) -> Result<bool, TtsError>;
    /// Seconds of work that a second of speech takes now, about.
    fn pace(&self) -> f32;
    /// Its name, as it is printed.
    fn name(&self) -> &'static str;
}

/// A service that speaks while it makes the speech.
pub trait StreamingTts: Send + Sync {
    /// Opens what one call needs, and returns at once; what works for it is spawned on `tasks` and ends with the session.
    /// Texts are counted in `tally` when the service has been given them.
    fn open(&self, voice: &Voice, tally: Tally, tasks: &TaskTracker) -> Session;
}

/// Texts that may wait in one session.
const ORDERS: usize = 16;
/// Pieces of one text's speech that may wait to be taken: then the service is read no further.
const PIECES: usize = 64;

/// A call's way to a service.
#[derive(Debug)]
pub struct Session {
    orders: mpsc::Sender<Order>,
}

/// The speech of one text as it is made. Whoever drops it doesn't want the rest.
#[derive(Debug)]
pub struct Speech {
    /// What came so far, in order; the last one is [`Piece::End`] or [`Piece::Failed`].
    pub pieces: mpsc::Receiver<Piece>,
}

/// A piece of speech.
#[derive(Debug)]
pub enum Piece {
    /// 8 kHz μ-law.
    Audio(Vec<u8>),
    /// The next part of the text (a letter, a word) is over at this time of the audio.
    Aligned { part: String, ends: Duration },
    /// All of the text is said.
    End,
    /// No more comes.
    Failed(Fault),
}

/// A text to be said, and where its speech goes.
#[derive(Debug)]
struct Order {
    text: String,
    pieces: mpsc::Sender<Piece>,
}

impl Session {
    fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, queue) = mpsc::channel(ORDERS);
        (Self { orders }, queue)
    }

    /// Begins to say a text.
    pub fn say(&self, text: String) -> Speech {
        let (speech, pieces) = Speech::new();
        if let Err(mpsc::error::TrySendError::Full(order) | mpsc::error::TrySendError::Closed(order)) =
            self.orders.try_send(Order { text, pieces })
        {
            // An empty channel has room for this one.
            let _ = order
                .pieces
                .try_send(Piece::Failed(Fault::transient("the session takes no more texts")));
        }
        speech
    }
}

impl Speech {
    /// Speech, and where its pieces are given in.
    pub fn new() -> (Self, mpsc::Sender<Piece>) {
        let (sender, pieces) = mpsc::channel(PIECES);
        (Self { pieces }, sender)
    }
}
