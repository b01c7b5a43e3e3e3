//! How loud a piece of audio is, in dBFS: a square wave at full scale is 0 dBFS, a sine −3 dBFS.

use std::time::Duration;

use crate::mulaw;

/// What digital silence is called: just under the smallest level that 16 bits can hold (−90.3 dBFS).
pub const SILENCE_DBFS: f32 = -96.0;

const FULL_SCALE: f64 = 32_768.0;

/// Squares of the linear values of all μ-law bytes; the largest is below 2³¹.
static SQUARES: [u32; 256] = squares();

const fn squares() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let linear = mulaw::DECODED[byte] as i32;
        table[byte] = (linear * linear) as u32;
        byte += 1;
    }
    table
}

/// RMS level of linear samples in dBFS; [`SILENCE_DBFS`] for none.
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    let energy: u64 = samples
        .iter()
        .map(|&sample| u64::from(i32::from(sample).pow(2).unsigned_abs()))
        .sum();
    mean_square_dbfs(energy, samples.len())
}

/// Peak level of linear samples in dBFS; [`SILENCE_DBFS`] for none.
pub fn peak_dbfs(samples: &[i16]) -> f32 {
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    mean_square_dbfs(u64::from(peak).pow(2), 1)
}

/// RMS level of μ-law bytes in dBFS, without decoding them.
pub fn mulaw_rms_dbfs(bytes: &[u8]) -> f32 {
    let energy: u64 = bytes.iter().map(|&byte| u64::from(SQUARES[byte as usize])).sum();
    mean_square_dbfs(energy, bytes.len())
}

/// Peak level of μ-law bytes in dBFS, without decoding them.
pub fn mulaw_peak_dbfs(bytes: &[u8]) -> f32 {
    let peak = bytes.iter().map(|&byte| SQUARES[byte as usize]).max().unwrap_or(0);
    mean_square_dbfs(u64::from(peak), 1)
}

fn mean_square_dbfs(energy: u64, count: usize) -> f32 {
    if energy == 0 || count == 0 {
        return SILENCE_DBFS;
    }
    let power = energy as f64 / count as f64 / (FULL_SCALE * FULL_SCALE);
    (10.0 * power.log10()) as f32
}

/// Power (a square wave at full scale is 1) of a level in dBFS.
#[inline]
pub fn power_of(dbfs: f32) -> f32 {
    10.0_f32.powf(dbfs / 10.0)
}

/// Level in dBFS of a power, not below [`SILENCE_DBFS`].
#[inline]
pub fn dbfs_of(power: f32) -> f32 {
    (10.0 * power.max(1e-12).log10()).max(SILENCE_DBFS)
}

/// Exponential moving average of power.
#[derive(Debug, Clone)]
pub struct LevelTracker {
    time_constant: f32,
    power: Option<f32>,
}

impl LevelTracker {
    /// A tracker that covers 63 % of a step within `time_constant`.
    pub fn new(time_constant: Duration) -> Self {
        Self {
            time_constant: time_constant.as_secs_f32().max(1e-3),
            power: None,
        }
    }

    /// Takes the level of the next piece of audio and how long that lasts; returns the smoothed level.
    pub fn push(&mut self, dbfs: f32, duration: Duration) -> f32 {
        let now = power_of(dbfs);
        let share = 1.0 - (-duration.as_secs_f32() / self.time_constant).exp();
        let power = self.power.map_or(now, |before| before + share * (now - before));
        self.power = Some(power);
        dbfs_of(power)
    }

    /// The smoothed level in dBFS; `None` before the first push.
    pub fn dbfs(&self) -> Option<f32> {
        self.power.map(dbfs_of)
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.power = None;
    }
}

const BINS: usize = 8;
const BIN: Duration = Duration::from_millis(200);
/// Pieces whose power is averaged before the minimum is taken. A moving mean, not an exponential one: after a loud
/// word it is down to the noise as soon as the word has left it.
const AVERAGED: usize = 3;
/// The minimum of a smoothed level lies below its mean; for three frames of white noise by about this much.
const BIAS_DB: f32 = 0.7;

/// Noise under the speech, by minimum statistics: the least smoothed level within the last 1.6 s.
///
/// Idea: R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
/// statistics", 2001, here on the level of the whole band.
#[derive(Debug, Clone)]
pub struct NoiseFloor {
    /// Power of the last pieces.
    recent: [f32; AVERAGED],
    next: usize,
    /// Minima in dBFS of the last full bins, oldest overwritten first.
    minima: [f32; BINS],
    oldest: usize,
    current: f32,
    filled: Duration,
    heard: Duration,
}

impl Default for NoiseFloor {
    fn default() -> Self {
        Self {
            recent: [f32::INFINITY; AVERAGED],
            next: 0,
            minima: [f32::INFINITY; BINS],
            oldest: 0,
            current: f32::INFINITY,
            filled: Duration::ZERO,
            heard: Duration::ZERO,
        }
    }
}

impl NoiseFloor {
    /// A floor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the level of the next piece of audio (20 to 40 ms) and how long that lasts.
    pub fn push(&mut self, dbfs: f32, duration: Duration) {
        self.recent[self.next] = power_of(dbfs);
        self.next = (self.next + 1) % AVERAGED;
        let mean = self.recent.iter().sum::<f32>() / AVERAGED as f32;
        self.current = self.current.min(dbfs_of(mean));
        self.heard += duration;
        self.filled += duration;
        if self.filled >= BIN {
            self.minima[self.oldest] = self.current;
            self.oldest = (self.oldest + 1) % BINS;
            self.current = f32::INFINITY;
            self.filled = Duration::ZERO;
        }
    }

    /// The floor in dBFS; `None` until 200 ms have been heard.
    pub fn dbfs(&self) -> Option<f32> {
        if self.heard < BIN {
            return None;
        }
        let least = self.minima.iter().copied().fold(self.current, f32::min);
        Some(least + BIAS_DB)
    }
}
