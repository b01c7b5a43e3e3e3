//! Takes the events of a call that was erased out of the stream: their bytes are overwritten there.

use super::{ANSWER, Connected, Nats};
use crate::events::sinks::Outcome;
use crate::store::OutboxRow;
use crate::telemetry::labels::SinkFault;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{DeleteMessageErrorKind, Stream};
use futures::StreamExt as _;
use serde::Deserialize;
use std::collections::HashSet;
use std::time::Duration;

/// Messages of which the headers are asked for at once.
const PAGE: usize = 500;
/// A consumer that is asked for nothing any more is forgotten after this.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// How far the server's clock may be ahead of the one that dated the call.
const SKEW_S: i64 = 3_600;

/// The reason of an erasure that nobody asked for.
const BY_AGE: &str = "retention";

/// What `call_erased` says, as far as it is needed here.
#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    reason: String,
    started_at: jiff::Timestamp,
    erased_events: HashSet<String>,
}

impl Nats {
    /// Takes out what the stream holds of the events that this one names. None is left where it answers none, but for a call
    /// that went by its age: so do the stream's messages, and reading the stream anew for each such call would be no end of work.
    pub(super) async fn withdraw(&self, connected: &Connected, event: &OutboxRow) -> Option<Outcome> {
        let Ok(Event { data }) = serde_json::from_str(&event.event) else {
            return Some(Outcome::Never(SinkFault::Other));
        };
        if data.reason == BY_AGE {
            return None;
        }
        let done = self.take_out(connected, data).await;
        let reason = done.err()?;
        let forbidden = connected.is_forbidden.load(std::sync::atomic::Ordering::Relaxed);
        Some(Outcome::Failed {
            reason: if forbidden { SinkFault::Forbidden } else { reason },
            after: None,
        })
    }

    async fn take_out(&self, connected: &Connected, data: Data) -> Result<(), SinkFault> {
        let stream = connected
            .jetstream
            .get_stream(&self.config.stream)
            .await
            .map_err(|_| SinkFault::Stream)?;
        for sequence in self.find(&stream, data).await? {
            // One that went meanwhile, by its age, is not found at the next try.
            stream
                .delete_message(sequence)
                .await
                .map_err(|error| match error.kind() {
                    DeleteMessageErrorKind::JetStream(_) => SinkFault::Stream,
                    _ => SinkFault::TimedOut,
                })?;
        }
        Ok(())
    }

    /// Where the named events stand in the stream.
    async fn find(&self, stream: &Stream, data: Data) -> Result<Vec<u64>, SinkFault> {
        let from = data.started_at.as_second().saturating_sub(SKEW_S);
        let from = jiff::Timestamp::from_second(from)
            .unwrap_or(data.started_at)
            .to_string();
        let start_time = async_nats::datetime::parse_rfc3339(&from).map_err(|_| SinkFault::Other)?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartTime { start_time },
            ack_policy: AckPolicy::None,
            filter_subject: self.wanted_subjects(),
            headers_only: true,
            inactive_threshold: FORGOTTEN,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|_| SinkFault::TimedOut)?;
        let mut found = Vec::new();
        loop {
            let batch = consumer.fetch().max_messages(PAGE).expires(ANSWER).messages().await;
            let mut batch = batch.map_err(|_| SinkFault::TimedOut)?;
            let mut count = 0;
            while let Some(message) = batch.next().await {
                let message = message.map_err(|_| SinkFault::TimedOut)?;
                count += 1;
                let id = message
                    .headers
                    .as_ref()
                    .and_then(|headers| headers.get(NATS_MESSAGE_ID));
                if id.is_some_and(|id| data.erased_events.contains(id.as_str())) {
                    found.push(message.info().map_err(|_| SinkFault::Other)?.stream_sequence);
                }
            }
            if count == 0 {
                return Ok(found);
            }
        }
    }
}
