//! Which engine of a chain a call is heard by, and what comes after a failure. Pure: takes the time.

use crate::providers::{Fault, FaultClass};
use std::time::Duration;

/// Failures in a row after which another engine is tried.
const FAILURES: u32 = 2;
/// How long an engine is left alone that failed so often, at first and at most; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// After a quota that names no time, and at most after one that does.
const QUOTA_WAIT: Duration = Duration::from_secs(20);
/// Its breaker is open: others come first.
const UNWELL: Duration = Duration::from_secs(20);

#[derive(Debug, Default, Clone)]
struct Engine {
    failures: u32,
    rest_until: Duration,
    /// It will never take us.
    is_dead: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Connect to this engine at that time.
    Connect {
        /// Its place in the chain.
        engine: usize,
        /// Now, or later.
        at: Duration,
    },
    /// Every engine has refused us for good.
    Nobody,
}

/// The engines of one call.
#[derive(Debug)]
pub struct Roster {
    engines: Vec<Engine>,
    current: usize,
    /// 0 to 1: keeps calls that fail together from coming back together.
    jitter: f32,
}

impl Roster {
    /// A chain by which of its engines are well now; `jitter` is any figure from 0 to 1.
    pub fn new(well: &[bool], now: Duration, jitter: f32) -> Self {
        let some_well = well.contains(&true);
        let engine = |well: &bool| Engine {
            rest_until: if *well || !some_well {
                Duration::ZERO
            } else {
                now + UNWELL
            },
            ..Engine::default()
        };
        Self {
            engines: well.iter().map(engine).collect(),
            current: 0,
            jitter,
        }
    }

    /// Whom to connect to.
    pub fn next(&mut self, now: Duration) -> Next {
        let alive = self.engines.iter().enumerate().filter(|(_, engine)| !engine.is_dead);
        match alive.min_by_key(|(_, engine)| engine.rest_until.max(now)) {
            Some((engine, state)) => {
                self.current = engine;
                Next::Connect {
                    engine,
                    at: state.rest_until.max(now),
                }
            }
            None => Next::Nobody,
        }
    }

    /// The engine did what it is for.
    pub fn succeeded(&mut self) {
        if let Some(engine) = self.engines.get_mut(self.current) {
            engine.failures = 0;
        }
    }

    /// The engine failed. The first time the same one is tried again at once; then, or when there is no point in that,
    /// the first other one that can be tried.
    pub fn failed(&mut self, now: Duration, fault: &Fault) -> Next {
        if let Some(engine) = self.engines.get_mut(self.current) {
            engine.failures += 1;
            let doubled = FIRST_WAIT * 2_u32.saturating_pow(engine.failures.saturating_sub(FAILURES).min(8));
            match fault.class {
                FaultClass::Transient | FaultClass::Malformed if engine.failures < FAILURES => {}
                FaultClass::Transient | FaultClass::Malformed => {
                    engine.rest_until = now + doubled.min(LONGEST_WAIT).mul_f32(1.0 + 0.25 * self.jitter);
                }
                FaultClass::Quota => engine.rest_until = now + fault.retry_after.unwrap_or(QUOTA_WAIT),
                FaultClass::Terminal => engine.is_dead = true,
            }
            if !engine.is_dead && engine.rest_until <= now {
                return Next::Connect {
                    engine: self.current,
                    at: now,
                };
            }
        }
        self.next(now)
    }

    /// The engine is too slow: the others come first for a while.
    pub fn leave(&mut self, now: Duration) -> Next {
        if let Some(engine) = self.engines.get_mut(self.current) {
            engine.failures = FAILURES;
            engine.rest_until = now + FIRST_WAIT;
        }
        self.next(now)
    }
}
