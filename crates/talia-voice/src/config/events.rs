//! `[events]`: where events go beside the database.

use super::{ConfigError, set};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    nats_url: String,
    feed_buffer: usize,
}

/// Where events go beside the database.
#[derive(Debug, Clone)]
pub struct Events {
    /// Accepted for later versions.
    pub nats_url: Option<String>,
    /// How far a reader of the live feed may be behind, in events.
    pub feed_buffer: usize,
}

impl Raw {
    pub(super) fn check(self) -> Result<Events, ConfigError> {
        if self.feed_buffer == 0 || self.feed_buffer > 1 << 16 {
            return Err(ConfigError::value("events.feed_buffer", "must be between 1 and 65536"));
        }
        Ok(Events {
            nats_url: set(&self.nats_url),
            feed_buffer: self.feed_buffer,
        })
    }
}
