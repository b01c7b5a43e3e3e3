//! Connections to the NATS server of the configuration: whom they trust, who we are there.

use super::ClientError;
use crate::config;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;

/// A connection that doesn't stand by now won't.
const CONNECT: Duration = Duration::from_secs(3);
/// How often an idle connection is asked whether it is alive.
const PING: Duration = Duration::from_secs(10);

/// Why NATS can't be used as configured.
#[derive(Debug, Error)]
pub enum NatsError {
    /// A file that the configuration names.
    #[error("events.nats.{key}: {file}: {reason}")]
    File {
        /// The setting.
        key: &'static str,
        file: String,
        reason: String,
    },
    /// Certificate and key that don't fit each other.
    #[error("events.nats.certificate: {0}")]
    Certificate(ClientError),
    /// The client for connections of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl NatsError {
    /// Whether the configuration is to blame.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Certificate(_))
    }

    fn file(key: &'static str, path: &Path, reason: impl Display) -> Self {
        Self::File {
            key,
            file: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// A NATS server, or a cluster.
#[derive(Debug, Clone)]
pub struct NatsServer {
    config: config::Nats,
    tls: rustls::ClientConfig,
    /// The text of a `.creds` file.
    credentials: Option<SecretString>,
}

impl NatsServer {
    /// Reads what it needs; connects to nobody yet.
    pub fn new(config: config::Nats) -> Result<Self, NatsError> {
        let authorities = match &config.authority {
            None => Vec::new(),
            Some(path) => certificates("authority", path)?,
        };
        let tls = match &config.certificate {
            None => super::tls(&authorities)?,
            Some((certificate, key)) => {
                let read = PrivateKeyDer::from_pem_file(key).map_err(|error| NatsError::file("key", key, error))?;
                let identity = (certificates("certificate", certificate)?, read);
                super::tls_as(&authorities, Some(identity)).map_err(NatsError::Certificate)?
            }
        };
        let credentials = match &config.login {
            config::NatsLogin::Credentials(path) => Some(credentials(path)?),
            _ => None,
        };
        Ok(Self {
            config,
            tls,
            credentials,
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
            config::NatsLogin::None | config::NatsLogin::Credentials(_) => options,
            config::NatsLogin::Password(user, password) => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
            config::NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
        };
        if let Some(credentials) = &self.credentials {
            options = options
                .credentials(credentials.expose_secret())
                .map_err(|error| ConnectError::with_source(ConnectErrorKind::Authentication, error))?;
        }
        let servers = self.config.servers.iter().cloned().map(ServerAddr::from_url);
        let servers: Vec<_> = servers
            .collect::<Result<_, _>>()
            .map_err(|error| ConnectError::with_source(ConnectErrorKind::ServerParse, error))?;
        options.connect(servers).await
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, NatsError> {
    super::certificates(path).map_err(|reason| NatsError::file(key, path, reason))
}

/// The file's text, if it is one. What is wrong with it is never quoted: it holds a secret.
fn credentials(path: &Path) -> Result<SecretString, NatsError> {
    let text = std::fs::read_to_string(path).map_err(|error| NatsError::file("credentials", path, error))?;
    ConnectOptions::with_credentials(&text)
        .map_err(|_| NatsError::file("credentials", path, "holds no JWT of a user with the seed of its key"))?;
    Ok(text.into())
}

/// Whether the server says with it that something isn't allowed.
pub fn is_prohibition(event: &Event) -> bool {
    matches!(event, Event::ServerError(ServerError::Other(said)) if said.to_lowercase().contains("permissions violation"))
}
