//! `[accounts.…]`: the services of others that hear, think or speak for us: where they are, and our keys for them.

use super::{ConfigError, is_this_machine, set};
use axum::http::Uri;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    key: String,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Scheme, host, port and the path before the service's own (`https://api.groq.com/openai`), without a slash at the end.
    pub url: String,
    /// The key; `None` for a service that asks for none, such as one on this machine.
    pub key: Option<SecretString>,
}

pub(super) fn check(raw: BTreeMap<String, Raw>) -> Result<BTreeMap<String, Account>, ConfigError> {
    raw.into_iter()
        .map(|(name, account)| {
            let url =
                url_of(&account.url).map_err(|reason| ConfigError::value(format!("accounts.{name}.url"), reason))?;
            let key = set(&account.key).map(SecretString::from);
            Ok((name, Account { url, key }))
        })
        .collect()
}

/// An address to which a key and a caller's words may be sent: encrypted, unless it is this machine.
fn url_of(text: &str) -> Result<String, &'static str> {
    let text = text.trim().trim_end_matches('/');
    let url: Uri = text
        .parse()
        .map_err(|_| "is not an address like https://api.openai.com")?;
    let authority = url.authority().ok_or("has no host")?;
    if url.query().is_some() || authority.as_str().contains('@') {
        return Err("must be scheme, host, port and path only");
    }
    match url.scheme_str() {
        Some("https") => Ok(text.to_owned()),
        Some("http") if is_this_machine(authority.host()) => Ok(text.to_owned()),
        _ => Err("must begin with https:// (keys and callers' words travel to it), except on this machine itself"),
    }
}
