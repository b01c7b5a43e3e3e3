//! The carrier's wall clock: it runs with tokio's clock, so that times on a paused clock fit the calls' own.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time at one moment of tokio's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    began: Timestamp,
    at: Instant,
}

impl WallClock {
    /// Takes the time once; everything after is told by tokio's clock.
    pub(crate) fn start() -> Self {
        Self {
            began: Timestamp::now(),
            at: Instant::now(),
        }
    }

    /// The time now.
    pub(crate) fn now(self) -> Timestamp {
        let elapsed = SignedDuration::try_from(Instant::now() - self.at).unwrap_or(SignedDuration::ZERO);
        self.began.saturating_add(elapsed).unwrap_or(self.began)
    }
}

/// As Twilio writes times in callbacks of calls and in REST answers (RFC 2822, UTC).
pub(crate) fn rfc2822(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
