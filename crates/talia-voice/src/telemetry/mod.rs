//! Logs, metrics and traces. Callers' words, numbers, names and addresses never enter any of them.

pub mod labels;
mod logs;
mod metrics;
pub mod spans;
mod traces;

pub use logs::{call_span, init_logs};
pub use metrics::Metrics;
pub use traces::Traces;
