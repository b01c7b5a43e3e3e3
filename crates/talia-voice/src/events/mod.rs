//! Events after their commit: what happened in calls, for whoever watches.

mod feed;

pub use crate::store::{CloudEvent, EventType};
pub use feed::{Feed, follow};
