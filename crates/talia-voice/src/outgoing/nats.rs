//! Connections to the NATS server of the configuration: whom they trust, who we are there.

use super::ClientError;
use crate::config;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use std::time::Duration;
use thiserror::Error;

/// A connection that doesn't stand by now won't.
const CONNECT: Duration = Duration::from_secs(3);
/// How often an idle connection is asked whether it is alive.
const PING: Duration = Duration::from_secs(10);

/// Why NATS can't be used as configured.
#[derive(Debug, Error)]
pub enum NatsError {
    /// An authority's file.
    #[error("events.nats.authority: {0}")]
    Authority(String),
    /// The client for connections of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A NATS server, or a cluster.
#[derive(Debug, Clone)]
pub struct NatsServer {
    config: config::Nats,
    tls: rustls::ClientConfig,
}

impl NatsServer {
    /// Reads what it needs; connects to nobody yet.
    pub fn new(config: config::Nats) -> Result<Self, NatsError> {
        let authorities = match &config.authority {
            None => Vec::new(),
            Some(path) => {
                let failed = |reason: String| NatsError::Authority(format!("{}: {reason}", path.display()));
                let read: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
                    .and_then(Iterator::collect)
                    .map_err(|error| failed(error.to_string()))?;
                if read.is_empty() {
                    return Err(failed("holds no certificate".to_owned()));
                }
                read
            }
        };
        Ok(Self {
            tls: super::tls(&authorities)?,
            config,
        })
    }

    /// Connects, with what is the caller's own in `options`.
    pub async fn connect(&self, options: ConnectOptions) -> Result<Client, ConnectError> {
        let mut options = options
            .name("talia-voice")
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .tls_client_config(self.tls.clone())
            .require_tls(self.config.is_tls);
        options = match &self.config.login {
            config::NatsLogin::None => options,
            config::NatsLogin::Password(user, password) => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
            config::NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
        };
        let servers = self.config.servers.iter().cloned().map(ServerAddr::from_url);
        let servers: Vec<_> = servers
            .collect::<Result<_, _>>()
            .map_err(|error| ConnectError::with_source(ConnectErrorKind::ServerParse, error))?;
        options.connect(servers).await
    }
}

/// Whether the server says with it that something isn't allowed.
pub fn is_prohibition(event: &Event) -> bool {
    matches!(event, Event::ServerError(ServerError::Other(said)) if said.to_lowercase().contains("permissions violation"))
}
