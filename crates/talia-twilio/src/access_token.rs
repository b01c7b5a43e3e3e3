//! Access tokens of Twilio's client SDKs: a JWT that lets a browser call and be called, for a while.
//!
//! Source: the helper libraries `twilio-node` 6.2 and `twilio-python` 9.13 (`AccessToken`, `VoiceGrant`). HS256 with the
//! API key's secret; an account's auth token signs none.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::AccountSid;

/// The longest life that Twilio takes, seconds (error 20104 beyond).
pub const LONGEST_TTL_S: u32 = 24 * 60 * 60;
/// The longest identity, in characters [Twilio's limit of client names].
pub const LONGEST_IDENTITY: usize = 121;

/// Why a token can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Letters, digits and `_ . @ -` only, 1 to [`LONGEST_IDENTITY`].
    #[error("the identity must have 1 to {LONGEST_IDENTITY} letters, digits, dots, hyphens, underscores or @")]
    Identity,
    /// Longer than [`LONGEST_TTL_S`], or no time at all.
    #[error("a token lives 1 to {LONGEST_TTL_S} seconds")]
    Ttl,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceToken<'a> {
    pub account: &'a AccountSid,
    /// `SK…`, whose secret signs.
    pub key_sid: &'a str,
    /// Who the browser is: `client:IDENTITY` in webhooks, which can be trusted.
    pub identity: &'a str,
    /// The TwiML App (`AP…`) that is asked when the browser calls; without it, the browser can only be called.
    pub application_sid: Option<&'a str>,
    /// Whether the browser can be called.
    pub incoming: bool,
    /// Seconds.
    pub ttl_s: u32,
}

impl VoiceToken<'_> {
    /// The token, made at `now_s` (seconds since 1970, UTC). `nbf` is left out: a browser's call must not fail because
    /// our clock is a second ahead of Twilio's.
    pub fn sign(&self, now_s: i64, secret: &SecretString) -> Result<String, TokenError> {
        let named = (1..=LONGEST_IDENTITY).contains(&self.identity.len())
            && self
                .identity
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte));
        if !named {
            return Err(TokenError::Identity);
        }
        if !(1..=LONGEST_TTL_S).contains(&self.ttl_s) {
            return Err(TokenError::Ttl);
        }
        let mut voice = Map::new();
        if self.incoming {
            voice.insert("incoming".to_owned(), json!({"allow": true}));
        }
        if let Some(application) = self.application_sid {
            voice.insert("outgoing".to_owned(), json!({"application_sid": application}));
        }
        let header = json!({"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"});
        let payload = json!({
            "jti": format!("{}-{now_s}", self.key_sid),
            "iss": self.key_sid,
            "sub": self.account.as_str(),
            "iat": now_s,
            "exp": now_s + i64::from(self.ttl_s),
            "grants": {"identity": self.identity, "voice": Value::Object(voice)},
        });
        let signed = format!("{}.{}", encoded(&header), encoded(&payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .expect("a key of HMAC may have any length");
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Ok(format!("{signed}.{signature}"))
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
