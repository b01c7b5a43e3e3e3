//! Connections that this server makes: the one HTTP client with its roots, its time limits and no redirects, the object stores' library over it, and NATS.

mod guarded;
pub mod nats;
mod object_stores;

pub use guarded::{AddressFault, AddressPolicy, GuardedClient, Lookup, SystemLookup, was_refused};
pub use object_stores::ObjectStoreConnector;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use thiserror::Error;

/// A connection that doesn't stand by now won't.
const CONNECT: Duration = Duration::from_secs(3);

/// The client can't be made: something is wrong with the TLS library, not with the configuration.
#[derive(Debug, Error)]
#[error("the HTTP client can't be made: {0}")]
pub struct ClientError(pub(crate) String);

/// Makes a client. `attempt` bounds one request from the first byte to the last.
///
/// The roots are compiled in, so that it behaves the same in any container; a redirect is an answer, not an order.
pub fn client(attempt: Duration) -> Result<reqwest::Client, ClientError> {
    client_trusting(attempt, &[])
}

/// One without a time limit for the whole, for answers that stream as long as somebody speaks.
pub fn streaming_client() -> Result<reqwest::Client, ClientError> {
    finished(builder(&[], CONNECT)?)
}

/// The same, trusting these authorities beside the public ones.
pub fn client_trusting(attempt: Duration, more: &[CertificateDer<'static>]) -> Result<reqwest::Client, ClientError> {
    finished(builder(more, CONNECT.min(attempt))?.timeout(attempt))
}

fn builder(more: &[CertificateDer<'static>], connect: Duration) -> Result<reqwest::ClientBuilder, ClientError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(more)?)
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("talia-voice/", env!("CARGO_PKG_VERSION"))))
}

fn finished(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder.build().map_err(|error| ClientError(error.to_string()))
}

/// The public authorities, for connections that aren't HTTP; made once, as every call opens some.
pub fn public_tls() -> Result<Arc<rustls::ClientConfig>, ClientError> {
    static PUBLIC: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(made) = PUBLIC.get() {
        return Ok(made.clone());
    }
    let made = Arc::new(tls(&[])?);
    Ok(PUBLIC.get_or_init(|| made).clone())
}

/// The certificates in a PEM file: at least one, or why not.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string())?;
    if read.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(read)
}

/// A certificate that we show, the server's authorities behind it, and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Whom such a client trusts, for connections that aren't HTTP.
pub fn tls(more: &[CertificateDer<'static>]) -> Result<rustls::ClientConfig, ClientError> {
    tls_as(more, None)
}

/// The same, and who we are to who asks.
pub fn tls_as(
    more: &[CertificateDer<'static>],
    identity: Option<Identity>,
) -> Result<rustls::ClientConfig, ClientError> {
    let failed = |error: &dyn std::error::Error| ClientError(error.to_string());
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for authority in more {
        roots.add(authority.clone()).map_err(|error| failed(&error))?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(|error| failed(&error)),
    }
}
