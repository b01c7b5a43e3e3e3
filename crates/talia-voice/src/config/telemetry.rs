//! `[telemetry]`: what is logged and how, and where traces go.

use super::{ConfigError, is_this_machine, set};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where collectors take traces, behind the address of an endpoint.
const PATH: &str = "/v1/traces";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    log: String,
    format: String,
    otlp_endpoint: String,
    otlp_headers: BTreeMap<String, String>,
    trace_share: f64,
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// Directives of tracing-subscriber.
    pub log: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Where traces go; `None`: nowhere.
    pub traces: Option<Traces>,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one event a line, control characters escaped.
    Json,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Traces {
    /// Where they are posted.
    pub url: String,
    headers: Vec<(HeaderName, SecretString)>,
    /// Of all calls, 0 to 1.
    pub share: f64,
}

impl Traces {
    /// What a request carries beside its body; these may be keys.
    pub fn headers(&self) -> HeaderMap {
        let headers = self.headers.iter().filter_map(|(name, value)| {
            let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
            value.set_sensitive(true);
            Some((name.clone(), value))
        });
        headers.collect()
    }
}

impl Raw {
    pub(super) fn check(self) -> Result<Telemetry, ConfigError> {
        if let Err(error) = self.log.parse::<tracing_subscriber::filter::Targets>() {
            return Err(ConfigError::value("telemetry.log", error.to_string()));
        }
        let format = match self.format.trim() {
            "pretty" => LogFormat::Pretty,
            "json" => LogFormat::Json,
            _ => return Err(ConfigError::value("telemetry.format", "must be pretty or json")),
        };
        if !(0.0..=1.0).contains(&self.trace_share) {
            return Err(ConfigError::value("telemetry.trace_share", "must be between 0 and 1"));
        }
        let headers = headers(self.otlp_headers)?;
        let traces = match set(&self.otlp_endpoint) {
            None => None,
            Some(endpoint) => Some(Traces {
                url: url(&endpoint, !headers.is_empty())
                    .map_err(|reason| ConfigError::value("telemetry.otlp_endpoint", reason))?,
                headers,
                share: self.trace_share,
            }),
        };
        Ok(Telemetry {
            log: self.log,
            format,
            traces,
        })
    }
}

/// The address of a collector's traces. A collector in one's own network may be reached without TLS, but not with a key.
fn url(endpoint: &str, has_headers: bool) -> Result<String, &'static str> {
    let endpoint = endpoint.trim_end_matches('/');
    let uri: Uri = endpoint
        .parse()
        .map_err(|_| "is not an address like http://127.0.0.1:4318")?;
    let authority = uri.authority().ok_or("has no host")?;
    if uri.query().is_some() || authority.as_str().contains('@') {
        return Err("must be scheme, host, port and path only");
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if !has_headers || is_this_machine(authority.host()) => {}
        Some("http") => {
            return Err(
                "must begin with https:// (telemetry.otlp_headers travel to it), except on this machine itself",
            );
        }
        _ => return Err("must begin with http:// or https:// (OTLP over HTTP, mostly port 4318)"),
    }
    if endpoint.ends_with(PATH) {
        Ok(endpoint.to_owned())
    } else {
        Ok(format!("{endpoint}{PATH}"))
    }
}

fn headers(raw: BTreeMap<String, String>) -> Result<Vec<(HeaderName, SecretString)>, ConfigError> {
    let wrong = || {
        ConfigError::value(
            "telemetry.otlp_headers",
            "has a name or a value that no header can have",
        )
    };
    raw.into_iter()
        .map(|(name, value)| {
            HeaderValue::from_str(&value).map_err(|_| wrong())?;
            Ok((name.parse().map_err(|_| wrong())?, SecretString::from(value)))
        })
        .collect()
}
