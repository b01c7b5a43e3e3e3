//! A company's own backend: each event a POST, signed by the Standard Webhooks scheme
//! (<https://www.standardwebhooks.com>, specification 1.0).

use super::{Outcome, Sink};
use crate::clock::Clock;
use crate::config::{self, EventWebhook};
use crate::outgoing::{AddressFault, AddressPolicy, ClientError, GuardedClient, SystemLookup, was_refused};
use crate::store::{EventKind, EventType, OutboxRow};
use crate::telemetry::labels::SinkFault;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::standard_webhooks::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use thiserror::Error;
use tokio::time::timeout;

/// The longest wait that it may ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Why a webhook can't be used as configured.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// Where it is.
    #[error("events.webhooks: «{id}»: {fault} (see tool_network)")]
    Address {
        /// Its name.
        id: String,
        /// What is wrong.
        fault: AddressFault,
    },
    /// The client for requests of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The sink.
#[derive(Debug)]
pub struct Webhook {
    config: EventWebhook,
    client: GuardedClient,
    clock: Clock,
}

impl Webhook {
    /// Checks where it is, as far as can be told without resolving its name.
    pub fn new(config: EventWebhook, network: &config::ToolNetwork, clock: Clock) -> Result<Self, WebhookError> {
        let policy = AddressPolicy {
            ports: network.ports.clone(),
            private: network.private.clone(),
        };
        policy.check_url(&config.url).map_err(|fault| WebhookError::Address {
            id: config.id.clone(),
            fault,
        })?;
        Ok(Self {
            client: GuardedClient::new(policy, Arc::new(SystemLookup))?,
            config,
            clock,
        })
    }

    /// Asks only whether somebody answers there.
    pub async fn look(&self) -> Result<StatusCode, SinkFault> {
        let request = self
            .client
            .request(Method::HEAD, self.config.url.clone())
            .map_err(|_| SinkFault::AddressRefused)?;
        match timeout(self.config.timeout, request.send()).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(error)) if was_refused(&error) => Err(SinkFault::AddressRefused),
            Ok(Err(_)) => Err(SinkFault::Unreachable),
            Err(_) => Err(SinkFault::TimedOut),
        }
    }

    async fn post(&self, event: &OutboxRow) -> Outcome {
        let Ok(request) = self.client.request(Method::POST, self.config.url.clone()) else {
            return Outcome::Closed(SinkFault::AddressRefused);
        };
        let signed_at = self.clock.wall().as_second();
        let signatures = self.config.secrets.iter();
        let signatures: Vec<_> = signatures
            .map(|secret| sign(secret, &event.id, signed_at, event.event.as_bytes()))
            .collect();
        let sending = request
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=UTF-8")
            .header(ID_HEADER, &event.id)
            .header(TIMESTAMP_HEADER, signed_at)
            .header(SIGNATURE_HEADER, signatures.join(" "))
            .body(event.event.clone())
            .send();
        match timeout(self.config.timeout, sending).await {
            Ok(Ok(answer)) => outcome(answer.status(), answer.headers()),
            Ok(Err(error)) if was_refused(&error) => Outcome::Closed(SinkFault::AddressRefused),
            // It never saw the event: nobody is there for any other either.
            Ok(Err(error)) if error.is_connect() => Outcome::Closed(SinkFault::Unreachable),
            Ok(Err(_)) => failed(SinkFault::Unreachable),
            Err(_) => failed(SinkFault::TimedOut),
        }
    }
}

impl Sink for Webhook {
    const IN_FLIGHT: usize = 16;

    fn wants(&self, kind: &EventKind) -> bool {
        // Whoever was told anything of a call has to hear that it was erased.
        let types = &self.config.types;
        *kind == EventType::CallErased || types.is_empty() || types.iter().any(|wanted| kind == wanted)
    }

    async fn open(&self) -> Result<(), SinkFault> {
        Ok(())
    }

    async fn deliver(&self, event: Arc<OutboxRow>) -> Outcome {
        self.post(&event).await
    }
}

fn failed(reason: SinkFault) -> Outcome {
    Outcome::Failed { reason, after: None }
}

fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let after = asked.map(|seconds| Duration::from_secs(seconds).min(LONGEST_ASKED));
    let reason = match status {
        status if status.is_success() => return Outcome::Taken,
        StatusCode::GONE => return Outcome::Never(SinkFault::Gone),
        StatusCode::TOO_MANY_REQUESTS => SinkFault::TooMany,
        StatusCode::UNAUTHORIZED => SinkFault::Unauthorised,
        StatusCode::FORBIDDEN => SinkFault::Forbidden,
        StatusCode::PAYLOAD_TOO_LARGE => SinkFault::TooLarge,
        status if status.is_server_error() => SinkFault::Failed,
        _ => SinkFault::Refused,
    };
    Outcome::Failed { reason, after }
}
