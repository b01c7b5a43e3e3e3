//! How many messages a second one media socket may send. Pure: time comes in.

use std::time::Duration;

/// Twilio sends a frame every 20 ms, and a mark now and then: twice that is room enough.
const INTERVAL: Duration = Duration::from_millis(10);
/// What may come at once: a connection that stalled brings ten seconds of audio in one go, and that is still a call.
const BURST: u32 = 500;

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Debug, Default)]
pub(super) struct MessageRate {
    full_at: Duration,
}

impl MessageRate {
    /// Takes a message's token at `now`; `false` when there is none left.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let full_at = self.full_at.max(now) + INTERVAL;
        let is_left = full_at <= now + INTERVAL * BURST;
        if is_left {
            self.full_at = full_at;
        }
        is_left
    }
}

#[cfg(test)]
mod tests;
