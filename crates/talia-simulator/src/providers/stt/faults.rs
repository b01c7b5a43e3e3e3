//! How a fake recogniser misbehaves.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// One way to misbehave, of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttFault {
    /// Refuses the handshake.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Seconds of a `Retry-After`.
        retry_after: Option<u32>,
    },
    /// Answers the handshake with a page.
    Html,
    /// Resets the connection once so many bytes of audio have come.
    CutAt(u64),
    /// Neither reads nor says anything once so many bytes of audio have come; the connection stays.
    HalfOpenAt(u64),
    /// Takes audio and answers pings, and says nothing any more once so many bytes have come.
    MuteAt(u64),
    /// Takes only so many bytes of messages a second.
    SlowReads(u32),
    /// Closes with this code once so many bytes of audio have come.
    CloseAt(u64, u16),
    /// Says these texts with the first audio, whatever they are.
    Say(Vec<String>),
    /// Says a text message that isn't UTF-8, with the first audio.
    CutUtf8,
    /// Says every final result twice.
    RepeatFinals,
    /// Says every final result once more with other words.
    ReviseFinals,
    /// Says every second final result before the one that came before it.
    ReorderFinals,
}

/// What connections are to misbehave how: changed while the fake runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SttPlan(Arc<Mutex<Planned>>);

#[derive(Debug, Default)]
struct Planned {
    next: VecDeque<Vec<SttFault>>,
    others: Vec<SttFault>,
}

impl SttPlan {
    /// The next connection that isn't planned yet misbehaves like this.
    pub fn next(&self, faults: &[SttFault]) {
        self.with(|planned| planned.next.push_back(faults.to_vec()));
    }

    /// All connections that nothing else is planned for misbehave like this.
    pub fn others(&self, faults: &[SttFault]) {
        self.with(|planned| planned.others = faults.to_vec());
    }

    pub(super) fn take(&self) -> Vec<SttFault> {
        self.with(|planned| planned.next.pop_front().unwrap_or_else(|| planned.others.clone()))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Planned) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
