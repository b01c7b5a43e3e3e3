//! The secrets that sign requests, and the header that chooses among them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;

use super::Refusal;

/// A secret was given as an empty text: whoever knows the rule could forge every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret must not be empty")]
pub struct EmptySecret;

fn secret(text: impl Into<String>) -> Result<SecretString, EmptySecret> {
    let text = text.into();
    if text.is_empty() {
        return Err(EmptySecret);
    }
    Ok(SecretString::from(text))
}

/// The account's auth tokens: the one that signs now and, while it is rotated, the one that will.
#[derive(Debug, Clone)]
pub struct AuthTokens {
    current: SecretString,
    next: Option<SecretString>,
}

impl AuthTokens {
    /// One token.
    pub fn new(current: impl Into<String>) -> Result<Self, EmptySecret> {
        Ok(Self {
            current: secret(current)?,
            next: None,
        })
    }

    /// Accepts the token that will follow, too.
    pub fn with_next(mut self, next: impl Into<String>) -> Result<Self, EmptySecret> {
        self.next = Some(secret(next)?);
        Ok(self)
    }

    pub(super) fn secrets(&self) -> Vec<&str> {
        std::iter::once(&self.current)
            .chain(&self.next)
            .map(ExposeSecret::expose_secret)
            .collect()
    }
}

/// A key of Twilio's shared-key signing, in the place of the auth token.
#[derive(Debug, Clone)]
pub struct SharedKey {
    pub(super) id: String,
    secret: SecretString,
}

impl SharedKey {
    /// The key's id (`webhooks_sharedkey_…`) and its secret.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Result<Self, EmptySecret> {
        Ok(Self {
            id: id.into(),
            secret: secret(text)?,
        })
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// How a signature is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-1: the classic one, and the only one with an auth token.
    HmacSha1,
    /// HMAC with SHA-256: with shared keys only.
    HmacSha256,
}

impl Algorithm {
    /// As the settings header names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC_SHA1",
            Self::HmacSha256 => "HMAC_SHA256",
        }
    }

    /// Computes the code over the pieces, one behind the other.
    pub(super) fn compute(self, key: &str, pieces: &Pieces<'_>) -> Vec<u8> {
        match self {
            Self::HmacSha1 => keyed::<Hmac<Sha1>>(key, pieces).finalize().into_bytes().to_vec(),
            Self::HmacSha256 => keyed::<Hmac<Sha256>>(key, pieces).finalize().into_bytes().to_vec(),
        }
    }

    /// Compares in constant time.
    pub(super) fn verify(self, key: &str, pieces: &Pieces<'_>, signature: &[u8]) -> bool {
        match self {
            Self::HmacSha1 => keyed::<Hmac<Sha1>>(key, pieces).verify_slice(signature).is_ok(),
            Self::HmacSha256 => keyed::<Hmac<Sha256>>(key, pieces).verify_slice(signature).is_ok(),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What is signed: the URL, then each name and value.
pub(super) struct Pieces<'a> {
    pub(super) url: &'a str,
    pub(super) params: &'a [(&'a str, &'a str)],
}

fn keyed<M: Mac + KeyInit>(key: &str, pieces: &Pieces<'_>) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("an HMAC key may have any length");
    mac.update(pieces.url.as_bytes());
    for (name, value) in pieces.params {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac
}

/// What `X-Twilio-Webhooks-Signature-Settings` says.
pub(super) struct Settings<'a> {
    pub(super) key: &'a str,
    pub(super) algorithm: Algorithm,
}

impl<'a> Settings<'a> {
    /// None is the classic signature: no header, an empty one, or one that names neither key nor algorithm.
    pub(super) fn parse(header: Option<&'a str>) -> Result<Option<Self>, Refusal> {
        let (mut key, mut algorithm) = (None, None);
        for part in header.unwrap_or_default().split(',').map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let (name, value) = part.split_once('=').ok_or(Refusal::Malformed)?;
            let slot = match name.trim() {
                "key" => &mut key,
                "algorithm" => &mut algorithm,
                _ => continue,
            };
            if slot.replace(value.trim()).is_some() {
                return Err(Refusal::Malformed);
            }
        }
        let algorithm = match (key, algorithm) {
            (None, None) => return Ok(None),
            (_, Some("HMAC_SHA1")) => Algorithm::HmacSha1,
            (_, Some("HMAC_SHA256")) => Algorithm::HmacSha256,
            _ => return Err(Refusal::UnknownAlgorithm),
        };
        let key = key.ok_or(Refusal::UnknownKey)?;
        Ok(Some(Self { key, algorithm }))
    }
}
