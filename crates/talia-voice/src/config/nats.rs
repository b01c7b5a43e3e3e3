//! `[events.nats]`: the NATS JetStream server that is told of events.

use super::{ConfigError, is_this_machine, set};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The longest stretch in which JetStream may be asked to know an id again, hours.
const LONGEST_DUPLICATES_H: f64 = 24.0;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    user: String,
    password: String,
    token: String,
    credentials: String,
    plain: bool,
    authority: String,
    certificate: String,
    key: String,
    stream: String,
    subjects: String,
    commands: String,
    max_age_days: f64,
    replicas: u32,
    duplicates_h: f64,
}

/// A NATS server, or a cluster.
#[derive(Debug, Clone)]
pub struct Nats {
    /// `nats://` or `tls://`, without user and password.
    pub servers: Vec<Url>,
    /// Who we are there.
    pub login: NatsLogin,
    /// Nothing is said before TLS stands.
    pub is_tls: bool,
    /// A PEM file of an authority that is trusted beside the public ones.
    pub authority: Option<PathBuf>,
    /// PEM files of a certificate that we show, and of its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The stream's name.
    pub stream: String,
    /// What the subjects begin with; the type of the event follows.
    pub subjects: String,
    /// What the subjects of commands to nodes begin with; the node follows. No stream takes them.
    pub commands: String,
    /// How a stream is made that isn't there yet.
    pub new_stream: NewStream,
}

/// Who we are at a NATS server.
#[derive(Debug, Clone)]
pub enum NatsLogin {
    /// Nobody.
    None,
    /// User and password.
    Password(String, SecretString),
    /// A token.
    Token(SecretString),
    /// A `.creds` file with a user's JWT and the seed of its key.
    Credentials(PathBuf),
}

/// How a stream is made that isn't there yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewStream {
    /// How long events are kept; zero: for ever.
    pub max_age: Duration,
    /// Copies in a cluster.
    pub replicas: usize,
    /// How long an id is known again.
    pub duplicates: Duration,
}

fn wrong(key: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::value(format!("events.nats.{key}"), reason)
}

impl Raw {
    pub(super) fn check(self) -> Result<Option<Nats>, ConfigError> {
        let Some(urls) = set(&self.url) else {
            return Ok(None);
        };
        let (mut servers, mut in_url, mut is_tls) = (Vec::new(), None, false);
        for text in urls.split(',').map(str::trim) {
            let (server, login) = server(text)?;
            in_url = in_url.or(login);
            let host = server.host_str().unwrap_or_default();
            is_tls |= server.scheme() == "tls" || !(self.plain || is_this_machine(host));
            servers.push(server);
        }
        let by_name = match (set(&self.user), set(&self.password)) {
            (Some(user), Some(password)) => Some((user, SecretString::from(password))),
            (None, None) => None,
            _ => return Err(wrong("user", "user and password belong together")),
        };
        let login = match (by_name.or(in_url), set(&self.token), set(&self.credentials)) {
            (Some((user, password)), None, None) => NatsLogin::Password(user, password),
            (None, Some(token), None) => NatsLogin::Token(token.into()),
            (None, None, Some(file)) => NatsLogin::Credentials(file.into()),
            (None, None, None) => NatsLogin::None,
            (_, _, None) => return Err(wrong("token", "either a user and password, or a token")),
            (_, _, Some(_)) => return Err(wrong("credentials", "either this, or a user and password, or a token")),
        };
        let certificate = match (set(&self.certificate), set(&self.key)) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err(wrong("certificate", "certificate and key belong together")),
        };
        // https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/naming
        let stream = set(&self.stream)
            .filter(|name| name.len() <= 200 && name.chars().all(is_of_name))
            .ok_or_else(|| wrong("stream", "must be letters, digits, _ and -"))?;
        let subjects = subject("subjects", &self.subjects)?;
        let commands = subject("commands", &self.commands)?;
        if format!("{commands}.").starts_with(&format!("{subjects}.")) {
            return Err(wrong(
                "commands",
                "must not begin with events.nats.subjects: the stream would keep them",
            ));
        }
        if !(0.0..=36_500.0).contains(&self.max_age_days) {
            return Err(wrong("max_age_days", "must be between 0 and 36500"));
        }
        if !(1..=5).contains(&self.replicas) {
            return Err(wrong("replicas", "must be between 1 and 5"));
        }
        if !(0.01..=LONGEST_DUPLICATES_H).contains(&self.duplicates_h) {
            return Err(wrong("duplicates_h", "must be between 0.01 and 24"));
        }
        let max_age = Duration::from_secs_f64(self.max_age_days * 86_400.0);
        let duplicates = Duration::from_secs_f64(self.duplicates_h * 3_600.0);
        if !max_age.is_zero() && max_age < duplicates {
            return Err(wrong("duplicates_h", "must not be longer than max_age_days"));
        }
        Ok(Some(Nats {
            servers,
            login,
            is_tls,
            authority: set(&self.authority).map(PathBuf::from),
            certificate,
            stream,
            subjects,
            commands,
            new_stream: NewStream {
                max_age,
                replicas: self.replicas as usize,
                duplicates,
            },
        }))
    }
}

/// The beginning of subjects, without wildcards.
fn subject(key: &'static str, text: &str) -> Result<String, ConfigError> {
    let is_word = |token: &str| !token.is_empty() && token.chars().all(is_of_name);
    set(text)
        .filter(|text| text.len() <= 200 && text.split('.').all(is_word))
        .ok_or_else(|| wrong(key, "must be words of letters, digits, _ and -, parted by dots"))
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

/// A server's address without user and password, and these. An error never shows the text: it may hold a password.
fn server(text: &str) -> Result<(Url, Option<(String, SecretString)>), ConfigError> {
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("nats://{text}")
    };
    let mut url = Url::parse(&text).map_err(|_| wrong("url", "is no address; nats://host:4222 is one"))?;
    if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("url", "must begin with nats:// or tls:// and name a host"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(wrong("url", "ends with the port"));
    }
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| wrong("url", "has a user or password that is no UTF-8"))
    };
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) => Some((decoded(user)?, SecretString::from(decoded(password)?))),
        (_, None) => {
            return Err(wrong(
                "url",
                "has a user without a password; a token goes into events.nats.token",
            ));
        }
    };
    // Addresses of these schemes can carry both, so this can't fail.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((url, login))
}

/// Its addresses, without any secret.
impl std::fmt::Display for Nats {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(Url::as_str).collect();
        out.write_str(&servers.join(", "))
    }
}
