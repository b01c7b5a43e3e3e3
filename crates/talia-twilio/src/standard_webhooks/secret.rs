//! A secret of the scheme: `whsec_` and base64, or any text.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// What a secret in the scheme's own form begins with.
const PREFIX: &str = "whsec_";
/// The fewest bytes of a secret: fewer could be guessed.
pub const SHORTEST_SECRET: usize = 16;

/// A text that can't be a secret. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Behind `whsec_` must stand base64 with its padding.
    #[error("whsec_ must be followed by base64")]
    NotBase64,
    /// Too few bytes.
    #[error("must have {SHORTEST_SECRET} bytes or more")]
    Short,
}

/// The key of the signatures.
#[derive(Clone)]
pub struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    /// Reads `whsec_…`, whose base64 is decoded, or takes any other text's bytes as they are.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST_SECRET {
            return Err(SecretError::Short);
        }
        Ok(Self(SecretSlice::from(bytes)))
    }

    pub(super) fn compute(&self, pieces: &[&[u8]]) -> Vec<u8> {
        self.keyed(pieces).finalize().into_bytes().to_vec()
    }

    /// Compares in constant time.
    pub(super) fn verify(&self, pieces: &[&[u8]], signature: &[u8]) -> bool {
        self.keyed(pieces).verify_slice(signature).is_ok()
    }

    fn keyed(&self, pieces: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.expose_secret()).expect("an HMAC key may have any length");
        for piece in pieces {
            mac.update(piece);
        }
        mac
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningSecret(…)")
    }
}
