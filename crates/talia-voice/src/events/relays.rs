//! The relays of all sinks that the configuration names.

use super::lag;
use super::relay::{Relay, Retries};
use super::sinks::{Nats, Sink, Webhook, WebhookError};
use crate::clock::Clock;
use crate::config::Config;
use crate::outgoing::ClientError;
use crate::outgoing::nats::NatsError;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The name of the sink that NATS is.
const NATS: &str = "nats";

/// How long it may take to write down how far it came.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// NATS fails for all events, never for one: such a try is no try.
const NATS_RETRIES: Retries = Retries {
    tries: 10,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(1),
};

/// Why events can't be relayed.
#[derive(Debug, Error)]
pub enum RelaysError {
    /// The database doesn't take a sink.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client for requests of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What the configuration says of NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// What it says of a backend of the company's own.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

/// What carries events outside. Neither a call nor the stop of the server waits for it.
#[derive(Debug)]
pub struct Relays {
    closing: CancellationToken,
    closed: CancellationToken,
    tasks: TaskTracker,
    _watching: Option<AbortOnDropHandle<()>>,
}

impl Relays {
    /// Begins to relay; each sink is known to the database from here on.
    pub async fn start(
        config: &Config,
        store: &Store,
        clock: &Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, RelaysError> {
        let starting = Starting {
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            common: (store, clock, metrics),
        };
        let mut names = Vec::new();
        if let Some(nats) = &config.events.nats {
            let sink = Nats::new(nats.clone())?;
            starting.relay(sink, NATS, NATS_RETRIES).await?;
            names.push(NATS.to_owned());
        }
        for webhook in &config.events.webhooks {
            let retries = Retries {
                tries: webhook.tries,
                first: webhook.retry,
                longest: webhook.longest_retry.max(webhook.retry),
            };
            let name = webhook.id.clone();
            let sink = Webhook::new(webhook.clone(), &config.tool_network, clock.clone())?;
            starting.relay(sink, &name, retries).await?;
            names.push(name);
        }
        starting.tasks.close();
        let watching = (!names.is_empty()).then(|| {
            let watching = lag::watch(names, store.clone(), clock.clone(), metrics.clone());
            AbortOnDropHandle::new(tokio::spawn(watching))
        });
        Ok(Self {
            closing: starting.closing,
            closed: starting.closed,
            tasks: starting.tasks,
            _watching: watching,
        })
    }

    /// Delivers what is left, for so long at most; the rest is delivered at the next start, or by another node.
    pub async fn close(&self, within: Duration) {
        self.closing.cancel();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("events are left to be delivered later");
            self.closed.cancel();
            // It still says how far it came.
            let _ = timeout(LAST_WRITE, self.tasks.wait()).await;
        }
    }
}

/// What every relay is given.
struct Starting<'a> {
    closing: CancellationToken,
    closed: CancellationToken,
    tasks: TaskTracker,
    common: (&'a Store, &'a Clock, &'a Arc<Metrics>),
}

impl Starting<'_> {
    async fn relay(&self, sink: impl Sink, name: &str, retries: Retries) -> Result<(), StoreError> {
        let (store, clock, metrics) = self.common;
        store.register_sink(name).await?;
        let relay = Relay {
            sink: Arc::new(sink),
            name: name.to_owned(),
            retries,
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            closing: self.closing.clone(),
            closed: self.closed.clone(),
        };
        self.tasks.spawn(relay.run());
        Ok(())
    }
}
