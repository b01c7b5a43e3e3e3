//! A circuit breaker: after failures an engine is left alone for a while. Pure: time is passed in.

use super::{Fault, FaultClass};
use std::time::Duration;

/// Failures in a row that open it, where one alone proves nothing.
const FAILURES: u32 = 2;
/// How long it stays open the first time, and the longest; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// The first wait where trying again at once is pointless.
const LONG_WAIT: Duration = Duration::from_mins(1);
/// The first wait after a quota that names no time.
const QUOTA_WAIT: Duration = Duration::from_secs(20);

/// What the breaker says of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is well: use it.
    Closed,
    /// It failed: leave it alone until then.
    Open {
        /// On the clock that [`Breaker::failed`] was told.
        until: Duration,
    },
    /// It failed, and its time is up: one probe, off the call path, may try it.
    Due,
}

/// The breaker of one engine. All times are of one monotonic clock.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    failures: u32,
    open_until: Option<Duration>,
    wait: Option<Duration>,
}

impl Breaker {
    /// What is to be done with the engine at `now`.
    pub fn verdict(&self, now: Duration) -> Verdict {
        match self.open_until {
            None => Verdict::Closed,
            Some(until) if now < until => Verdict::Open { until },
            Some(_) => Verdict::Due,
        }
    }

    /// It answered as it should.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It failed at `now`. `jitter`, 0 to 1, spreads the probes of many nodes.
    pub fn failed(&mut self, now: Duration, fault: &Fault, jitter: f32) {
        self.failures = self.failures.saturating_add(1);
        let at_once = matches!(fault.class, FaultClass::Terminal | FaultClass::Quota);
        if !at_once && self.failures < FAILURES {
            return;
        }
        let first = match fault.class {
            FaultClass::Transient | FaultClass::Malformed => FIRST_WAIT,
            FaultClass::Quota => QUOTA_WAIT,
            FaultClass::Terminal => LONG_WAIT,
        };
        // A failure of a call that began before it opened says nothing new.
        if self.open_until.is_some_and(|until| now < until) {
            return;
        }
        let wait = self.wait.map_or(first, |last| (last * 2).max(first)).min(LONGEST_WAIT);
        self.wait = Some(wait);
        let asked = fault.retry_after.map(|asked| asked.min(LONGEST_WAIT));
        let jittered = wait.mul_f32(1.0 + 0.25 * jitter.clamp(0.0, 1.0));
        self.open_until = Some(now + asked.unwrap_or(jittered));
    }
}
