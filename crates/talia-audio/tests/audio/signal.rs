//! Sounds that the tests share.

use std::f64::consts::TAU;

/// A sine of the given frequency, peak amplitude (1 is full scale) and length in samples.
pub(crate) fn tone(hertz: f64, rate_hz: u32, amplitude: f64, samples: usize) -> Vec<f32> {
    (0..samples)
        .map(|n| (amplitude * (TAU * hertz * n as f64 / f64::from(rate_hz)).sin()) as f32)
        .collect()
}

/// [`tone`] in 16 bits.
pub(crate) fn tone_i16(hertz: f64, rate_hz: u32, amplitude: f64, samples: usize) -> Vec<i16> {
    tone(hertz, rate_hz, amplitude, samples)
        .into_iter()
        .map(talia_audio::resample::to_i16)
        .collect()
}

/// Amplitude of one frequency in a piece of audio (Goertzel by its definition).
pub(crate) fn amplitude_at(samples: &[f32], hertz: f64, rate_hz: u32) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let angle = TAU * hertz * n as f64 / f64::from(rate_hz);
        real += f64::from(sample) * angle.cos();
        imaginary += f64::from(sample) * angle.sin();
    }
    2.0 * real.hypot(imaginary) / samples.len() as f64
}

/// Cuts a slice at the given lengths, the last piece taking what is left.
pub(crate) fn split<'a, T>(mut whole: &'a [T], lengths: &[usize]) -> Vec<&'a [T]> {
    let mut pieces = Vec::new();
    for &length in lengths {
        let (head, rest) = whole.split_at(length.min(whole.len()));
        pieces.push(head);
        whole = rest;
    }
    pieces.push(whole);
    pieces
}
