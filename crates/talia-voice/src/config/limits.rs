//! `[limits]`: how much, how long, how often.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    max_calls: usize,
    max_connections: usize,
    max_connections_per_address: usize,
    header_timeout_s: u64,
    body_timeout_s: u64,
    first_message_timeout_s: u64,
    start_timeout_s: u64,
    write_stall_ms: u64,
    bad_frames: u32,
    token_ttl_s: u64,
    resumes: u32,
    resume_after_s: u64,
    abandoned_s: u64,
    drain_s: u64,
    longest_call_s: u64,
    spoken_characters: u64,
    tool_calls: u32,
    tokens: u64,
}

/// How much, how long, how often.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at once.
    pub max_calls: usize,
    /// Connections at once that are not yet a call.
    pub max_connections: usize,
    /// The same from one address.
    pub max_connections_per_address: usize,
    /// For a request's headers.
    pub header_timeout: Duration,
    /// For a request's body.
    pub body_timeout: Duration,
    /// For a media socket's first message.
    pub first_message_timeout: Duration,
    /// For a media socket's `start`.
    pub start_timeout: Duration,
    /// How long a media socket may refuse to take what we say.
    pub write_stall: Duration,
    /// Bad messages on one media socket before it is closed.
    pub bad_frames: u32,
    /// How long a stream's token is good.
    pub token_ttl: Duration,
    /// How often the stream of one call is begun again after it broke.
    pub resumes: u32,
    /// How long a call's stream may be gone before Twilio is told to come back for it.
    pub resume_after: Duration,
    /// How long a call may have no stream and no news before it counts as abandoned.
    pub abandoned: Duration,
    /// How long live calls get when the server stops.
    pub drain: Duration,
    /// The longest call.
    pub longest_call: Duration,
    /// Characters that may be spoken in one call.
    pub spoken_characters: u64,
    /// Wishes of a model to use a tool in one call, refused ones included.
    pub tool_calls: u32,
    /// Tokens of models in one call, read and written, those from caches left out.
    pub tokens: u64,
}

impl Raw {
    pub(super) fn check(self) -> Result<Limits, ConfigError> {
        let counted = |key, count: usize| match count {
            0 => Err(ConfigError::value(key, "must be 1 or more")),
            // A semaphore's own bound lies far above; nobody means this many.
            1_000_001.. => Err(ConfigError::value(key, "must be 1000000 or less")),
            _ => Ok(count),
        };
        let seconds = |key, seconds: u64| match seconds {
            1..=86_400 => Ok(Duration::from_secs(seconds)),
            _ => Err(ConfigError::value(key, "must be between 1 and 86400 seconds")),
        };
        if !(10..=60_000).contains(&self.write_stall_ms) {
            return Err(ConfigError::value(
                "limits.write_stall_ms",
                "must be between 10 and 60000",
            ));
        }
        if self.bad_frames == 0 {
            return Err(ConfigError::value("limits.bad_frames", "must be 1 or more"));
        }
        Ok(Limits {
            max_calls: counted("limits.max_calls", self.max_calls)?,
            max_connections: counted("limits.max_connections", self.max_connections)?,
            max_connections_per_address: counted(
                "limits.max_connections_per_address",
                self.max_connections_per_address,
            )?,
            header_timeout: seconds("limits.header_timeout_s", self.header_timeout_s)?,
            body_timeout: seconds("limits.body_timeout_s", self.body_timeout_s)?,
            first_message_timeout: seconds("limits.first_message_timeout_s", self.first_message_timeout_s)?,
            start_timeout: seconds("limits.start_timeout_s", self.start_timeout_s)?,
            write_stall: Duration::from_millis(self.write_stall_ms),
            bad_frames: self.bad_frames,
            token_ttl: seconds("limits.token_ttl_s", self.token_ttl_s)?,
            resumes: self.resumes,
            resume_after: seconds("limits.resume_after_s", self.resume_after_s)?,
            abandoned: seconds("limits.abandoned_s", self.abandoned_s)?,
            drain: seconds("limits.drain_s", self.drain_s)?,
            longest_call: seconds("limits.longest_call_s", self.longest_call_s)?,
            spoken_characters: match self.spoken_characters {
                0 => return Err(ConfigError::value("limits.spoken_characters", "must be 1 or more")),
                characters => characters,
            },
            tool_calls: match self.tool_calls {
                0 => return Err(ConfigError::value("limits.tool_calls", "must be 1 or more")),
                wishes => wishes,
            },
            tokens: match self.tokens {
                0 => return Err(ConfigError::value("limits.tokens", "must be 1 or more")),
                tokens => tokens,
            },
        })
    }
}
