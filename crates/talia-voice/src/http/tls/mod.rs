//! TLS without a proxy: certificates from files or by ACME, exchanged without touching a connection that stands.

mod acme;
mod current;
mod files;

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Certificates, Config};
use crate::outgoing::{self, ClientError};
use crate::telemetry::Metrics;
use crate::telemetry::labels::CertificateFault;
use acme::Acme;
use current::{ACME_PROTOCOL, Certificate, Current};
use files::Files;
use rustls::ServerConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long one request to the ACME directory may take.
const ACME_PATIENCE: Duration = Duration::from_secs(20);
/// Waits after orders that failed: doubled each time, up to the longest. Directories limit failures an hour.
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LONGEST_RETRY: Duration = Duration::from_hours(1);
/// The only protocol that is spoken.
const HTTP: &[u8] = b"http/1.1";

/// Why there is no certificate to begin with, or no new one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that can't be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The certificate and the key aren't a pair, or of a kind that isn't known.
    #[error("{0}")]
    Pair(String),
    /// The ACME directory said no, or couldn't be asked.
    #[error("ACME: {0}")]
    Acme(String),
    /// The client for the ACME directory.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The TLS library itself.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

enum Source {
    /// Behind a lock, because a signal and the clock may ask for a reload at once.
    Files(Mutex<Files>, Duration),
    Acme(Box<Acme>),
}

/// The server's end of TLS.
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    source: Source,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// What the configuration asks for; none when a proxy does it. Files are read at once; a certificate by ACME is
    /// taken from its folder or ordered later, by [`Tls::keep`].
    pub fn new(app: &App) -> Result<Option<Self>, TlsError> {
        let Config { server, tls, .. } = &app.config;
        let current = Arc::new(Current::default());
        let mut protocols = vec![HTTP.to_vec()];
        let source = match &tls.certificates {
            Certificates::None => return Ok(None),
            Certificates::Files {
                certificate,
                key,
                check,
            } => {
                let mut files = Files::new(certificate, key);
                current.set(files.load()?);
                Source::Files(Mutex::new(files), *check)
            }
            Certificates::Acme(order) => {
                protocols.push(ACME_PROTOCOL.to_vec());
                let client = outgoing::client(ACME_PATIENCE)?;
                let acme = Acme::new(order.clone(), server.public_url.host().to_owned(), client);
                Source::Acme(Box::new(acme))
            }
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = protocols;
        let tls = Self {
            config: Arc::new(config),
            current,
            source,
            clock: app.clock.clone(),
            metrics: app.metrics.clone(),
        };
        tls.note_expiry();
        Ok(Some(tls))
    }

    /// Greets a connection. None when it came only to see that the domain is ours (TLS-ALPN-01).
    pub(super) async fn accept<S>(&self, stream: S) -> std::io::Result<Option<TlsStream<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(self.config.clone()).accept(stream).await?;
        let challenge = stream.get_ref().1.alpn_protocol() == Some(ACME_PROTOCOL);
        Ok((!challenge).then_some(stream))
    }

    /// Reads the files again: new connections get what is in them, those that stand keep what they have. A pair that
    /// can't be used changes nothing. With ACME there is nothing to read.
    pub fn reload(&self) {
        if let Source::Files(files, _) = &self.source {
            let loaded = files.lock().unwrap_or_else(PoisonError::into_inner).load();
            self.exchange(loaded);
        }
    }

    /// Keeps the certificate fresh. Never ends; can be dropped.
    pub async fn keep(&self) {
        match &self.source {
            Source::Files(files, check) => {
                let mut pulse = tokio::time::interval(*check);
                loop {
                    pulse.tick().await;
                    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                    if files.have_changed() {
                        self.exchange(files.load());
                    }
                }
            }
            Source::Acme(acme) => self.keep_ordering(acme).await,
        }
    }

    fn exchange(&self, loaded: Result<Certificate, TlsError>) {
        match loaded {
            Ok(certificate) => {
                self.current.set(certificate);
                self.note_expiry();
                tracing::info!("a new certificate is in use");
            }
            Err(error) => {
                self.metrics.certificate_failed(CertificateFault::Reload);
                tracing::error!(%error, "the certificate was not exchanged: the old one stays in use");
            }
        }
    }

    async fn keep_ordering(&self, acme: &Acme) {
        match acme.stored() {
            Ok(Some(certificate)) => self.exchange(Ok(certificate)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the stored certificate can't be used: another is ordered"),
        }
        let mut retry = FIRST_RETRY;
        loop {
            let now = self.clock.wall().as_second();
            let wait = self.current.renewal_in(now);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                continue;
            }
            match acme.order(&self.current).await {
                Ok(certificate) => {
                    retry = FIRST_RETRY;
                    self.exchange(Ok(certificate));
                }
                Err(error) => {
                    self.metrics.certificate_failed(CertificateFault::Order);
                    tracing::error!(%error, retry.seconds = retry.as_secs(), "no certificate could be ordered");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    fn note_expiry(&self) {
        if let Some(not_after) = self.current.not_after() {
            self.metrics.certificate_expires.set(not_after);
        }
    }
}
