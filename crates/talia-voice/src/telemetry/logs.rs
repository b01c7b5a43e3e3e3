//! Log lines: for people in a terminal, or one JSON object a line for machines.

use super::spans::trace_id_text;
use crate::config::{LogFormat, Telemetry};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The span in whose lines a call's trace is named; it is open whatever is logged.
pub fn call_span(call_sid: &str) -> tracing::Span {
    tracing::error_span!("call", trace_id = trace_id_text(call_sid))
}

/// Starts logging to standard error for the whole process; a second call changes nothing.
pub fn init_logs(telemetry: &Telemetry) {
    // Checked when the configuration was read.
    let targets: Targets = telemetry.log.parse().unwrap_or_default();
    let lines = match telemetry.format {
        LogFormat::Pretty => fmt::layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    // Fails only if a subscriber is there already, as in a test: that one is kept.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .try_init();
}
