//! `[[api.keys]]`: the keys of programs that use this server, as hashes, and what each may do.

use super::ConfigError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    keys: Vec<RawKey>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    id: String,
    sha256: String,
    scopes: Vec<Scope>,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Calls out.
    Dial,
    /// Twilio access tokens for browsers.
    Token,
    /// The do-not-call list.
    DoNotCall,
    /// Commands to live calls.
    Command,
    /// Erasing calls.
    Erase,
    /// Calls, words, leads, recordings, events: to read them.
    Read,
}

impl Scope {
    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Token => "token",
            Self::DoNotCall => "do_not_call",
            Self::Read => "read",
            Self::Erase => "erase",
            Self::Command => "command",
        }
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name in the audit.
    pub id: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// Who may use the API.
#[derive(Debug, Clone, Default)]
pub struct Api {
    /// Without any the API answers to this machine only.
    pub keys: Vec<ApiKey>,
}

impl Raw {
    pub(super) fn check(self) -> Result<Api, ConfigError> {
        let mut keys: Vec<ApiKey> = Vec::new();
        for raw in self.keys {
            let wrong = |reason: &str| Err(ConfigError::value("api.keys", format!("«{}»: {reason}", raw.id)));
            let named = (1..=64).contains(&raw.id.len())
                && raw
                    .id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if !named {
                return Err(ConfigError::value(
                    "api.keys",
                    "an id must have 1 to 64 letters, digits, hyphens, dots or underscores",
                ));
            }
            let Some(sha256) = sha256_of(&raw.sha256) else {
                return wrong("sha256 must be 64 hexadecimal digits (talia-voice keys new-api prints them)");
            };
            if keys.iter().any(|key| key.id == raw.id || key.sha256 == sha256) {
                return wrong("is there twice");
            }
            if raw.scopes.is_empty() {
                return wrong("has no scopes: it could do nothing");
            }
            keys.push(ApiKey {
                id: raw.id,
                sha256,
                scopes: raw.scopes,
            });
        }
        Ok(Api { keys })
    }
}

fn sha256_of(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
