//! A recording with known gaps and known clipping.

use std::time::Duration;

use talia_audio::wave::{Gap, WaveSettings, measure};

use crate::signal::tone_i16;

const MILLISECOND: usize = 8;

#[test]
fn gaps_are_found_between_voices_only() {
    let voice = |millis: usize| tone_i16(300.0, 8_000, 0.2, millis * MILLISECOND);
    let pause = |millis: usize| vec![0; millis * MILLISECOND];
    let samples = [
        pause(700),
        voice(500),
        pause(120),
        voice(300),
        pause(450),
        voice(200),
        pause(900),
    ]
    .concat();
    let report = measure(&samples, 8_000, WaveSettings::default());
    let millis = Duration::from_millis;
    assert_eq!(report.duration, millis(3_170));
    assert_eq!(report.spoken, millis(1_570));
    assert_eq!(report.longest_gap, millis(450));
    assert_eq!(
        report.gaps,
        [Gap {
            start: millis(1_620),
            duration: millis(450)
        }]
    );
    assert_eq!(report.levels_dbfs.len(), 32);
    assert!((report.levels_dbfs[9] + 17.0).abs() < 0.2);
    assert!((report.peak_dbfs + 14.0).abs() < 0.1);
    assert_eq!(report.clipped_samples, 0);
}

#[test]
fn clipping_is_a_run_at_full_scale() {
    let mut samples = vec![0; 800];
    samples[10] = i16::MAX;
    samples[20..25].fill(32_124);
    samples[30..32].fill(i16::MIN);
    samples[40..43].copy_from_slice(&[i16::MAX, i16::MIN, i16::MAX]);
    samples[50..53].fill(i16::MIN);
    assert_eq!(measure(&samples, 8_000, WaveSettings::default()).clipped_samples, 8);
}

#[test]
fn an_empty_or_silent_recording_has_no_figures() {
    for samples in [&[][..], &[0; 1_600]] {
        let report = measure(samples, 8_000, WaveSettings::default());
        assert_eq!(report.spoken, Duration::ZERO);
        assert_eq!(report.longest_gap, Duration::ZERO);
        assert_eq!(report.gaps, []);
    }
}
