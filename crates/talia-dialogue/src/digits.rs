//! Collects pressed keys into one row.

use crate::Moment;
use std::time::Duration;

/// The pause that ends a row of keys.
const BETWEEN: Duration = Duration::from_secs(2);
/// The longest row: no number that a caller types is longer, and a flood of tones stops here.
const LONGEST: usize = 32;

/// Keys pressed since the brain was last told.
#[derive(Debug, Default)]
pub(crate) struct Digits {
    keys: String,
    due: Option<Moment>,
}

impl Digits {
    /// Takes a key in; `false` when there is no such key or the row is full.
    pub(crate) fn press(&mut self, key: char, now: Moment) -> bool {
        if !matches!(key, '0'..='9' | '*' | '#' | 'A'..='D') {
            return false;
        }
        let room = self.keys.len() < LONGEST;
        if room {
            self.keys.push(key);
        }
        // A key too many still says that the row goes on: a flood stays one row.
        self.due = Some(if key == '#' { now } else { now + BETWEEN });
        room
    }

    /// When the row is over.
    pub(crate) fn due_at(&self) -> Option<Moment> {
        self.due
    }

    /// Takes the row.
    pub(crate) fn take(&mut self) -> String {
        self.due = None;
        std::mem::take(&mut self.keys)
    }
}
