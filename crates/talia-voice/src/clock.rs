//! The one place that reads the clock: monotonic time for durations, wall time for what is written down.

use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where time comes from: the machine's clocks, or a test's hand.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Real { started: Instant },
    Manual(Arc<Mutex<Manual>>),
}

#[derive(Debug)]
struct Manual {
    started: Instant,
    elapsed: Duration,
    wall: Timestamp,
}

impl Clock {
    /// The machine's clocks.
    #[expect(clippy::disallowed_methods, reason = "this module is the one that may")]
    pub fn real() -> Self {
        Self(Source::Real {
            started: Instant::now(),
        })
    }

    /// A clock that stands at `wall` until [`Clock::advance`] moves it.
    #[expect(clippy::disallowed_methods, reason = "this module is the one that may")]
    pub fn manual(wall: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(Manual {
            started: Instant::now(),
            elapsed: Duration::ZERO,
            wall,
        }))))
    }

    /// Moves a manual clock forward, wall time with it; a real clock can't be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(state) = &self.0 {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.elapsed += by;
            state.wall = state.wall.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
    }

    /// Monotonic time: durations and deadlines only.
    #[expect(clippy::disallowed_methods, reason = "this module is the one that may")]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::Real { .. } => Instant::now(),
            Source::Manual(state) => {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.started + state.elapsed
            }
        }
    }

    /// Monotonic time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::Real { started } => self.now().duration_since(*started),
            Source::Manual(state) => state.lock().unwrap_or_else(PoisonError::into_inner).elapsed,
        }
    }

    /// Wall time: rows, events and the expiry of tokens, never durations.
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            Source::Real { .. } => Timestamp::now(),
            Source::Manual(state) => state.lock().unwrap_or_else(PoisonError::into_inner).wall,
        }
    }
}
