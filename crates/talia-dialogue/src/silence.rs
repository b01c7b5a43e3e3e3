//! The ladder of a silent caller: a few nudges, then the end.

use crate::Moment;
use std::time::Duration;

/// How long the caller has been silent, and how often we have asked.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    since: Moment,
    nudges: u8,
}

impl Ladder {
    /// The caller's silence begins to count.
    pub(crate) fn start(&mut self, now: Moment) {
        self.since = now;
    }

    /// The caller said or pressed something.
    pub(crate) fn reset(&mut self) {
        self.nudges = 0;
    }

    /// When the next step is due.
    pub(crate) fn due_at(&self, after: Duration) -> Moment {
        self.since + after
    }

    /// Takes the next step: the nudge's number, or `None` when there were enough.
    pub(crate) fn climb(&mut self, now: Moment, most: u8) -> Option<u8> {
        self.since = now;
        if self.nudges >= most {
            return None;
        }
        self.nudges += 1;
        Some(self.nudges)
    }
}
