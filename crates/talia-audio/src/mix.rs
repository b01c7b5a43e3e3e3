//! What a telephone line does to a voice: noise, gain and its narrow band.

use crate::frame::SAMPLE_RATE;
use crate::level::{SILENCE_DBFS, rms_dbfs};
use crate::resample::{to_f32, to_i16};

/// Amplitude factor of a gain in dB.
pub fn amplitude_of(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

/// Makes samples louder or quieter, saturating at full scale.
pub fn apply_gain(samples: &mut [i16], db: f32) {
    let factor = amplitude_of(db);
    for sample in samples {
        *sample = to_i16(to_f32(*sample) * factor);
    }
}

/// Adds `other` to `samples` as far as both reach, saturating at full scale.
pub fn mix_into(samples: &mut [i16], other: &[i16]) {
    for (sample, &added) in samples.iter_mut().zip(other) {
        *sample = sample.saturating_add(added);
    }
}

/// Adds `noise`, repeated as often as needed, so that `samples` stand `snr_db` above it (RMS against RMS).
///
/// Nothing is added if either is silent: then there is no such ratio.
pub fn add_noise_at_snr(samples: &mut [i16], noise: &[i16], snr_db: f32) {
    let (signal_level, noise_level) = (rms_dbfs(samples), rms_dbfs(noise));
    if signal_level <= SILENCE_DBFS || noise_level <= SILENCE_DBFS {
        return;
    }
    let factor = amplitude_of(signal_level - snr_db - noise_level);
    for (sample, &added) in samples.iter_mut().zip(noise.iter().cycle()) {
        *sample = to_i16(to_f32(*sample) + to_f32(added) * factor);
    }
}

/// Fills a slice with white noise of the given RMS level; the same seed gives the same noise.
pub fn white_noise(seed: u64, dbfs: f32, samples: &mut [i16]) {
    // A uniform distribution in ±1 has an RMS of 1/√3.
    let scale = amplitude_of(dbfs) * 3.0_f32.sqrt();
    let mut state = seed;
    for sample in samples {
        *sample = to_i16(scale * uniform(&mut state));
    }
}

/// The next number of the SplitMix64 sequence (Steele, Lea, Flood 2014), in −1..1.
fn uniform(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

/// The telephone's band, 300–3400 Hz (−3 dB), as fourth-order Butterworth edges; its state goes from chunk to chunk.
#[derive(Debug, Clone)]
pub struct LineFilter {
    sections: [Biquad; 4],
}

impl Default for LineFilter {
    fn default() -> Self {
        // The two pole pairs of a fourth-order Butterworth filter.
        const QUALITIES: [f64; 2] = [0.541_196_1, 1.306_563_0];
        Self {
            sections: [
                Biquad::high_pass(300.0, QUALITIES[0]),
                Biquad::high_pass(300.0, QUALITIES[1]),
                Biquad::low_pass(3_400.0, QUALITIES[0]),
                Biquad::low_pass(3_400.0, QUALITIES[1]),
            ],
        }
    }
}

impl LineFilter {
    /// A filter for 8 kHz audio, at rest.
    pub fn new() -> Self {
        Self::default()
    }

    /// Filters samples in place.
    pub fn apply(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let input = to_f32(*sample);
            *sample = to_i16(
                self.sections
                    .iter_mut()
                    .fold(input, |value, section| section.step(value)),
            );
        }
    }
}

/// Second-order section after R. Bristow-Johnson's audio EQ cookbook.
#[derive(Debug, Clone)]
struct Biquad {
    forward: [f32; 3],
    backward: [f32; 2],
    state: [f32; 2],
}

impl Biquad {
    fn low_pass(hertz: f64, quality: f64) -> Self {
        let cosine = angle(hertz).cos();
        Self::new(hertz, quality, [(1.0 - cosine) / 2.0, 1.0 - cosine])
    }

    fn high_pass(hertz: f64, quality: f64) -> Self {
        let cosine = angle(hertz).cos();
        Self::new(hertz, quality, [f64::midpoint(1.0, cosine), -1.0 - cosine])
    }

    /// `outer_middle` are the outer and the middle coefficient of the numerator.
    fn new(hertz: f64, quality: f64, outer_middle: [f64; 2]) -> Self {
        let alpha = angle(hertz).sin() / (2.0 * quality);
        let norm = 1.0 + alpha;
        let [outer, middle] = outer_middle.map(|value| (value / norm) as f32);
        Self {
            forward: [outer, middle, outer],
            backward: [(-2.0 * angle(hertz).cos() / norm) as f32, ((1.0 - alpha) / norm) as f32],
            state: [0.0; 2],
        }
    }

    fn step(&mut self, input: f32) -> f32 {
        let output = self.forward[0] * input + self.state[0];
        self.state = [
            self.forward[1] * input - self.backward[0] * output + self.state[1],
            self.forward[2] * input - self.backward[1] * output,
        ];
        output
    }
}

fn angle(hertz: f64) -> f64 {
    std::f64::consts::TAU * hertz / f64::from(SAMPLE_RATE)
}
