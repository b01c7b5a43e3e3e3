//! The register of a carrier's calls: who can be controlled, what is known, how it ended, and when the next may start.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use talia_twilio::{CallSid, CallStatus};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    call::Control,
    outcome::CallOutcome,
    records::{CallRecord, Record},
};

/// Calls that are remembered.
const REMEMBERED: usize = 10_000;

/// One call.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// None when it is over.
    pub(crate) control: Option<mpsc::Sender<Control>>,
    /// How it ended, where somebody may ask.
    pub(crate) outcome: watch::Receiver<Option<Arc<CallOutcome>>>,
}

/// All calls.
#[derive(Debug, Default)]
pub(crate) struct Register {
    entries: HashMap<CallSid, Entry>,
    order: VecDeque<CallSid>,
    next_start: Option<Instant>,
}

impl Register {
    pub(crate) fn enter(&mut self, sid: CallSid, entry: Entry) {
        if self.order.len() >= REMEMBERED {
            // A call that is still live stays: it leaves the register when it is over and the oldest.
            let over = |sid: &CallSid| self.entries.get(sid).is_none_or(|entry| entry.control.is_none());
            if let Some(index) = self.order.iter().position(over)
                && let Some(old) = self.order.remove(index)
            {
                self.entries.remove(&old);
            }
        }
        self.order.push_back(sid.clone());
        self.entries.insert(sid, entry);
    }

    pub(crate) fn get(&self, sid: &str) -> Option<&Entry> {
        self.entries.get(sid)
    }

    /// A call is over: nothing controls it any more.
    pub(crate) fn leave(&mut self, sid: &CallSid) {
        if let Some(entry) = self.entries.get_mut(sid) {
            entry.control = None;
            // A call that told its end keeps it; one that was dropped had none.
            entry.record.reached(CallStatus::Completed, 0);
        }
    }

    pub(crate) fn live(&self) -> Vec<CallSid> {
        let live = self
            .order
            .iter()
            .filter(|sid| self.get(sid.as_str()).is_some_and(|entry| entry.control.is_some()));
        live.cloned().collect()
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let entries = self.order.iter().filter_map(|sid| self.entries.get(sid));
        entries.map(|entry| entry.record.read()).collect()
    }

    /// How long a new call must wait, so that calls start `interval` apart.
    pub(crate) fn queue(&mut self, now: Instant, interval: Duration) -> Duration {
        let start = self.next_start.map_or(now, |next| next.max(now));
        self.next_start = Some(start + interval);
        start - now
    }
}
