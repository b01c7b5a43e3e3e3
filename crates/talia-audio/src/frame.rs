//! The telephone's unit of audio: 20 ms of 8 kHz mono.

use std::time::Duration;

/// Samples per second on the telephone line (ITU-T G.711).
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples, and μ-law bytes, in one frame.
pub const FRAME_SAMPLES: usize = 160;
/// How long one frame lasts.
pub const FRAME: Duration = Duration::from_millis(20);

/// One frame of μ-law bytes as Twilio sends and takes it.
pub type MulawFrame = [u8; FRAME_SAMPLES];

/// How long `samples` last at [`SAMPLE_RATE`].
pub const fn duration_of(samples: u64) -> Duration {
    Duration::from_micros(samples * 125)
}

/// How many whole samples at [`SAMPLE_RATE`] fit in `duration`.
pub const fn samples_in(duration: Duration) -> u64 {
    (duration.as_micros() / 125) as u64
}
