//! `[telemetry]`: what is logged and how.

use super::ConfigError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    log: String,
    format: String,
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// Directives of tracing-subscriber.
    pub log: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one event a line, control characters escaped.
    Json,
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
        Ok(Telemetry { log: self.log, format })
    }
}
