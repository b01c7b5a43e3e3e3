//! Makes synthesised speech fit for a telephone line: no silence around it, an even level, no clipping, no clicks.

/// Windows in which loudness is measured.
const WINDOW_SECONDS: f32 = 0.01;
/// Level of speech while it is heard: what carriers expect (ITU-T P.56 active speech level is near this).
const SPEECH_DBFS: f32 = -20.0;
const PEAK_DBFS: f32 = -3.0;
/// Windows quieter than the loudest by more than this are silence at the edges.
const EDGE_DB: f32 = 38.0;
/// Windows quieter than the loudest by more than this aren't counted as speech.
const ACTIVE_DB: f32 = 25.0;
/// Kept of the silence: a plosive starts before it is loud, and a word dies away after it.
const LEAD_SECONDS: f32 = 0.02;
const TAIL_SECONDS: f32 = 0.05;
const FADE_SECONDS: f32 = 0.005;

/// Trims, levels and fades `samples` (−1 to 1) of `rate` samples a second, in place.
///
/// The level is raised or lowered by one factor, so the voice's dynamics stay; where −20 dBFS of speech would push a
/// peak above −3 dBFS, the peak wins.
pub(crate) fn finish(samples: &mut Vec<f32>, rate: u32) {
    let seconds = |seconds: f32| (seconds * rate as f32) as usize;
    let powers: Vec<f32> = samples.chunks(seconds(WINDOW_SECONDS).max(1)).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    if loudest <= f32::MIN_POSITIVE {
        samples.clear();
        return;
    }
    let audible = |power: &f32| *power > loudest * ratio(-EDGE_DB);
    let first = powers.iter().position(audible).unwrap_or(0);
    let last = powers.iter().rposition(audible).unwrap_or(0);
    let window = seconds(WINDOW_SECONDS).max(1);
    let end = ((last + 1) * window + seconds(TAIL_SECONDS)).min(samples.len());
    let start = (first * window).saturating_sub(seconds(LEAD_SECONDS)).min(end);
    samples.truncate(end);
    samples.drain(..start);
    set_level(samples, &powers, loudest);
    fade(samples, seconds(FADE_SECONDS));
}

fn set_level(samples: &mut [f32], powers: &[f32], loudest: f32) {
    let active: Vec<f32> = powers
        .iter()
        .copied()
        .filter(|power| *power > loudest * ratio(-ACTIVE_DB))
        .collect();
    let speech = (active.iter().sum::<f32>() / active.len() as f32).sqrt();
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let gain = (ratio(SPEECH_DBFS).sqrt() / speech).min(ratio(PEAK_DBFS).sqrt() / peak);
    samples.iter_mut().for_each(|sample| *sample *= gain);
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
    use super::finish;
    use proptest::prelude::*;

    fn tone(seconds: f32, amplitude: f32) -> Vec<f32> {
        (0..(seconds * 8_000.0) as usize)
            .map(|n| amplitude * (n as f32 * 0.35).sin())
            .collect()
    }

    proptest! {
        #[test]
        fn no_peak_is_above_the_limit_and_edges_are_silent(
            amplitude in 0.001_f32..3.0,
            before in 0.0_f32..0.5,
            after in 0.0_f32..0.5,
        ) {
            let mut samples = vec![0.0; (before * 8_000.0) as usize];
            samples.extend(tone(0.4, amplitude));
            samples.resize(samples.len() + (after * 8_000.0) as usize, 0.0);
            finish(&mut samples, 8_000);
            let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            prop_assert!(peak <= 0.708, "peak {}", peak);
            prop_assert!(samples[0].abs() < 1e-6 && samples[samples.len() - 1].abs() < 1e-6);
            let seconds = samples.len() as f32 / 8_000.0;
            prop_assert!((0.39..0.5).contains(&seconds), "{} s", seconds);
        }
    }

    #[test]
    fn a_tone_comes_out_at_the_level_of_speech() {
        let mut samples = tone(1.0, 0.5);
        finish(&mut samples, 8_000);
        let rms = (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt();
        assert!((20.0 * rms.log10() + 20.0).abs() < 0.5, "{} dBFS", 20.0 * rms.log10());
    }

    #[test]
    fn silence_becomes_nothing() {
        let mut samples = vec![0.0; 4_000];
        finish(&mut samples, 8_000);
        assert!(samples.is_empty());
    }
}
