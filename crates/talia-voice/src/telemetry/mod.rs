//! Logs and metrics. Callers' words, numbers, names and addresses never enter either.

pub mod labels;
mod logs;
mod metrics;

pub use logs::init_logs;
pub use metrics::Metrics;
