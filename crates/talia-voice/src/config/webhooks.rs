//! `[[events.webhooks]]`: the company's own backends that are told of events.

use super::variables::filled;
use super::words::words;
use super::{ConfigError, is_this_machine, set};
use crate::store::EventType;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use talia_twilio::standard_webhooks::SigningSecret;
use url::Url;

const KEY: &str = "events.webhooks";
const USUAL_TIMEOUT_S: f64 = 10.0;
const USUAL_TRIES: u32 = 24;
const USUAL_RETRY_S: f64 = 2.0;
const USUAL_LONGEST_RETRY_S: f64 = 900.0;
const DAY_S: f64 = 86_400.0;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    id: String,
    url: String,
    secret: String,
    secret_next: String,
    #[serde(deserialize_with = "words")]
    types: Vec<String>,
    timeout_s: Option<f64>,
    tries: Option<u32>,
    retry_s: Option<f64>,
    longest_retry_s: Option<f64>,
}

/// A backend of the company's own.
#[derive(Debug, Clone)]
pub struct EventWebhook {
    /// Its name in metrics and in the database.
    pub id: String,
    /// Where events are posted.
    pub url: Url,
    /// What they are signed with: the secret and, while it is rotated, the next one too.
    pub secrets: Vec<SigningSecret>,
    /// The kinds that it wants; empty: all.
    pub types: Vec<EventType>,
    /// For one try.
    pub timeout: Duration,
    /// After so many an event is given up.
    pub tries: u32,
    /// The wait after the first; it doubles.
    pub retry: Duration,
    /// The longest wait.
    pub longest_retry: Duration,
}

fn wrong(id: &str, what: impl std::fmt::Display) -> ConfigError {
    ConfigError::value(KEY, format!("«{id}»: {what}"))
}

pub(super) fn check(raw: Vec<Raw>, environment: &HashMap<String, String>) -> Result<Vec<EventWebhook>, ConfigError> {
    let mut ids = BTreeSet::new();
    let check = |one: Raw| {
        let checked = one.check(environment)?;
        if !ids.insert(checked.id.clone()) {
            return Err(wrong(&checked.id, "is there twice"));
        }
        Ok(checked)
    };
    raw.into_iter().map(check).collect()
}

impl Raw {
    fn check(self, environment: &HashMap<String, String>) -> Result<EventWebhook, ConfigError> {
        let id = set(&self.id).ok_or_else(|| wrong("", "an id is missing"))?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.len() > 48 || !id.bytes().all(fits) || id == "nats" {
            return Err(wrong(&id, "an id is at most 48 letters, digits, _ and -, and not nats"));
        }
        let mut secrets = Vec::new();
        for (name, text) in [("secret", &self.secret), ("secret_next", &self.secret_next)] {
            let secret = filled(text, environment).map_err(|reason| wrong(&id, format!("{name} {reason}")))?;
            if let Some(secret) = set(secret.expose_secret()) {
                secrets.push(SigningSecret::parse(&secret).map_err(|error| wrong(&id, format!("{name} {error}")))?);
            } else if name == "secret" {
                return Err(wrong(&id, "a secret is missing"));
            }
        }
        let types = self.types.iter().map(|name| {
            serde_json::from_value(serde_json::Value::String(name.clone()))
                .map_err(|_| wrong(&id, format!("types: {name} is no kind of event")))
        });
        let types = types.collect::<Result<_, _>>()?;
        let tries = self.tries.unwrap_or(USUAL_TRIES);
        if !(1..=100).contains(&tries) {
            return Err(wrong(&id, "tries must be between 1 and 100"));
        }
        let seconds = |name: &str, value: Option<f64>, usual: f64, most: f64| match value.unwrap_or(usual) {
            value if (0.05..=most).contains(&value) => Ok(Duration::from_secs_f64(value)),
            _ => Err(wrong(&id, format!("{name} must be between 0.05 and {most}"))),
        };
        let timeout = seconds("timeout_s", self.timeout_s, USUAL_TIMEOUT_S, 60.0)?;
        let retry = seconds("retry_s", self.retry_s, USUAL_RETRY_S, DAY_S)?;
        let longest_retry = seconds("longest_retry_s", self.longest_retry_s, USUAL_LONGEST_RETRY_S, DAY_S)?;
        Ok(EventWebhook {
            url: url(&id, &self.url)?,
            id,
            secrets,
            types,
            timeout,
            tries,
            retry,
            longest_retry,
        })
    }
}

fn url(id: &str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| wrong(id, "url is not one"))?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" if !host.is_empty() => Ok(url),
        "http" if is_this_machine(host) => Ok(url),
        _ => Err(wrong(id, "url must begin with https:// (http:// only to this machine)")),
    }
}
