//! The listener with its time limits, the router, the graceful stop. Nothing of the domain.

mod listener;
mod operator;
mod probes;
mod router;

pub use listener::{Served, serve};
pub use router::router;
