//! Identifiers that sort by the time they were made (UUID version 7).

use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};
use uuid::{ContextV7, Uuid};

/// What comes before every identifier.
pub(super) const BEFORE_ALL: &str = "00000000-0000-0000-0000-000000000000";

/// Makes identifiers; those of one millisecond still come out in order.
#[derive(Debug)]
pub(super) struct Ids(Mutex<ContextV7>);

impl Ids {
    pub(super) fn new() -> Self {
        Self(Mutex::new(ContextV7::new()))
    }

    pub(super) fn next(&self, now: Timestamp) -> String {
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.as_second().max(0) as u64;
        let nanoseconds = now.subsec_nanosecond().max(0) as u32;
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanoseconds)).to_string()
    }
}
