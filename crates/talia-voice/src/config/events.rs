//! `[events]`: where events go beside the database.

use super::{ConfigError, nats, webhooks};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    feed_buffer: usize,
    nats: nats::Raw,
    webhooks: Vec<webhooks::Raw>,
}

/// Where events go beside the database.
#[derive(Debug, Clone)]
pub struct Events {
    /// How far a reader of the live feed may be behind, in events.
    pub feed_buffer: usize,
    /// The NATS server that is told.
    pub nats: Option<nats::Nats>,
    /// The company's own backends that are told.
    pub webhooks: Vec<webhooks::EventWebhook>,
}

impl Raw {
    pub(super) fn check(self, environment: &HashMap<String, String>) -> Result<Events, ConfigError> {
        if self.feed_buffer == 0 || self.feed_buffer > 1 << 16 {
            return Err(ConfigError::value("events.feed_buffer", "must be between 1 and 65536"));
        }
        Ok(Events {
            feed_buffer: self.feed_buffer,
            nats: self.nats.check()?,
            webhooks: webhooks::check(self.webhooks, environment)?,
        })
    }
}
