//! Streams of recognisers that are opened while the phone still rings, and wait for their call.
//!
//! A stream stands in about 200 ms, and Twilio brings the caller a second after it was told where to. What isn't fetched
//! in [`PATIENCE`] is closed.

use super::stream::session::Session;
use super::{EarEngines, EarEvent};
use crate::{providers::Work, telemetry};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use talia_spanish::Language;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Services close what stays silent for ten seconds, and that would be counted as their failure.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// The ears of a call that isn't there yet.
#[derive(Debug)]
pub struct Early {
    /// Their language.
    pub language: Language,
    /// The recognisers' task.
    pub session: Session,
    /// Where it reports to…
    pub sender: mpsc::Sender<EarEvent>,
    /// …and where that is read.
    pub events: mpsc::Receiver<EarEvent>,
    /// What they were sent.
    pub work: Work,
    /// What runs for it.
    pub tasks: TaskTracker,
    _waiting: DropGuard,
}

/// Ears that wait for their calls, by CallSid.
#[derive(Debug)]
pub struct EarlyEars {
    waiting: Mutex<HashMap<String, Early>>,
    most: usize,
    patience: Duration,
}

impl EarlyEars {
    /// At most so many at once, each for so long.
    pub fn new(most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            most,
            patience,
        })
    }

    /// Opens the streams of a call that has been answered. Without streaming recognisers, with too many calls, or when they
    /// are open already, nothing is done: the call opens its own.
    pub fn open(self: &Arc<Self>, call_sid: &str, engines: &EarEngines, language: Language) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.most || waiting.contains_key(call_sid) {
            return;
        }
        let (sender, events) = super::channel();
        let _said_of_the_call = telemetry::call_span(call_sid).entered();
        let (work, tasks) = (Work::default(), TaskTracker::new());
        let Some(session) = engines.session(language, &sender, &work, &tasks) else {
            return;
        };
        let fetched = CancellationToken::new();
        let (ears, call, gone) = (Arc::downgrade(self), call_sid.to_owned(), fetched.clone());
        let patience = self.patience;
        tokio::spawn(async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = tokio::time::sleep(patience) => drop(ears.upgrade().and_then(|ears| ears.fetch(&call))),
            }
        });
        let early = Early {
            language,
            session,
            sender,
            events,
            work,
            tasks,
            _waiting: fetched.drop_guard(),
        };
        waiting.insert(call_sid.to_owned(), early);
    }

    /// Those of this call, if they are open.
    pub fn fetch(&self, call_sid: &str) -> Option<Early> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(call_sid)
    }
}
