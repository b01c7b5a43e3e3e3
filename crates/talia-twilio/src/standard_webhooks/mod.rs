//! The second kind of signature: what stands between Twilio and the server signs the body itself.
//!
//! A Twilio Function (or any front door of the operator) can't sign as Twilio does, because it doesn't dial with the
//! number's URL. It signs by the Standard Webhooks scheme: HMAC-SHA256 over `{id}.{timestamp}.{body}` in three headers.
//! Source: "Standard Webhooks", specification 1.0 (signature scheme, secrets, verifying), and its published vectors.

mod secret;
mod seen;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use secret::{SHORTEST_SECRET, SecretError, SigningSecret};
pub use seen::{Remembered, SeenIds};

/// The header with the message's id, unique for each.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the moment of signing, seconds of Unix time.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, `v1,<base64>`, parted by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// How far the moment of signing may be from now, in either direction, seconds.
pub const WINDOW_S: i64 = 300;
/// The longest id, bytes.
pub const MAX_ID: usize = 128;
/// More signatures than this in one header are not looked at: a sender needs one for each secret of a rotation.
const MAX_SIGNATURES: usize = 8;

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Not all three headers came, or one is empty.
    #[error("a header of the signature is missing")]
    Incomplete,
    /// The id is too long, the moment no number, or no signature of a known version is there.
    #[error("the signature's headers are malformed")]
    Malformed,
    /// No known secret makes any of the signatures.
    #[error("the signature doesn't match")]
    Mismatch,
    /// Truly signed, but too long ago, or in the future.
    #[error("the signature is too old, or of the future")]
    Stale,
}

/// The three headers of a request, as they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// [`ID_HEADER`].
    pub id: Option<&'a str>,
    /// [`TIMESTAMP_HEADER`].
    pub timestamp: Option<&'a str>,
    /// [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
}

impl Headers<'_> {
    /// Whether the request says, by any of the three, that it is signed in this manner.
    pub fn any(&self) -> bool {
        self.id.is_some() || self.timestamp.is_some() || self.signature.is_some()
    }
}

/// A message that was believed: what must be remembered, so that it isn't believed a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was signed, seconds of Unix time.
    pub timestamp_s: i64,
}

/// Checks signatures with the secret that signs now and, while it is rotated, the one that will.
#[derive(Debug, Clone)]
pub struct Verifier {
    current: SigningSecret,
    next: Option<SigningSecret>,
}

impl Verifier {
    /// One secret.
    pub fn new(current: SigningSecret) -> Self {
        Self { current, next: None }
    }

    /// Believes what the secret that will follow signs, too.
    #[must_use]
    pub fn with_next(mut self, next: SigningSecret) -> Self {
        self.next = Some(next);
        self
    }

    /// Checks a request's body, byte for byte as it came, at `now_s`, seconds of Unix time.
    ///
    /// The age is looked at last, so that [`Refusal::Stale`] always speaks of an honest sender with a wrong clock or a
    /// replay. Whether the id was seen before is asked of [`SeenIds`].
    pub fn verify<'a>(&self, headers: Headers<'a>, body: &[u8], now_s: i64) -> Result<Message<'a>, Refusal> {
        let part = |header: Option<&'a str>| header.filter(|text| !text.is_empty()).ok_or(Refusal::Incomplete);
        let (id, timestamp, signatures) = (part(headers.id)?, part(headers.timestamp)?, part(headers.signature)?);
        if id.len() > MAX_ID || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::Malformed);
        }
        let timestamp_s: i64 = timestamp.parse().map_err(|_| Refusal::Malformed)?;
        let mut known = signatures
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .take(MAX_SIGNATURES)
            .filter_map(|encoded| STANDARD.decode(encoded).ok())
            .peekable();
        if known.peek().is_none() {
            return Err(Refusal::Malformed);
        }
        let pieces = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        if !known.any(|signature| self.secrets().any(|secret| secret.verify(&pieces, &signature))) {
            return Err(Refusal::Mismatch);
        }
        if now_s.saturating_sub(timestamp_s).unsigned_abs() > WINDOW_S.unsigned_abs() {
            return Err(Refusal::Stale);
        }
        Ok(Message { id, timestamp_s })
    }

    fn secrets(&self) -> impl Iterator<Item = &SigningSecret> {
        std::iter::once(&self.current).chain(&self.next)
    }
}

/// One signature of a message, `v1,<base64>`, as a front door makes it; for simulators and tests.
pub fn sign(secret: &SigningSecret, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let timestamp = timestamp_s.to_string();
    let pieces = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    format!("v1,{}", STANDARD.encode(secret.compute(&pieces)))
}
