//! `[tls]`: whether this server itself speaks TLS, and where its certificate comes from.

use super::{ConfigError, Server, is_this_machine, set};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    certificate: String,
    key: String,
    check_s: u64,
    acme_directory: String,
    acme_contact: String,
    acme_folder: String,
}

/// Whether this server itself speaks TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where its certificate comes from.
    pub certificates: Certificates,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificates {
    /// A proxy in front ends TLS.
    None,
    /// PEM files that somebody else renews.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
        /// How often the files are looked at.
        check: Duration,
    },
    /// Ordered for the public URL's host.
    Acme(AcmeOrder),
}

/// How a certificate is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeOrder {
    /// The directory's URL.
    pub directory: String,
    /// An e-mail address that the directory may write to.
    pub contact: Option<String>,
    /// Where account and certificate are kept.
    pub folder: PathBuf,
}

impl Raw {
    pub(super) fn check(self, server: &Server) -> Result<Tls, ConfigError> {
        if self.check_s == 0 || self.check_s > 86_400 {
            return Err(ConfigError::value("tls.check_s", "must be between 1 and 86400 seconds"));
        }
        let files = match (set(&self.certificate), set(&self.key)) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Certificates::Files {
                certificate: certificate.into(),
                key: key.into(),
                check: Duration::from_secs(self.check_s),
            }),
            (Some(_), None) => return Err(ConfigError::value("tls.key", "is missing beside certificate")),
            (None, Some(_)) => return Err(ConfigError::value("tls.certificate", "is missing beside key")),
        };
        let acme = set(&self.acme_directory)
            .map(|directory| self.acme(directory, server))
            .transpose()?;
        let certificates = match (files, acme) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::value(
                    "tls.acme_directory",
                    "must be empty beside certificate and key",
                ));
            }
            (Some(files), None) => files,
            (None, acme) => acme.map_or(Certificates::None, Certificates::Acme),
        };
        if certificates != Certificates::None && !server.public_url.is_secure() {
            return Err(ConfigError::value(
                "server.public_url",
                "must begin with https:// when [tls] is set",
            ));
        }
        Ok(Tls { certificates })
    }

    fn acme(&self, directory: String, server: &Server) -> Result<AcmeOrder, ConfigError> {
        let wrong = |reason: &str| ConfigError::value("tls.acme_directory", reason);
        let url: Uri = directory.parse().map_err(|_| wrong("is not an address"))?;
        let host = url.host().ok_or_else(|| wrong("has no host"))?;
        match url.scheme_str() {
            Some("https") => {}
            Some("http") if is_this_machine(host) => {}
            _ => return Err(wrong("must begin with https://")),
        }
        let domain = server.public_url.host();
        if is_this_machine(domain) && domain != "localhost" || domain.parse::<std::net::IpAddr>().is_ok() {
            return Err(wrong("needs a host name in server.public_url, not an IP address"));
        }
        Ok(AcmeOrder {
            directory,
            contact: set(&self.acme_contact),
            folder: set(&self.acme_folder).unwrap_or_else(|| "acme".to_owned()).into(),
        })
    }
}
