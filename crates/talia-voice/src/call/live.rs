//! What happens in a call as it happens, for the terminal and the live feed. Nothing of it is kept.

use crate::line::LiveCalls;
use crate::privacy::Mask;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{EndReason, Entry, Speaker, TurnTiming};
use talia_twilio::CallSid;
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

impl LiveEvent {
    /// Who begins to speak with it.
    fn speaker(&self) -> Option<Speaker> {
        match self {
            Self::CallerSpeaks | Self::Paused { .. } => Some(Speaker::Caller),
            Self::Says { .. } | Self::Resumed => Some(Speaker::Assistant),
            _ => None,
        }
    }
}

/// Sends the events of one call to whoever watches.
#[derive(Debug, Clone)]
pub struct Live {
    feed: broadcast::Sender<LiveItem>,
    calls: LiveCalls,
    mask: Arc<Mask>,
    call_sid: CallSid,
}

impl Live {
    /// Events of `call_sid` for the watchers of `feed`, their words masked, and of who speaks for the list of live calls.
    pub fn new(feed: broadcast::Sender<LiveItem>, calls: LiveCalls, mask: Arc<Mask>, call_sid: CallSid) -> Self {
        Self {
            feed,
            calls,
            mask,
            call_sid,
        }
    }

    /// Tells the watchers, if there are any. A line is told as it is kept.
    pub fn send(&self, event: LiveEvent) {
        if let Some(who) = event.speaker() {
            self.calls.speaks(&self.call_sid, who);
        }
        if self.feed.receiver_count() == 0 {
            return;
        }
        let event = match event {
            LiveEvent::Partial { text } => LiveEvent::Partial {
                text: self.mask.text(&text),
            },
            LiveEvent::Says { text } => LiveEvent::Says {
                text: self.mask.text(&text),
            },
            other => other,
        };
        // The last watcher may have gone just now.
        let _ = self.feed.send(LiveItem {
            call_sid: self.call_sid.to_string(),
            event,
        });
    }
}
