//! The last seconds of the caller's audio, for replays and for engines that take over.

use super::{Position, bytes_in};
use std::collections::VecDeque;
use std::time::Duration;

/// What is kept in any case.
const KEPT: u64 = bytes_in(Duration::from_secs(10));
/// What is pushed at once.
const PUSHED: usize = 160;
/// What is kept at most, however much of it is still needed: longer than the longest turn of a caller.
const MOST: u64 = bytes_in(Duration::from_secs(50));

/// μ-law bytes with their places.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    end: Position,
}

impl Default for Ring {
    /// With room for what is kept in any case: growing by doubling, a ring would take twice of that.
    fn default() -> Self {
        Self {
            bytes: VecDeque::with_capacity(KEPT as usize + PUSHED),
            end: 0,
        }
    }
}

impl Ring {
    /// Takes the next audio in, and drops what is older than `needed` and than what is kept in any case.
    pub fn push(&mut self, mulaw: &[u8], needed: Position) {
        self.bytes.extend(mulaw);
        self.end += mulaw.len() as u64;
        let oldest = needed
            .min(self.end.saturating_sub(KEPT))
            .max(self.end.saturating_sub(MOST));
        let surplus = oldest.saturating_sub(self.start()) as usize;
        self.bytes.drain(..surplus.min(self.bytes.len()));
    }

    /// Where the oldest byte lies.
    pub fn start(&self) -> Position {
        self.end - self.bytes.len() as u64
    }

    /// Where the next byte will lie.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The audio between two places, as far as it is there.
    pub fn between(&self, from: Position, to: Position) -> Vec<u8> {
        let at = |place: Position| (place.clamp(self.start(), self.end) - self.start()) as usize;
        let (from, to) = (at(from), at(to));
        self.bytes.range(from..to.max(from)).copied().collect()
    }
}
