//! Length, alignment, pass band, stop band, and independence of how the input is cut.

use proptest::prelude::*;
use talia_audio::resample::{Resampler, UnsupportedRates, resample_all, resample_all_f32};

use crate::signal::{amplitude_at, split, tone, tone_i16};

const RATES: [(u32, u32); 5] = [
    (24_000, 8_000),
    (22_050, 8_000),
    (16_000, 8_000),
    (8_000, 16_000),
    (44_100, 8_000),
];

#[test]
fn speech_band_passes_unchanged_and_in_place() {
    for (from, to) in RATES {
        for hertz in [300.0, 1_000.0, 2_000.0, 3_400.0] {
            let input = tone(hertz, from, 0.5, from as usize);
            let output = resample_all_f32(&input, from, to).expect("usual rates");
            assert_eq!(output.len(), to as usize);
            let expected = tone(hertz, to, 0.5, to as usize);
            // Away from the edges each sample is where and what it would be at the new rate.
            let edge = to as usize / 20;
            let worst = (edge..output.len() - edge)
                .map(|n| (output[n] - expected[n]).abs())
                .fold(0.0, f32::max);
            assert!(worst < 2e-3, "{from} to {to}, {hertz} Hz: off by {worst}");
        }
    }
}

#[test]
fn what_the_line_cannot_carry_does_not_fold_back() {
    for (from, hertz) in [
        (24_000, 4_500.0),
        (24_000, 7_000.0),
        (22_050, 6_000.0),
        (16_000, 5_000.0),
    ] {
        let input = tone(hertz, from, 0.9, from as usize);
        let output = resample_all_f32(&input, from, 8_000).expect("usual rates");
        let middle = &output[800..7_200];
        let peak = middle.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(peak < 1e-3, "{from} Hz, {hertz} Hz leaves {peak}");
    }
}

#[test]
fn upsampling_adds_no_image() {
    let output = resample_all_f32(&tone(3_000.0, 8_000, 0.5, 8_000), 8_000, 16_000).expect("usual rates");
    let middle = &output[1_600..14_400];
    assert!((amplitude_at(middle, 3_000.0, 16_000) - 0.5).abs() < 1e-3);
    assert!(amplitude_at(middle, 5_000.0, 16_000) < 1e-4);
}

#[test]
fn equal_rates_change_nothing_and_impossible_rates_are_refused() {
    let input = tone_i16(440.0, 8_000, 1.0, 999);
    assert_eq!(resample_all(&input, 8_000, 8_000).as_ref(), Ok(&input));
    for (from_hz, to_hz) in [(0, 8_000), (8_000, 0), (1_000_000, 8_000)] {
        assert_eq!(
            resample_all(&input, from_hz, to_hz),
            Err(UnsupportedRates { from_hz, to_hz })
        );
    }
}

#[test]
fn full_scale_saturates_instead_of_wrapping() {
    let square: Vec<i16> = (0..2_400)
        .map(|n| if n / 120 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let output = resample_all(&square, 24_000, 8_000).expect("usual rates");
    // In the middle of a half wave the sign is the input's, overshoot or not.
    for (n, &sample) in output.iter().enumerate().filter(|(n, _)| n % 40 == 20) {
        assert_eq!(sample > 0, n / 40 % 2 == 0, "sample {n}: {sample}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_gives_the_same_output(
        rates in prop::sample::select(RATES.to_vec()),
        input in prop::collection::vec(any::<i16>(), 0..5_000),
        lengths in prop::collection::vec(0..900_usize, 0..12),
    ) {
        let (from, to) = rates;
        let whole = resample_all(&input, from, to).expect("usual rates");
        let mut resampler = Resampler::new(from, to).expect("usual rates");
        // Twice, because a finished resampler starts afresh.
        for _ in 0..2 {
            let mut output = Vec::new();
            for piece in split(&input, &lengths) {
                resampler.push_i16(piece, &mut output);
            }
            resampler.finish_i16(&mut output);
            prop_assert_eq!(&output, &whole);
        }
        let exact = input.len() as f64 * f64::from(to) / f64::from(from);
        prop_assert_eq!(whole.len(), exact.round() as usize);
    }
}
