//! Noise at the ratio asked for, and the telephone's band.

use talia_audio::level::rms_dbfs;
use talia_audio::mix::{LineFilter, add_noise_at_snr, apply_gain, mix_into, white_noise};

use crate::signal::tone_i16;

#[test]
fn the_ratio_is_the_one_asked_for() {
    let clean = tone_i16(700.0, 8_000, 0.2, 16_000);
    for snr in [0.0, 5.0, 12.0, 30.0] {
        let mut noise = vec![0; 3_000];
        white_noise(11, -20.0, &mut noise);
        let mut noisy = clean.clone();
        add_noise_at_snr(&mut noisy, &noise, snr);
        let added: Vec<i16> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
        let measured = rms_dbfs(&clean) - rms_dbfs(&added);
        assert!((measured - snr).abs() < 0.3, "{measured} instead of {snr}");
    }
    let mut silent = vec![0; 100];
    add_noise_at_snr(&mut silent, &[5; 10], 10.0);
    assert_eq!(silent, vec![0; 100]);
    let mut alone = clean.clone();
    add_noise_at_snr(&mut alone, &[], 10.0);
    assert_eq!(alone, clean);
}

#[test]
fn noise_has_its_level_and_its_seed() {
    let mut noise = vec![0; 80_000];
    white_noise(1, -30.0, &mut noise);
    assert!((rms_dbfs(&noise) + 30.0).abs() < 0.1);
    let mean = noise.iter().map(|&x| f64::from(x)).sum::<f64>() / 80_000.0;
    assert!(mean.abs() < 20.0);
    let mut again = vec![0; 80_000];
    white_noise(1, -30.0, &mut again);
    assert_eq!(noise, again);
    white_noise(2, -30.0, &mut again);
    assert_ne!(noise, again);
}

#[test]
fn gain_and_mixing_saturate() {
    let mut samples = [1_000, -1_000, 20_000, -20_000];
    apply_gain(&mut samples, 6.0206);
    assert_eq!(samples, [2_000, -2_000, i16::MAX, i16::MIN]);
    mix_into(&mut samples, &[1, -1, 9]);
    assert_eq!(samples, [2_001, -2_001, i16::MAX, i16::MIN]);
}

#[test]
fn the_line_carries_300_to_3400_hertz() {
    let gain = |hertz: f64| {
        let mut samples = tone_i16(hertz, 8_000, 0.5, 8_000);
        let before = rms_dbfs(&samples[4_000..]);
        LineFilter::new().apply(&mut samples);
        rms_dbfs(&samples[4_000..]) - before
    };
    for hertz in [500.0, 1_000.0, 2_000.0, 3_000.0] {
        assert!(gain(hertz).abs() < 0.5, "{hertz} Hz: {} dB", gain(hertz));
    }
    for edge in [300.0, 3_400.0] {
        assert!((gain(edge) + 3.0).abs() < 0.2, "{edge} Hz: {} dB", gain(edge));
    }
    assert!(gain(100.0) < -35.0);
    assert!(gain(3_800.0) < -20.0);
}

#[test]
fn the_filter_keeps_its_state_between_chunks() {
    let whole = tone_i16(900.0, 8_000, 0.4, 1_000);
    let mut at_once = whole.clone();
    LineFilter::new().apply(&mut at_once);
    let mut in_pieces = whole;
    let mut filter = LineFilter::new();
    for piece in in_pieces.chunks_mut(37) {
        filter.apply(piece);
    }
    assert_eq!(at_once, in_pieces);
}
