//! The certificate that new connections get, exchanged in one step, and the answers to ACME's questions.

use super::TlsError;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use x509_parser::parse_x509_certificate;

/// The protocol under which an ACME directory looks for its proof (RFC 8737).
pub(super) const ACME_PROTOCOL: &[u8] = b"acme-tls/1";
/// The longest that a renewal sleeps before it looks at the wall clock again: that may be set.
const LONGEST_SLEEP_S: i64 = 3_600;

/// A chain with its key, and how long it is good; seconds of Unix time.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    key: Arc<CertifiedKey>,
    not_before: i64,
    not_after: i64,
}

impl Certificate {
    /// Fails when the key isn't the certificate's.
    pub(super) fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let leaf = chain
            .first()
            .ok_or_else(|| TlsError::Pair("there is no certificate in the file".to_owned()))?;
        let (_, parsed) =
            parse_x509_certificate(leaf).map_err(|_| TlsError::Pair("the certificate can't be read".to_owned()))?;
        let (not_before, not_after) = (
            parsed.validity().not_before.timestamp(),
            parsed.validity().not_after.timestamp(),
        );
        let key = CertifiedKey::from_der(chain, key, &default_provider())
            .map_err(|error| TlsError::Pair(format!("certificate and key are no pair: {error}")))?;
        Ok(Self {
            key: Arc::new(key),
            not_before,
            not_after,
        })
    }

    /// A third of its life before its end, as directories advise.
    fn renewal(&self) -> i64 {
        self.not_after - (self.not_after - self.not_before) / 3
    }
}

/// What is shown to whoever connects.
#[derive(Debug, Default)]
pub(super) struct Current {
    certificate: RwLock<Option<Certificate>>,
    /// The domain that is being proved, and the proof.
    challenge: RwLock<Option<(String, Arc<CertifiedKey>)>>,
}

impl Current {
    pub(super) fn set(&self, certificate: Certificate) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// The proof of a domain; none when nothing is being proved.
    pub(super) fn prove(&self, challenge: Option<(String, Arc<CertifiedKey>)>) {
        *self.challenge.write().unwrap_or_else(PoisonError::into_inner) = challenge;
    }

    /// When the certificate ends, seconds of Unix time.
    pub(super) fn not_after(&self) -> Option<i64> {
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner);
        certificate.as_ref().map(|certificate| certificate.not_after)
    }

    /// How long a renewal may sleep; zero when it is due at `now`, seconds of Unix time.
    pub(super) fn renewal_in(&self, now: i64) -> Duration {
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner);
        let left = certificate
            .as_ref()
            .map_or(0, |certificate| certificate.renewal() - now);
        Duration::from_secs(left.clamp(0, LONGEST_SLEEP_S).unsigned_abs())
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.any(|protocol| protocol == ACME_PROTOCOL) {
            let challenge = self.challenge.read().unwrap_or_else(PoisonError::into_inner);
            let (domain, proof) = challenge.as_ref()?;
            return (hello.server_name() == Some(domain.as_str())).then(|| proof.clone());
        }
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner);
        certificate.as_ref().map(|certificate| certificate.key.clone())
    }
}
