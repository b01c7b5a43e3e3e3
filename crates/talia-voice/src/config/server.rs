//! `[server]`: where to listen, what Twilio dials, the operator's key.

use super::{ConfigError, set};
use axum::http::Uri;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    bind: String,
    public_url: String,
    api_key: String,
}

/// Where to listen and how we are reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The origin that Twilio dials.
    pub public_url: PublicUrl,
    /// The key of the operator's routes; without it they answer to this machine only.
    pub api_key: Option<SecretString>,
}

/// An origin: scheme and authority, nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    secure: bool,
    authority: String,
}

impl PublicUrl {
    /// Reads `https://host[:port]`, or `http://` where the host is this machine.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = |reason: &str| ConfigError::value("server.public_url", reason);
        let url: Uri = text
            .parse()
            .map_err(|_| wrong("is not an address like https://voz.example.com"))?;
        let authority = url.authority().ok_or_else(|| wrong("has no host"))?;
        if url.path_and_query().is_some_and(|rest| rest.as_str() != "/") || authority.as_str().contains('@') {
            return Err(wrong("must be scheme, host and port only"));
        }
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") if is_this_machine(authority.host()) => false,
            _ => return Err(wrong("must begin with https:// (Twilio streams to nothing else)")),
        };
        Ok(Self {
            secure,
            authority: authority.as_str().to_owned(),
        })
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        let end = match self.authority.rfind(']') {
            Some(bracket) => bracket + 1,
            None => self.authority.rfind(':').unwrap_or(self.authority.len()),
        };
        &self.authority[..end]
    }

    /// The port, where none is written the scheme's own.
    pub fn port(&self) -> u16 {
        let written = self.authority[self.host().len()..].strip_prefix(':');
        let own = if self.secure { 443 } else { 80 };
        written.and_then(|port| port.parse().ok()).unwrap_or(own)
    }

    /// The address of a webhook: `https://host` and the request target as it was received.
    pub fn http(&self, target: &str) -> String {
        format!(
            "{}://{}{target}",
            if self.secure { "https" } else { "http" },
            self.authority
        )
    }

    /// The address of a media socket: always `wss://`, because TwiML takes nothing else. A simulated Twilio dials such
    /// an address on this machine without TLS.
    pub fn ws(&self, target: &str) -> String {
        format!("wss://{}{target}", self.authority)
    }
}

/// Whether a host name means this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Raw {
    pub(super) fn check(self) -> Result<Server, ConfigError> {
        let bind: SocketAddr = self
            .bind
            .trim()
            .parse()
            .map_err(|_| ConfigError::value("server.bind", "is not an address and port like 127.0.0.1:8080"))?;
        let public_url = match set(&self.public_url) {
            Some(url) => PublicUrl::parse(&url)?,
            None if bind.ip().is_loopback() => PublicUrl::parse(&format!("http://{bind}"))?,
            None => {
                return Err(ConfigError::value(
                    "server.public_url",
                    "is missing: set TALIA_PUBLIC_URL to the https:// origin that Twilio dials",
                ));
            }
        };
        let api_key = set(&self.api_key);
        if api_key.as_ref().is_some_and(|key| key.len() < 16) {
            return Err(ConfigError::value("server.api_key", "must have 16 characters or more"));
        }
        Ok(Server {
            bind,
            public_url,
            api_key: api_key.map(SecretString::from),
        })
    }
}
