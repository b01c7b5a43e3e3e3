//! The one HTTP client for requests that this server makes: its roots, its time limits, no redirects.

use std::time::Duration;
use thiserror::Error;

/// A connection that doesn't stand by now won't.
const CONNECT: Duration = Duration::from_secs(3);

/// The client can't be made: something is wrong with the TLS library, not with the configuration.
#[derive(Debug, Error)]
#[error("the HTTP client can't be made: {0}")]
pub struct ClientError(String);

/// Makes a client. `attempt` bounds one request from the first byte to the last.
///
/// The roots are compiled in, so that it behaves the same in any container; a redirect is an answer, not an order.
pub fn client(attempt: Duration) -> Result<reqwest::Client, ClientError> {
    let failed = |error: &dyn std::error::Error| ClientError(error.to_string());
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT.min(attempt))
        .timeout(attempt)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("talia-voice/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed(&error))
}
