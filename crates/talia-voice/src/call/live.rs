//! What happens in a call as it happens, for the terminal and the live feed. Nothing of it is kept.

use std::time::Duration;
use talia_dialogue::{EndReason, Entry, TurnTiming};
use tokio::sync::broadcast;

/// One thing that happens in a call.
#[derive(Debug, Clone)]
pub struct LiveItem {
    /// The call.
    pub call_sid: String,
    /// What happens.
    pub event: LiveEvent,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The line is open.
    Opened { from: String, to: String },
    /// The caller began to speak.
    CallerSpeaks,
    /// Words of a turn that isn't over.
    Partial { text: String },
    /// TalIA begins to make this sentence.
    Says { text: String },
    /// A line of the transcript.
    Line(Entry),
    /// The caller spoke over TalIA: she stopped, so long after the first sound.
    Paused { reaction: Duration },
    /// It was nothing: she goes on.
    Resumed,
    /// It was an interruption: she lets the caller speak.
    Yielded,
    /// The stages of a turn.
    Turn(TurnTiming),
    /// The call is over.
    Ended { reason: EndReason },
}

/// Sends the events of one call to whoever watches.
#[derive(Debug, Clone)]
pub struct Live {
    feed: broadcast::Sender<LiveItem>,
    call_sid: String,
}

impl Live {
    /// Events of `call_sid` for the watchers of `feed`.
    pub fn new(feed: broadcast::Sender<LiveItem>, call_sid: String) -> Self {
        Self { feed, call_sid }
    }

    /// Tells the watchers, if there are any.
    pub fn send(&self, event: LiveEvent) {
        // No watcher is the ordinary case.
        let _ = self.feed.send(LiveItem {
            call_sid: self.call_sid.clone(),
            event,
        });
    }
}
