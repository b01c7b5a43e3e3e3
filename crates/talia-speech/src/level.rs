//! Makes synthesised speech fit for a telephone line: no silence around it, an even level, no clipping, no clicks.

use talia_audio::frame::SAMPLE_RATE;
use talia_audio::resample::{UnsupportedRates, resample_all_f32, to_i16};

/// Windows in which loudness is measured.
const WINDOW_SECONDS: f32 = 0.01;
/// Level of speech while it is heard: what carriers expect (ITU-T P.56 active speech level is near this).
const SPEECH_DBFS: f32 = -20.0;
const PEAK_DBFS: f32 = -3.0;
/// Windows quieter than the loudest by more than this are silence at the edges.
const EDGE_DB: f32 = 42.0;
/// Windows quieter than the loudest by more than this aren't counted as speech.
const ACTIVE_DB: f32 = 25.0;
/// Kept of the silence: a plosive starts before it is loud, and a word dies away after it.
const LEAD_SECONDS: f32 = 0.03;
const TAIL_SECONDS: f32 = 0.05;
const FADE_SECONDS: f32 = 0.005;

/// Speech of any rate (samples −1 to 1) as the telephone gets it: 8 kHz, trimmed, levelled, faded. Empty for silence.
///
/// The level is raised or lowered by one factor, so the voice's dynamics stay; where −20 dBFS of speech would push a
/// peak above −3 dBFS, the peak wins.
pub(crate) fn for_telephone(mut wave: Vec<f32>, rate: u32) -> Result<Vec<i16>, UnsupportedRates> {
    // Before the line's filter: what it leaves of an "s" is as quiet as silence.
    trim(&mut wave, rate);
    let mut narrow = resample_all_f32(&wave, rate, SAMPLE_RATE)?;
    set_level(&mut narrow);
    fade(&mut narrow, seconds(FADE_SECONDS, SAMPLE_RATE));
    Ok(narrow.into_iter().map(to_i16).collect())
}

fn seconds(seconds: f32, rate: u32) -> usize {
    (seconds * rate as f32) as usize
}

/// Power of each window, and of the loudest.
fn powers(samples: &[f32], rate: u32) -> (Vec<f32>, f32) {
    let powers: Vec<f32> = samples
        .chunks(seconds(WINDOW_SECONDS, rate).max(1))
        .map(power)
        .collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    (powers, loudest)
}

fn trim(samples: &mut Vec<f32>, rate: u32) {
    let (powers, loudest) = powers(samples, rate);
    let audible = |power: &f32| *power > loudest * ratio(-EDGE_DB);
    let (Some(first), Some(last)) = (powers.iter().position(audible), powers.iter().rposition(audible)) else {
        samples.clear();
        return;
    };
    let window = seconds(WINDOW_SECONDS, rate).max(1);
    let end = ((last + 1) * window + seconds(TAIL_SECONDS, rate)).min(samples.len());
    let start = (first * window).saturating_sub(seconds(LEAD_SECONDS, rate)).min(end);
    samples.truncate(end);
    samples.drain(..start);
}

fn set_level(samples: &mut [f32]) {
    let (powers, loudest) = powers(samples, SAMPLE_RATE);
    let active: Vec<f32> = powers
        .into_iter()
        .filter(|power| *power > loudest * ratio(-ACTIVE_DB))
        .collect();
    if active.is_empty() {
        return;
    }
    let speech = (active.iter().sum::<f32>() / active.len() as f32).sqrt();
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let gain = (ratio(SPEECH_DBFS).sqrt() / speech).min(ratio(PEAK_DBFS).sqrt() / peak);
    for sample in samples {
        *sample *= gain;
    }
}

fn fade(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    let last = samples.len().saturating_sub(1);
    for i in 0..length {
        let gain = i as f32 / length as f32;
        samples[i] *= gain;
        samples[last - i] *= gain;
    }
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// A ratio of powers from decibels.
fn ratio(db: f32) -> f32 {
    10.0_f32.powf(db / 10.0)
}

#[cfg(test)]
mod tests {
    use super::for_telephone;
    use proptest::prelude::*;

    const RATE: u32 = 24_000;

    fn tone(seconds: f32, amplitude: f32) -> Vec<f32> {
        (0..(seconds * RATE as f32) as usize)
            .map(|n| amplitude * (n as f32 * 0.12).sin())
            .collect()
    }

    proptest! {
        #[test]
        fn no_peak_is_above_the_limit_and_edges_are_silent(
            amplitude in 0.001_f32..3.0,
            before in 0.0_f32..0.5,
            after in 0.0_f32..0.5,
        ) {
            let mut wave = vec![0.0; (before * RATE as f32) as usize];
            wave.extend(tone(0.4, amplitude));
            wave.resize(wave.len() + (after * RATE as f32) as usize, 0.0);
            let samples = for_telephone(wave, RATE).unwrap();
            let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            prop_assert!(peak <= 23_200, "peak {}", peak);
            prop_assert!(samples[0] == 0 && samples[samples.len() - 1] == 0);
            let seconds = samples.len() as f32 / 8_000.0;
            prop_assert!((0.39..0.51).contains(&seconds), "{} s", seconds);
        }
    }

    #[test]
    fn a_tone_comes_out_at_the_level_of_speech() {
        let samples = for_telephone(tone(1.0, 0.5), RATE).unwrap();
        let squares: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let level = 10.0 * (squares / samples.len() as f64 / 32_768.0_f64.powi(2)).log10();
        assert!((level + 20.0).abs() < 0.5, "{level} dBFS");
    }

    #[test]
    fn silence_becomes_nothing() {
        assert!(for_telephone(vec![0.0; 4_000], RATE).unwrap().is_empty());
        assert!(for_telephone(Vec::new(), RATE).unwrap().is_empty());
    }
}
