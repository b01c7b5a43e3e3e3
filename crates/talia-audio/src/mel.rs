//! Log-mel features as Whisper's feature extractor makes them, for the end-of-turn model smart-turn v3.
//!
//! Source: `WhisperFeatureExtractor` of Hugging Face transformers with `do_normalize=True`, eight seconds at 16 kHz.
//! smart-turn pads in front (the end of the turn is always at the end of the features), and the padding takes part in
//! the normalisation.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Rate of the input in hertz.
pub const MEL_RATE: u32 = 16_000;
/// Samples that are looked at: the last eight seconds.
pub const MEL_SAMPLES: usize = 8 * MEL_RATE as usize;
/// Mel bands: rows of the features.
pub const MEL_BANDS: usize = 80;
/// Frames of 10 ms: columns of the features.
pub const MEL_FRAMES: usize = MEL_SAMPLES / HOP;

const WINDOW: usize = 400;
const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;
const MEL_FLOOR: f32 = 1e-10;
const VARIANCE_FLOOR: f64 = 1e-7;

/// Everything that is computed once; about 1 MB, to be reused from turn to turn.
pub struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    bands: Vec<Band>,
    audio: Vec<f32>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    powers: Vec<f32>,
    scratch: Vec<Complex<f32>>,
    features: Vec<f32>,
}

/// The bins in which one triangular filter isn't zero.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Default for LogMel {
    fn default() -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
        let hann = (0..WINDOW)
            .map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / WINDOW as f64).cos())
            .map(|weight| weight as f32)
            .collect();
        Self {
            hann,
            bands: slaney_bands(),
            audio: vec![0.0; MEL_SAMPLES],
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            powers: vec![0.0; BINS],
            scratch: fft.make_scratch_vec(),
            features: vec![0.0; MEL_BANDS * MEL_FRAMES],
            fft,
        }
    }
}

impl LogMel {
    /// Plans the transform and the filters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Features of the last eight seconds of 16 kHz mono audio: `[80][800]`, row by row, about −1..1.5.
    ///
    /// Shorter audio is taken as preceded by silence.
    pub fn features(&mut self, samples: &[f32]) -> &[f32] {
        let kept = &samples[samples.len().saturating_sub(MEL_SAMPLES)..];
        let padding = MEL_SAMPLES - kept.len();
        self.audio[..padding].fill(0.0);
        self.audio[padding..].copy_from_slice(kept);
        normalise(&mut self.audio);

        let mut loudest = f32::NEG_INFINITY;
        for frame in 0..MEL_FRAMES {
            // Frames that see only padding are all alike: the first one is copied.
            if frame > 0 && frame * HOP + WINDOW / 2 <= padding {
                for band in self.features.chunks_exact_mut(MEL_FRAMES) {
                    band[frame] = band[frame - 1];
                }
                continue;
            }
            self.transform(frame);
            for (band, row) in self.bands.iter().zip(self.features.chunks_exact_mut(MEL_FRAMES)) {
                let power: f32 = band
                    .weights
                    .iter()
                    .zip(&self.powers[band.first..])
                    .map(|(weight, power)| weight * power)
                    .sum();
                let level = power.max(MEL_FLOOR).log10();
                row[frame] = level;
                loudest = loudest.max(level);
            }
        }
        for value in &mut self.features {
            *value = (value.max(loudest - 8.0) + 4.0) / 4.0;
        }
        &self.features
    }

    /// Puts the spectrum of one windowed frame, centred at `frame × 160`, into `spectrum` and its power into `powers`.
    fn transform(&mut self, frame: usize) {
        let start = (frame * HOP) as isize - (WINDOW / 2) as isize;
        let last = MEL_SAMPLES as isize - 1;
        for (n, (value, weight)) in self.frame.iter_mut().zip(&self.hann).enumerate() {
            // Past either end the signal is mirrored at its first or last sample.
            let index = (start + n as isize).abs();
            let index = if index > last { 2 * last - index } else { index };
            *value = self.audio[index as usize] * weight;
        }
        self.fft
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .unwrap_or_else(|_| unreachable!("the buffers were made by this plan"));
        for (power, bin) in self.powers.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
    }
}

/// Zero mean, unit variance.
fn normalise(audio: &mut [f32]) {
    let count = audio.len() as f64;
    let mean = audio.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = audio.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance + VARIANCE_FLOOR).sqrt();
    for sample in audio {
        *sample = ((f64::from(*sample) - mean) * scale) as f32;
    }
}

/// Triangles on Slaney's mel scale (linear to 1 kHz, logarithmic above), each of unit area.
fn slaney_bands() -> Vec<Band> {
    let nyquist = f64::from(MEL_RATE) / 2.0;
    let top = hertz_to_mel(nyquist);
    let edge = |n: usize| mel_to_hertz(top * n as f64 / (MEL_BANDS + 1) as f64);
    let band = |n: usize| {
        let (low, centre, high) = (edge(n), edge(n + 1), edge(n + 2));
        let weights: Vec<f64> = (0..BINS)
            .map(|bin| {
                let hertz = nyquist * bin as f64 / (BINS - 1) as f64;
                let rising = (hertz - low) / (centre - low);
                let falling = (high - hertz) / (high - centre);
                rising.min(falling).max(0.0) * 2.0 / (high - low)
            })
            .collect();
        let first = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
        let end = weights
            .iter()
            .rposition(|&weight| weight > 0.0)
            .map_or(first, |bin| bin + 1);
        Band {
            first,
            weights: weights[first..end].iter().map(|&weight| weight as f32).collect(),
        }
    };
    (0..MEL_BANDS).map(band).collect()
}

const LINEAR_TOP_HZ: f64 = 1_000.0;
const LINEAR_TOP_MEL: f64 = 15.0;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hertz_to_mel(hertz: f64) -> f64 {
    if hertz < LINEAR_TOP_HZ {
        hertz * 3.0 / 200.0
    } else {
        LINEAR_TOP_MEL + (hertz / LINEAR_TOP_HZ).ln() / log_step()
    }
}

fn mel_to_hertz(mel: f64) -> f64 {
    if mel < LINEAR_TOP_MEL {
        mel * 200.0 / 3.0
    } else {
        LINEAR_TOP_HZ * (log_step() * (mel - LINEAR_TOP_MEL)).exp()
    }
}
