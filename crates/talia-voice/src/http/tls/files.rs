//! A certificate and its key in two PEM files that somebody else renews.

use super::TlsError;
use super::current::Certificate;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a file looked like: a change of either means another content.
type Stamp = Option<(SystemTime, u64)>;

/// The two files, and what they looked like when they were last read.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: (Stamp, Stamp),
}

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            seen: (None, None),
        }
    }

    /// Whether one of them looks otherwise than when it was last read.
    pub(super) fn have_changed(&self) -> bool {
        self.stamps() != self.seen
    }

    /// Reads both. What couldn't be used isn't read again until it changes: a renewal writes one file after the other.
    pub(super) fn load(&mut self) -> Result<Certificate, TlsError> {
        self.seen = self.stamps();
        pair(&self.certificate, &self.key)
    }

    fn stamps(&self) -> (Stamp, Stamp) {
        (stamp(&self.certificate), stamp(&self.key))
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// A chain and its key from two files, which may be the same.
pub(super) fn pair(certificate: &Path, key: &Path) -> Result<Certificate, TlsError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| TlsError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(certificate, &error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    Certificate::new(chain, key_der)
}
