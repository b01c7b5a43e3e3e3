//! How far each sink is behind, as a metric: read from the database, so that every node says the same.

use crate::clock::Clock;
use crate::store::Store;
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(2);

/// Notes the lag of these sinks until it is dropped.
pub(super) async fn watch(sinks: Vec<String>, store: Store, clock: Clock, metrics: Arc<Metrics>) {
    let mut pulse = interval(EVERY);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        for sink in &sinks {
            let Ok(Some(lag)) = store.sink_lag(sink).await else {
                continue;
            };
            let age = lag.oldest.map(|oldest| clock.wall().duration_since(oldest));
            let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
            metrics.outbox_lag(sink, lag.events, age);
        }
    }
}
