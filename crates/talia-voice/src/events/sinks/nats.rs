//! NATS JetStream: each event a message of a stream, known again by its id.
//!
//! Subject `{subjects}.{type}`, payload the CloudEvent (NATS binding, structured mode:
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/nats-protocol-binding.md>).

mod withdrawal;

use super::{Outcome, Sink};
use crate::config;
use crate::outgoing::nats::{NatsError, NatsServer, is_prohibition};
use crate::store::{EventKind, EventType, OutboxRow};
use crate::telemetry::labels::SinkFault;
use async_nats::connection::State;
use async_nats::jetstream::context::{
    Context, ContextBuilder, CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{ErrorCode, stream};
use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// A stream must know an id again for so long: a try and the next one fit in.
const SHORTEST_DUPLICATES: Duration = Duration::from_secs(30);

/// What is wrong at a NATS server, with what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsTrouble {
    /// The word under which it is counted.
    pub fault: SinkFault,
    /// In words, without secrets.
    pub said: String,
}

/// What is seen of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// It is there and takes our events.
    Ready,
    /// It isn't there and will be made.
    Missing,
}

/// The sink.
#[derive(Debug)]
pub struct Nats {
    config: config::Nats,
    server: NatsServer,
    connected: Mutex<Option<Connected>>,
}

#[derive(Debug, Clone)]
struct Connected {
    client: Client,
    jetstream: Context,
    /// The server said that something isn't allowed: who waits for an answer to it waits in vain.
    is_forbidden: Arc<AtomicBool>,
}

impl Nats {
    /// Reads what it needs; connects to nobody yet.
    pub fn new(config: config::Nats) -> Result<Self, NatsError> {
        Ok(Self {
            server: NatsServer::new(config.clone())?,
            config,
            connected: Mutex::new(None),
        })
    }

    /// Connects and looks at the stream, without making it.
    pub async fn look(&self) -> Result<StreamState, NatsTrouble> {
        let connected = self.connect().await?;
        self.look_at_stream(&connected).await
    }

    /// Whether events may be published: sends a message that no stream keeps, as it names one that isn't there.
    pub async fn may_publish(&self) -> Result<(), NatsTrouble> {
        let connected = self.connect().await?;
        let message = PublishMessage::build().expected_stream("-");
        let sent = connected
            .jetstream
            .send_publish(format!("{}.check", self.config.subjects), message);
        let answer = match sent.await {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        let Err(error) = answer else { return Ok(()) };
        if jetstream_code(error.source()) == Some(ErrorCode::STREAM_NOT_MATCH) {
            return Ok(());
        }
        let fault = connected.fault(error.kind(), error.source());
        Err(trouble(fault, error.to_string()))
    }

    async fn connect(&self) -> Result<Connected, NatsTrouble> {
        let is_forbidden = Arc::new(AtomicBool::new(false));
        let noted = is_forbidden.clone();
        let options = ConnectOptions::new()
            .request_timeout(Some(ANSWER))
            .event_callback(move |event| {
                noted.fetch_or(is_prohibition(&event), Ordering::Relaxed);
                async {}
            });
        let client = self.server.connect(options).await.map_err(|error| {
            let fault = match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => SinkFault::Unauthorised,
                ConnectErrorKind::TimedOut => SinkFault::TimedOut,
                ConnectErrorKind::ServerParse => SinkFault::Other,
                _ => SinkFault::Unreachable,
            };
            trouble(fault, error.to_string())
        })?;
        let jetstream = ContextBuilder::new()
            .timeout(ANSWER)
            .max_ack_inflight(2 * Self::IN_FLIGHT)
            .build(client.clone());
        Ok(Connected {
            client,
            jetstream,
            is_forbidden,
        })
    }

    async fn look_at_stream(&self, connected: &Connected) -> Result<StreamState, NatsTrouble> {
        let found = connected.jetstream.get_stream(&self.config.stream).await;
        let error = match found {
            Ok(found) => {
                return match self.unfit(&found.cached_info().config) {
                    None => Ok(StreamState::Ready),
                    Some(why) => Err(trouble(SinkFault::Stream, why)),
                };
            }
            Err(error) => error,
        };
        match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(StreamState::Missing)
            }
            GetStreamErrorKind::JetStream(said) => Err(trouble(SinkFault::Stream, said.to_string())),
            _ if connected.is_forbidden.load(Ordering::Relaxed) => Err(trouble(
                SinkFault::Forbidden,
                format!("no permission to ask for the stream {}", self.config.stream),
            )),
            _ if connected.client.connection_state() != State::Connected => {
                Err(trouble(SinkFault::Unreachable, error.to_string()))
            }
            _ => Err(trouble(SinkFault::TimedOut, error.to_string())),
        }
    }

    /// What a stream lacks that somebody else has made.
    fn unfit(&self, stream: &stream::Config) -> Option<String> {
        let wanted = self.wanted_subjects();
        let name = &self.config.stream;
        if !stream.subjects.iter().any(|subject| covers(subject, &wanted)) {
            return Some(format!("the stream {name} is there and doesn't take {wanted}"));
        }
        if stream.sealed || stream.no_ack || stream.mirror.is_some() {
            return Some(format!(
                "the stream {name} is there and is sealed, a mirror, or confirms nothing"
            ));
        }
        // The server says nothing of a window that is its usual one, two minutes.
        if !stream.duplicate_window.is_zero() && stream.duplicate_window < SHORTEST_DUPLICATES {
            return Some(format!(
                "the stream {name} is there and knows an id again for less than 30 s (duplicate window)"
            ));
        }
        None
    }

    fn wanted_subjects(&self) -> String {
        format!("{}.>", self.config.subjects)
    }

    async fn make_stream(&self, connected: &Connected) -> Result<(), NatsTrouble> {
        let new = &self.config.new_stream;
        let config = stream::Config {
            name: self.config.stream.clone(),
            subjects: vec![self.wanted_subjects()],
            storage: stream::StorageType::File,
            num_replicas: new.replicas,
            max_age: new.max_age,
            duplicate_window: new.duplicates,
            ..stream::Config::default()
        };
        match connected.jetstream.create_stream(config).await {
            Ok(_) => {
                tracing::info!(stream = self.config.stream, "the stream for events was made");
                Ok(())
            }
            Err(error) => Err(trouble(
                match error.kind() {
                    _ if connected.is_forbidden.load(Ordering::Relaxed) => SinkFault::Forbidden,
                    CreateStreamErrorKind::TimedOut => SinkFault::TimedOut,
                    _ => SinkFault::Stream,
                },
                error.to_string(),
            )),
        }
    }

    async fn make_ready(&self) -> Result<Connected, NatsTrouble> {
        let connected = self.connect().await?;
        if self.look_at_stream(&connected).await? == StreamState::Missing {
            self.make_stream(&connected).await?;
        }
        Ok(connected)
    }

    fn keep(&self, connected: Option<Connected>) {
        *self.connected.lock().unwrap_or_else(PoisonError::into_inner) = connected;
    }

    async fn publish(&self, connected: &Connected, event: &OutboxRow) -> Outcome {
        let message = PublishMessage::build()
            .payload(event.event.clone().into())
            .message_id(&event.id)
            .expected_stream(&self.config.stream)
            .header("Content-Type", "application/cloudevents+json; charset=UTF-8");
        let subject = format!("{}.{}", self.config.subjects, event.kind.as_str());
        let acknowledged = match connected.jetstream.send_publish(subject, message).await {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            // A duplicate is in the stream as well.
            Ok(_) => Outcome::Taken,
            Err(error) => match connected.fault(error.kind(), error.source()) {
                SinkFault::TooLarge => Outcome::Never(SinkFault::TooLarge),
                fault => Outcome::Closed(fault),
            },
        }
    }
}

impl Sink for Nats {
    const IN_FLIGHT: usize = 1_024;

    fn wants(&self, _: &EventKind) -> bool {
        true
    }

    /// Always by a new connection: what the old one still has in hand is known again by its id.
    async fn open(&self) -> Result<(), SinkFault> {
        self.keep(None);
        match self.make_ready().await {
            Ok(connected) => {
                self.keep(Some(connected));
                Ok(())
            }
            Err(NatsTrouble { fault, said }) => {
                tracing::debug!(said, "NATS can't be used");
                if fault == SinkFault::Stream {
                    tracing::error!(said, "NATS has no stream for events");
                }
                Err(fault)
            }
        }
    }

    async fn deliver(&self, event: Arc<OutboxRow>) -> Outcome {
        let connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match connected {
            Some(connected) => {
                if event.kind == EventType::CallErased
                    && let Some(outcome) = Box::pin(self.withdraw(&connected, &event)).await
                {
                    return outcome;
                }
                self.publish(&connected, &event).await
            }
            None => Outcome::Closed(SinkFault::Unreachable),
        }
    }
}

impl Connected {
    fn fault(&self, kind: PublishErrorKind, source: Option<&(dyn std::error::Error + 'static)>) -> SinkFault {
        match (kind, jetstream_code(source)) {
            (PublishErrorKind::MaxPayloadExceeded, _)
            | (_, Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM)) => {
                SinkFault::TooLarge
            }
            (
                _,
                Some(
                    ErrorCode::STREAM_STORE_FAILED
                    | ErrorCode::INSUFFICIENT_RESOURCES
                    | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                    | ErrorCode::MEMORY_RESOURCES_EXCEEDED
                    | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
                ),
            ) => SinkFault::Full,
            (_, Some(ErrorCode::STREAM_NOT_MATCH)) | (PublishErrorKind::StreamNotFound, _) => SinkFault::Stream,
            (PublishErrorKind::TimedOut, _) if self.is_forbidden.load(Ordering::Relaxed) => SinkFault::Forbidden,
            (PublishErrorKind::TimedOut, _) => SinkFault::TimedOut,
            (PublishErrorKind::BrokenPipe, _) => SinkFault::Unreachable,
            _ => SinkFault::Other,
        }
    }
}

fn trouble(fault: SinkFault, said: String) -> NatsTrouble {
    NatsTrouble { fault, said }
}

/// What JetStream itself says was wrong.
fn jetstream_code(source: Option<&(dyn std::error::Error + 'static)>) -> Option<ErrorCode> {
    let said = source?.downcast_ref::<async_nats::jetstream::Error>()?;
    Some(said.error_code())
}

/// Whether a stream's subject takes everything of ours, which ends with `>`.
fn covers(subject: &str, ours: &str) -> bool {
    let mut theirs = subject.split('.');
    for token in ours.split('.') {
        match theirs.next() {
            Some(">") => return true,
            Some("*") if token != ">" => {}
            Some(other) if other == token => {}
            _ => return false,
        }
    }
    theirs.next().is_none()
}
