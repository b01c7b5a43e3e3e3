//! What this node knows by heart of the calls that it has had lately, for whoever can't wait for the database.
//!
//! The database is the truth. But a webhook is answered within milliseconds, also while the database hangs or is gone,
//! and then the node that had a call's last stream knows best: whether the conversation is over, which stream comes
//! next, and what the conversation needs to go on.

use crate::brain::Errand;
use crate::clock::Clock;
use crate::store::{NewCall, OutboundRow};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Twilio comes back within seconds, and is told to where it doesn't; a person may talk with a caller for long.
const REMEMBERED: Duration = Duration::from_hours(4);
/// A call out may wait in Twilio's queue (one a second is dialled) before it rings.
const DIALLED: Duration = Duration::from_hours(1);
/// Beyond this many of a kind the database alone knows.
const MOST: usize = 20_000;

/// What a stream has left behind.
#[derive(Debug, Clone)]
pub struct LeftHere {
    /// The number of the stream, from 1.
    pub stream: i64,
    /// When the call's first stream began.
    pub began: Timestamp,
    /// What the conversation needs to go on, JSON.
    pub memory: String,
    /// Whether the caller has heard the disclosure to its end.
    pub disclosed: bool,
}

/// A call as this node knows it.
#[derive(Debug, Clone)]
pub struct CallHere {
    /// As its row has it, or will have it.
    pub call: NewCall,
    /// Why we made it; none of a call that came in.
    pub errand: Option<Errand>,
    /// How many streams it had, as far as this node knows.
    pub streams: i64,
    /// Its conversation is over.
    pub over: bool,
    /// Transfers that nobody answered, as far as this node was told.
    pub unanswered: usize,
    /// What its last stream here has left.
    pub left: Option<LeftHere>,
}

/// The calls of the last hours.
#[derive(Debug)]
pub struct Lately {
    clock: Clock,
    calls: Mutex<HashMap<String, (CallHere, Instant)>>,
    dialled: Mutex<HashMap<String, (OutboundRow, Instant)>>,
}

impl Lately {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            calls: Mutex::default(),
            dialled: Mutex::default(),
        }
    }

    /// A call begins, or its stream does: the `streams`-th, counted from 1; 0 before the first.
    pub fn begun(&self, call: NewCall, errand: Option<Errand>, streams: i64) {
        let until = self.clock.now() + REMEMBERED;
        let mut calls = self.room();
        if let Some((here, forget_at)) = calls.get_mut(&call.call_sid) {
            here.streams = here.streams.max(streams);
            here.errand = errand.or(here.errand.take());
            *forget_at = until;
        } else if calls.len() < MOST {
            let call_sid = call.call_sid.clone();
            let here = CallHere {
                call,
                errand,
                streams,
                over: false,
                unanswered: 0,
                left: None,
            };
            calls.insert(call_sid, (here, until));
        }
    }

    /// A stream has ended; what it leaves is good for the next one only, which may have begun already.
    pub fn left(&self, call_sid: &str, left: LeftHere) {
        self.change(call_sid, |here| {
            if here.left.as_ref().is_none_or(|before| before.stream <= left.stream) {
                here.left = Some(left);
            }
        });
    }

    /// The conversation of a call is over.
    pub fn over(&self, call_sid: &str) {
        self.change(call_sid, |here| {
            here.over = true;
            here.left = None;
        });
    }

    /// Nobody has answered a transfer of a call's caller: so many in all, or one more where only Twilio has said so.
    pub fn nobody_answered(&self, call_sid: &str, all: Option<usize>) {
        self.change(call_sid, |here| here.unanswered = all.unwrap_or(here.unanswered + 1));
    }

    /// What is known of a call.
    pub fn call(&self, call_sid: &str) -> Option<CallHere> {
        let calls = self.lock();
        let (here, forget_at) = calls.get(call_sid)?;
        (*forget_at > self.clock.now()).then(|| here.clone())
    }

    /// Twilio has a call out of ours.
    pub fn dialled(&self, row: OutboundRow) {
        let now = self.clock.now();
        let mut dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        if dialled.len() >= MOST {
            dialled.retain(|_, (_, forget_at)| *forget_at > now);
        }
        if dialled.len() < MOST {
            dialled.insert(row.id.clone(), (row, now + DIALLED));
        }
    }

    /// A call out that this node has made.
    pub fn outbound(&self, id: &str) -> Option<OutboundRow> {
        let dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        let (row, forget_at) = dialled.get(id)?;
        (*forget_at > self.clock.now()).then(|| row.clone())
    }

    fn change(&self, call_sid: &str, change: impl FnOnce(&mut CallHere)) {
        if let Some((here, _)) = self.lock().get_mut(call_sid) {
            change(here);
        }
    }

    /// The calls, without those that are long over where there are many.
    fn room(&self) -> MutexGuard<'_, HashMap<String, (CallHere, Instant)>> {
        let now = self.clock.now();
        let mut calls = self.lock();
        if calls.len() >= MOST {
            calls.retain(|_, (here, forget_at)| *forget_at > now && !here.over);
        }
        calls
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (CallHere, Instant)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
