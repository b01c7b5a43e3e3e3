//! `[twilio]`: the account and its secrets.

use super::{ConfigError, is_this_machine, set};
use axum::http::Uri;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use talia_twilio::signature::SharedKey;
use talia_twilio::standard_webhooks::{SigningSecret, Verifier};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    account_sid: String,
    auth_token: String,
    auth_token_next: String,
    twiml_app_sid: String,
    api_key_sid: String,
    api_key_secret: String,
    webhook_secret: String,
    webhook_secret_next: String,
    shared_keys: BTreeMap<String, String>,
    fallback_url: String,
    api_url: String,
    api_timeout_s: u64,
}

/// The account and its secrets.
#[derive(Debug, Clone)]
pub struct Twilio {
    /// `AC…`; without it any account whose requests are signed with our token.
    pub account_sid: Option<String>,
    /// Signs every request and socket.
    pub auth_token: SecretString,
    /// Accepted too, while the first is being rotated.
    pub auth_token_next: Option<SecretString>,
    /// `AP…`.
    pub twiml_app_sid: Option<String>,
    /// `SK…` and its secret.
    pub api_key: Option<(String, SecretString)>,
    /// A document hosted elsewhere, for when this server is gone.
    pub fallback_url: Option<String>,
    /// Where the REST API is: an origin without a slash at its end.
    pub api_url: String,
    /// How long one operation of the REST API may take, retries included.
    pub api_timeout: Duration,
    /// Believes what our own front door signs, with the secret of now and the one that follows.
    pub own_signatures: Option<Verifier>,
    /// Keys of Twilio's shared-key signing; a request names the one that it is signed with.
    pub shared_keys: Vec<SharedKey>,
}

impl Raw {
    pub(super) fn check(self) -> Result<Twilio, ConfigError> {
        let auth_token = set(&self.auth_token).ok_or_else(|| {
            ConfigError::value(
                "twilio.auth_token",
                "is missing: set TALIA_TWILIO_AUTH_TOKEN (without it nobody could be told from Twilio)",
            )
        })?;
        let api_key = match (set(&self.api_key_sid), set(&self.api_key_secret)) {
            (Some(sid), Some(secret)) => Some((sid_of("twilio.api_key_sid", "SK", sid)?, secret.into())),
            (None, None) => None,
            (Some(_), None) => {
                return Err(ConfigError::value(
                    "twilio.api_key_secret",
                    "is missing beside api_key_sid",
                ));
            }
            (None, Some(_)) => {
                return Err(ConfigError::value(
                    "twilio.api_key_sid",
                    "is missing beside api_key_secret",
                ));
            }
        };
        let sid = |key, prefix, text: Option<String>| text.map(|sid| sid_of(key, prefix, sid)).transpose();
        Ok(Twilio {
            account_sid: sid("twilio.account_sid", "AC", set(&self.account_sid))?,
            auth_token: auth_token.into(),
            auth_token_next: set(&self.auth_token_next).map(SecretString::from),
            twiml_app_sid: sid("twilio.twiml_app_sid", "AP", set(&self.twiml_app_sid))?,
            api_key,
            fallback_url: set(&self.fallback_url).map(fallback_url_of).transpose()?,
            api_url: api_url_of(&self.api_url)?,
            api_timeout: match self.api_timeout_s {
                2..=60 => Duration::from_secs(self.api_timeout_s),
                _ => {
                    return Err(ConfigError::value(
                        "twilio.api_timeout_s",
                        "must be between 2 and 60 seconds",
                    ));
                }
            },
            own_signatures: own_signatures(&self.webhook_secret, &self.webhook_secret_next)?,
            shared_keys: shared_keys(self.shared_keys)?,
        })
    }
}

fn fallback_url_of(text: String) -> Result<String, ConfigError> {
    if text.starts_with("https://") && text.parse::<Uri>().is_ok() {
        Ok(text)
    } else {
        Err(ConfigError::value(
            "twilio.fallback_url",
            "must be an address like https://elsewhere.example.com/fallback.xml",
        ))
    }
}

/// An origin to which credentials may be sent: encrypted, unless it is this machine.
fn api_url_of(text: &str) -> Result<String, ConfigError> {
    let wrong = |reason: &str| ConfigError::value("twilio.api_url", reason);
    let text = text.trim().trim_end_matches('/');
    let url: Uri = text
        .parse()
        .map_err(|_| wrong("is not an address like https://api.twilio.com"))?;
    let authority = url.authority().ok_or_else(|| wrong("has no host"))?;
    if url.path_and_query().is_some_and(|rest| rest.as_str() != "/") || authority.as_str().contains('@') {
        return Err(wrong("must be scheme, host and port only"));
    }
    match url.scheme_str() {
        Some("https") => Ok(text.to_owned()),
        Some("http") if is_this_machine(authority.host()) => Ok(text.to_owned()),
        _ => Err(wrong(
            "must begin with https:// (the account's secret travels to it), except on this machine itself",
        )),
    }
}

fn own_signatures(current: &str, next: &str) -> Result<Option<Verifier>, ConfigError> {
    let secret =
        |key, text: &str| SigningSecret::parse(text).map_err(|error| ConfigError::value(key, error.to_string()));
    let Some(current) = set(current) else {
        return match set(next) {
            Some(_) => Err(ConfigError::value(
                "twilio.webhook_secret",
                "is missing beside webhook_secret_next",
            )),
            None => Ok(None),
        };
    };
    let verifier = Verifier::new(secret("twilio.webhook_secret", &current)?);
    Ok(Some(match set(next) {
        Some(next) => verifier.with_next(secret("twilio.webhook_secret_next", &next)?),
        None => verifier,
    }))
}

fn shared_keys(keys: BTreeMap<String, String>) -> Result<Vec<SharedKey>, ConfigError> {
    let wrong = |reason: &str| ConfigError::value("twilio.shared_keys", reason);
    let read = |(id, secret): (String, String)| {
        let id = set(&id).ok_or_else(|| wrong("has a key without an id"))?;
        let secret = set(&secret).unwrap_or_default();
        SharedKey::new(id, secret).map_err(|_| wrong("has a key without a secret"))
    };
    keys.into_iter().map(read).collect()
}

/// A Twilio identifier: two letters and 32 hexadecimal digits.
fn sid_of(key: &'static str, prefix: &str, sid: String) -> Result<String, ConfigError> {
    let good = sid
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if good {
        Ok(sid)
    } else {
        Err(ConfigError::value(
            key,
            format!("must be {prefix} and 32 hexadecimal digits"),
        ))
    }
}
