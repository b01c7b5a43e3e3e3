//! What all engines of other people have in common: how they fail, when they are left alone, and the ways to them.

mod breaker;
mod fault;
mod health;
mod http;
mod socket;
mod work;

pub use breaker::{Breaker, Verdict};
pub use fault::{Fault, FaultClass};
pub use health::{Health, Watch};
pub use http::{post_json, retry_after, streaming_client};
pub use socket::{Received, Socket, Target};
pub use work::{Given, Tally, Work};
