//! When the next frame may go out: absolute deadlines, so that no delay adds up.

use std::time::Duration;

use crate::frame::FRAME;

/// Keeps the listener's buffer filled by `lead` and never by more than one frame beyond it.
///
/// Times are durations since any fixed moment, for instance the start of the call. Frame `n` is due at
/// `origin + n × 20 ms − lead`: a wake-up that comes late delays nothing after it. Once everything sent has been
/// played (an idle line, a long stall), the origin moves to the present, so that the missed time isn't made up
/// for by a burst.
#[derive(Debug, Clone)]
pub struct Pacer {
    lead: Duration,
    origin: Duration,
    /// Frames sent since `origin`.
    sent: u64,
}

impl Pacer {
    /// A pacer that starts to count at `now`; `lead` is how far ahead of real time frames may run.
    pub fn new(now: Duration, lead: Duration) -> Self {
        Self {
            lead,
            origin: now,
            sent: 0,
        }
    }

    /// How many frames may be sent at `now`. Moves the origin if all that was sent has been played.
    pub fn due(&mut self, now: Duration) -> usize {
        if now > self.played_out_at() {
            self.origin = now;
            self.sent = 0;
        }
        let elapsed = (now + self.lead).saturating_sub(self.origin);
        let allowed = elapsed.as_nanos() / FRAME.as_nanos() + 1;
        allowed.saturating_sub(u128::from(self.sent)) as usize
    }

    /// Tells that `frames` have been sent.
    pub fn sent(&mut self, frames: usize) {
        self.sent += frames as u64;
    }

    /// When the next frame is due; in the past if it is due already.
    pub fn next_deadline(&self) -> Duration {
        self.played_out_at().saturating_sub(self.lead)
    }

    /// When the listener will have heard all that was sent, the way of the network left aside.
    pub fn played_out_at(&self) -> Duration {
        self.origin + Duration::from_nanos(FRAME.as_nanos() as u64 * self.sent)
    }

    /// How much audio waits in the listener's buffer at `now`.
    pub fn buffered(&self, now: Duration) -> Duration {
        self.played_out_at().saturating_sub(now)
    }

    /// True if the listener's buffer ran dry before `now`: an underrun, if there was more to say.
    pub fn ran_dry(&self, now: Duration) -> bool {
        self.sent > 0 && now > self.played_out_at()
    }

    /// Tells that the listener's buffer has been emptied (`clear`): counting starts again at `now`.
    pub fn cleared(&mut self, now: Duration) {
        self.origin = now;
        self.sent = 0;
    }
}
