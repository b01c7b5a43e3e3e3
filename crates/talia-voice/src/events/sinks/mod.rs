//! Places outside that are told of events: one file each.

mod nats;
mod webhook;

pub use nats::{Nats, NatsTrouble, StreamState};
pub use webhook::{Webhook, WebhookError};

use crate::store::{EventKind, OutboxRow};
use crate::telemetry::labels::SinkFault;
use std::sync::Arc;
use std::time::Duration;

/// What became of an event at a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has it, for good.
    Taken,
    /// It failed for this event, and may go well at another time.
    Failed {
        reason: SinkFault,
        /// How long it asks us to wait.
        after: Option<Duration>,
    },
    /// It will never take this event.
    Never(SinkFault),
    /// It takes nothing now, whatever it is.
    Closed(SinkFault),
}

/// A place outside.
pub trait Sink: Send + Sync + 'static {
    /// Deliveries at once.
    const IN_FLIGHT: usize;

    /// Whether it wants events of this kind.
    fn wants(&self, kind: &EventKind) -> bool;

    /// Makes it ready: asked at first, and again after it was closed, until it is.
    fn open(&self) -> impl Future<Output = Result<(), SinkFault>> + Send;

    /// Hands an event over; takes a bounded time.
    fn deliver(&self, event: Arc<OutboxRow>) -> impl Future<Output = Outcome> + Send;
}
