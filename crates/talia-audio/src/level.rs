//! How loud a piece of audio is, in dBFS: a square wave at full scale is 0 dBFS, a sine −3 dBFS.

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
