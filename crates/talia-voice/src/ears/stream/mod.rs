//! Streaming recognisers: one session a call, whatever the engines behind it do.
//!
//! [`hearing`] is pure and decides; [`session`] carries its orders out on sockets. What a provider's messages mean is known
//! by its own file under `ears/stt` alone.

pub mod audio_map;
mod connection;
pub mod hearing;
mod jobs;
mod open_stream;
pub mod protocol;
pub mod ring;
pub mod roster;
pub mod session;
pub mod transcript;

use std::time::Duration;

/// A place in the caller's audio: bytes of μ-law, 8,000 a second, since the call's ears opened.
pub type Position = u64;

/// Bytes of μ-law in this time.
pub const fn bytes_in(time: Duration) -> u64 {
    time.as_millis() as u64 * 8
}
