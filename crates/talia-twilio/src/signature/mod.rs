//! Request signatures: who may speak to a webhook or open a media socket.
//!
//! The rule: HMAC over the URL that Twilio dialled and every form field, sorted, each distinct value once. The URL must
//! be built from the *configured* public origin and the raw request target, never from `Host` or `X-Forwarded-*`.
//! Source: Twilio's "Webhooks security" and the validators of its official libraries.

mod diagnose;
mod secret;
mod url;

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

pub use diagnose::{Diagnosis, TargetDifference};
pub use secret::{Algorithm, AuthTokens, EmptySecret, SharedKey};
use secret::{Pieces, Settings};
use url::Parts;

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";
/// The header that names a shared key and its algorithm.
pub const SETTINGS_HEADER: &str = "X-Twilio-Webhooks-Signature-Settings";

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// No signature came, or an empty one.
    #[error("the signature header is missing")]
    MissingHeader,
    /// The header or the URL can't be read.
    #[error("the signature header is malformed")]
    Malformed,
    /// No known secret makes this signature over this request.
    #[error("the signature doesn't match")]
    Mismatch,
    /// The signature holds, but the URL's `bodySHA256` is absent or not that of the body.
    #[error("the body isn't the one that was signed")]
    BodyDigest,
    /// Signed with a key that isn't configured, or with the auth token where a shared key is demanded.
    #[error("the signing key isn't configured")]
    UnknownKey,
    /// The settings header names an algorithm that isn't known, or none.
    #[error("the signing algorithm is unknown")]
    UnknownAlgorithm,
}

impl Refusal {
    /// A fixed word for counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::Malformed => "malformed",
            Self::Mismatch => "mismatch",
            Self::BodyDigest => "body_digest",
            Self::UnknownKey => "unknown_key",
            Self::UnknownAlgorithm => "unknown_algorithm",
        }
    }
}

/// The two headers of a request, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignatureHeaders<'a> {
    /// [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
    /// [`SETTINGS_HEADER`].
    pub settings: Option<&'a str>,
}

impl<'a> From<Option<&'a str>> for SignatureHeaders<'a> {
    fn from(signature: Option<&'a str>) -> Self {
        Self {
            signature,
            settings: None,
        }
    }
}

/// Whether requests signed with an auth token are believed beside configured shared keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassicSignatures {
    /// While the webhooks are being moved to the shared key.
    Accepted,
    /// Afterwards.
    Refused,
}

/// Checks signatures.
#[derive(Debug, Clone)]
pub struct Validator {
    tokens: AuthTokens,
    shared: Vec<SharedKey>,
    classic: ClassicSignatures,
}

/// The secrets and the algorithm that a request calls for, and the signature it brings.
struct Claim<'v> {
    secrets: Vec<&'v str>,
    algorithm: Algorithm,
    signature: Vec<u8>,
}

impl Claim<'_> {
    fn holds(&self, url: &str, params: &[(&str, &str)]) -> bool {
        let pieces = Pieces { url, params };
        self.secrets
            .iter()
            .any(|secret| self.algorithm.verify(secret, &pieces, &self.signature))
    }
}

impl Validator {
    /// Believes requests signed with one of the tokens.
    pub fn new(tokens: AuthTokens) -> Self {
        Self {
            tokens,
            shared: Vec::new(),
            classic: ClassicSignatures::Accepted,
        }
    }

    /// Believes requests signed with this shared key too, and from now on those signed with a token only if `classic`
    /// says so. A request names its key; only that one is tried, never another and never a token.
    #[must_use]
    pub fn with_shared_key(mut self, key: SharedKey, classic: ClassicSignatures) -> Self {
        self.shared.push(key);
        self.classic = classic;
        self
    }

    /// A form POST: the URL and all decoded fields.
    pub fn validate_form<'a>(
        &self,
        url: &str,
        params: &[(String, String)],
        headers: impl Into<SignatureHeaders<'a>>,
    ) -> Result<(), Refusal> {
        let claim = self.claim(headers.into())?;
        let parts = Parts::split(url).ok_or(Refusal::Malformed)?;
        any_port(&claim, parts, "", &canonical(params))
    }

    /// A GET: the fields are in the URL.
    pub fn validate_get<'a>(&self, url: &str, headers: impl Into<SignatureHeaders<'a>>) -> Result<(), Refusal> {
        self.validate_form(url, &[], headers)
    }

    /// Any other body: the URL is signed and must carry `bodySHA256`, the body's digest in lower-case hexadecimal.
    pub fn validate_body<'a>(
        &self,
        url: &str,
        body: &[u8],
        headers: impl Into<SignatureHeaders<'a>>,
    ) -> Result<(), Refusal> {
        self.validate_get(url, headers)?;
        let wanted = Parts::split(url).and_then(|parts| parts.query_value("bodySHA256"));
        // Both digests are known to the sender; nothing secret is compared.
        if wanted == Some(hex_digest(body).as_str()) {
            Ok(())
        } else {
            Err(Refusal::BodyDigest)
        }
    }

    /// The handshake of a media socket: signed over the `wss` URL, by some of Twilio's hosts with a `/` behind it.
    pub fn validate_websocket<'a>(&self, url: &str, headers: impl Into<SignatureHeaders<'a>>) -> Result<(), Refusal> {
        let claim = self.claim(headers.into())?;
        let parts = Parts::split(url).ok_or(Refusal::Malformed)?.as_socket();
        any_port(&claim, parts, "", &[]).or_else(|_| any_port(&claim, parts, "/", &[]))
    }

    fn claim(&self, headers: SignatureHeaders<'_>) -> Result<Claim<'_>, Refusal> {
        let signature = headers.signature.unwrap_or_default();
        if signature.is_empty() {
            return Err(Refusal::MissingHeader);
        }
        let (secrets, algorithm) = match Settings::parse(headers.settings)? {
            None if self.classic == ClassicSignatures::Accepted => (self.tokens.secrets(), Algorithm::HmacSha1),
            None => return Err(Refusal::UnknownKey),
            Some(settings) => {
                let named = self.shared.iter().filter(|key| key.id == settings.key);
                let secrets: Vec<_> = named.map(SharedKey::secret).collect();
                if secrets.is_empty() {
                    return Err(Refusal::UnknownKey);
                }
                (secrets, settings.algorithm)
            }
        };
        let signature = STANDARD.decode(signature).map_err(|_| Refusal::Malformed)?;
        Ok(Claim {
            secrets,
            algorithm,
            signature,
        })
    }
}

fn any_port(claim: &Claim<'_>, parts: Parts<'_>, slash: &str, params: &[(&str, &str)]) -> Result<(), Refusal> {
    let held = parts
        .ports()
        .into_iter()
        .any(|port| claim.holds(&parts.write(port, slash), params));
    if held { Ok(()) } else { Err(Refusal::Mismatch) }
}

/// Sorted by name and then by value, each distinct pair once.
fn canonical(params: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Signs as Twilio does; for simulators. The URL is taken as it is, without its fragment.
pub fn sign(secret: &str, algorithm: Algorithm, url: &str, params: &[(String, String)]) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let params = canonical(params);
    STANDARD.encode(algorithm.compute(secret, &Pieces { url, params: &params }))
}

/// The URL with the body's digest appended, as Twilio dials it for a body that is no form; for simulators.
pub fn url_with_digest(url: &str, body: &[u8]) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}bodySHA256={}", hex_digest(body))
}

/// The settings header of a request signed with a shared key; for simulators.
pub fn settings_header(key_id: &str, algorithm: Algorithm) -> String {
    format!("key={key_id},algorithm={algorithm}")
}

fn hex_digest(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
