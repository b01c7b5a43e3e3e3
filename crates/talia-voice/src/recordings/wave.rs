//! A WAV file whose length is not known when it begins: μ-law, 8 kHz, the caller left and TalIA right.
//!
//! After "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, WAVE, the `fact` chunk of compressed
//! formats). Players take the largest length for "until the end of the file".

use talia_audio::frame::SAMPLE_RATE;

/// Bytes before the first sample.
pub const HEADER: usize = 58;
/// `WAVE_FORMAT_MULAW`.
const MULAW: u16 = 7;
const CHANNELS: u16 = 2;
/// Bytes of one sample of both channels.
const PAIR: u32 = 2;
/// The length of what is still growing.
const UNKNOWN: u32 = u32::MAX;

/// The header of a file with this many samples a side; none: nobody knows yet.
pub fn header(samples: Option<u64>) -> [u8; HEADER] {
    let bytes = samples.map_or(UNKNOWN, |samples| {
        u32::try_from(samples.saturating_mul(u64::from(PAIR))).unwrap_or(UNKNOWN)
    });
    let known = |length: u32| if bytes == UNKNOWN { UNKNOWN } else { length };
    let mut header = [0; HEADER];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&known(bytes.saturating_add(HEADER as u32 - 8)).to_le_bytes());
    put(b"WAVEfmt ");
    put(&18_u32.to_le_bytes());
    put(&MULAW.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&SAMPLE_RATE.to_le_bytes());
    put(&(SAMPLE_RATE * PAIR).to_le_bytes());
    put(&(PAIR as u16).to_le_bytes());
    put(&8_u16.to_le_bytes());
    put(&0_u16.to_le_bytes());
    put(b"fact");
    put(&4_u32.to_le_bytes());
    put(&known(bytes / PAIR).to_le_bytes());
    put(b"data");
    put(&bytes.to_le_bytes());
    header
}
