//! What the carrier knows of a call: the Call resource of the REST API, kept up to date by the call itself.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use talia_twilio::{CallSid, CallStatus};

use crate::wall_clock::WallClock;

/// Who began a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Somebody rang the server's number.
    Inbound,
    /// The REST API.
    OutboundApi,
    /// A `<Dial>`.
    OutboundDial,
}

impl Direction {
    /// Twilio's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// A call as the Call resource tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The call.
    pub sid: CallSid,
    /// The call whose `<Dial>` made it.
    pub parent: Option<CallSid>,
    /// Who began it.
    pub direction: Direction,
    /// Who rings.
    pub from: String,
    /// Who is rung.
    pub to: String,
    /// Where it stands.
    pub status: CallStatus,
    /// When it was made known.
    pub created: Timestamp,
    /// When it was dialled; none while it is queued.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// How long it lasted from its answer, in seconds; none while it lasts.
    pub duration_s: Option<u64>,
    /// The answering-machine detection's verdict.
    pub answered_by: Option<String>,
    /// How long it was queued, in milliseconds.
    pub queue_ms: u64,
}

impl CallRecord {
    pub(crate) fn new(sid: CallSid, direction: Direction, (from, to): (&str, &str), created: Timestamp) -> Self {
        Self {
            sid,
            parent: None,
            direction,
            from: from.to_owned(),
            to: to.to_owned(),
            status: CallStatus::Queued,
            created,
            started: None,
            ended: None,
            duration_s: None,
            answered_by: None,
            queue_ms: 0,
        }
    }
}

/// The record of one call: the call writes, the REST API reads.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    shared: Arc<Mutex<CallRecord>>,
    clock: WallClock,
}

impl Record {
    pub(crate) fn new(record: CallRecord, clock: WallClock) -> Self {
        Self {
            shared: Arc::new(Mutex::new(record)),
            clock,
        }
    }

    pub(crate) fn read(&self) -> CallRecord {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clock(&self) -> WallClock {
        self.clock
    }

    /// The call reached a status after it had lasted some seconds. A terminal one stays.
    pub(crate) fn reached(&self, status: CallStatus, seconds: u64) {
        let now = self.clock.now();
        let mut record = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if record.status.is_terminal() {
            return;
        }
        record.status = status;
        if status != CallStatus::Queued {
            record.started.get_or_insert(now);
        }
        if status.is_terminal() {
            record.ended = Some(now);
            record.duration_s = Some(seconds);
        }
    }

    pub(crate) fn answered_by(&self, verdict: &str) {
        let mut record = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        record.answered_by = Some(verdict.to_owned());
    }
}
