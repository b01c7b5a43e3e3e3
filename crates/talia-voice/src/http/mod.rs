//! The listener with its time limits, the router, the graceful stop. Nothing of the domain.

mod api_key;
mod door;
pub mod health;
mod listener;
mod operator;
mod probes;
mod router;
mod tls;

pub(crate) use api_key::Caller;
pub use door::door;
pub use listener::{Served, serve, serve_tls};
pub use router::router;
pub use tls::{Tls, TlsError};
