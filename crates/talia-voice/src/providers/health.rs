//! How the engines of other people are doing: one breaker each for all calls, and probes that no call waits for.

use super::{Breaker, Fault, Verdict};
use crate::clock::Clock;
use crate::telemetry::Metrics;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(10);
/// How often it is looked whether a probe is due.
const LOOK: Duration = Duration::from_secs(1);

/// The health of every engine that a chain names.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    metrics: Arc<Metrics>,
    breakers: Mutex<BTreeMap<Arc<str>, Breaker>>,
}

/// The health of one engine; clones share it.
#[derive(Debug, Clone)]
pub struct Watch {
    name: Arc<str>,
    health: Arc<Health>,
}

impl Health {
    /// Nobody has failed yet.
    pub fn new(clock: Clock, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            metrics,
            breakers: Mutex::default(),
        })
    }

    /// The health of the engine with this name of the configuration.
    pub fn watch(self: &Arc<Self>, name: &str) -> Watch {
        Watch {
            name: Arc::from(name),
            health: self.clone(),
        }
    }
}

impl Watch {
    /// The engine's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether calls should use it. With none of a chain available, the first one is tried all the same.
    pub fn is_available(&self) -> bool {
        self.verdict() == Verdict::Closed
    }

    /// What its breaker says now.
    pub fn verdict(&self) -> Verdict {
        let now = self.health.clock.elapsed();
        self.with(|breaker| breaker.verdict(now))
    }

    /// It did what it was asked to.
    pub fn succeeded(&self) {
        self.with(Breaker::succeeded);
    }

    /// It failed: counted, and left alone if that wasn't the first time.
    pub fn failed(&self, fault: &Fault) {
        let now = self.health.clock.elapsed();
        self.with(|breaker| breaker.failed(now, fault, jitter()));
        self.health.metrics.provider_fault(&self.name, fault.class);
        tracing::warn!(provider = %self.name, class = ?fault.class, error = %fault, "an engine failed");
    }

    /// It sent something that we don't know: skipped and counted.
    pub fn unknown_event(&self) {
        self.health.metrics.provider_unknown_event(&self.name);
    }

    /// Probes the engine whenever its breaker says that it is time, until `stop`. A probe that succeeds lets calls use it again.
    pub async fn probe_when_due<Probing>(self, stop: CancellationToken, probe: impl Fn() -> Probing)
    where
        Probing: Future<Output = Result<(), Fault>>,
    {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.verdict() != Verdict::Due {
                continue;
            }
            let probed = tokio::select! {
                () = stop.cancelled() => return,
                probed = tokio::time::timeout(PROBE, probe()) => probed,
            };
            match probed.unwrap_or(Err(Fault::transient("a probe took too long"))) {
                Ok(()) => {
                    self.succeeded();
                    tracing::info!(provider = %self.name, "an engine is well again");
                }
                Err(fault) => self.failed(&fault),
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.health.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        change(breakers.entry(self.name.clone()).or_default())
    }
}

fn jitter() -> f32 {
    let mut byte = [0; 1];
    // Without randomness nobody is spread, and nothing else is lost.
    let _ = getrandom::fill(&mut byte);
    f32::from(byte[0]) / 255.0
}
