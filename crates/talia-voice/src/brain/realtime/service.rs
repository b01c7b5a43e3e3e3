//! The service as the whole server knows it: where it is, who we are there, and how it is doing.

use super::messages;
use super::wire::OPENING;
use crate::config::{Provider, TurnDetection};
use crate::providers::{Fault, Health, Received, Socket, Target, Watch};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A speech-to-speech engine of the configuration; clones share its health.
#[derive(Debug, Clone)]
pub struct Service {
    provider: Arc<Provider>,
    target: Target,
    watch: Watch,
}

impl Service {
    /// The engine that a chain of brains begins with.
    pub fn new(provider: Provider, health: &Arc<Health>) -> Self {
        // Checked by the configuration: http:// on this machine only.
        let address = provider.account.url.replacen("http", "ws", 1);
        let model = provider.model.as_deref().unwrap_or_default();
        let key = provider.account.key.as_ref().and_then(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok()?;
            value.set_sensitive(true);
            Some((AUTHORIZATION, value))
        });
        Self {
            target: Target {
                url: format!("{address}/v1/realtime?model={model}"),
                headers: key.into_iter().collect(),
            },
            watch: health.watch(&provider.name),
            provider: Arc::new(provider),
        }
    }

    /// Whether calls should use it.
    pub fn is_available(&self) -> bool {
        self.watch.is_available()
    }

    /// Probes it after it has failed, until `stop`, so that no call has to.
    pub fn probe_until(&self, stop: &CancellationToken) {
        let service = self.clone();
        let watch = self.watch.clone();
        tokio::spawn(watch.probe_when_due(stop.clone(), move || service.clone().probe()));
    }

    /// Opens a session and closes it again.
    async fn probe(self) -> Result<(), Fault> {
        let mut socket = Socket::open(&self.target, OPENING).await?;
        let answer = socket.receive().await?;
        socket.close().await;
        match answer {
            Received::Text(text) if messages::begins_a_session(&text) => Ok(()),
            _ => Err(Fault::malformed("no session began")),
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The voice's name at the service; the configuration has checked that there is one.
    pub(super) fn voice(&self) -> &str {
        self.provider.voice.as_deref().unwrap_or_default()
    }

    pub(super) fn turn_detection(&self) -> TurnDetection {
        self.provider.turn_detection
    }
}
