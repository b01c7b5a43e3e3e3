//! Events after their commit: what happened in calls, for whoever watches, and for places outside.

mod feed;
mod lag;
mod lanes;
mod relay;
mod relays;
pub mod sinks;

pub use crate::store::{CloudEvent, EventType};
pub use feed::{Feed, follow};
pub use lanes::Lanes;
pub use relay::Retries;
pub use relays::{Relays, RelaysError};
