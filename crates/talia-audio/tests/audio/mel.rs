//! Features against a reference in double precision, written from the published formula with NumPy.

use std::f64::consts::TAU;

use talia_audio::mel::{LogMel, MEL_BANDS, MEL_FRAMES, MEL_SAMPLES};

/// The signal of the reference: noise, and a chirp with a tone, two thirds of the time.
fn signal(samples: usize) -> Vec<f32> {
    let mut state = 12_345_u32;
    (0..samples)
        .map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5;
            let t = n as f64 / 16_000.0;
            let voice = 0.3 * (TAU * (200.0 * t + 150.0 * t * t)).sin() + 0.1 * (TAU * 1_234.5 * t).sin();
            let voice = if n / 4_000 % 3 == 2 { 0.0 } else { voice };
            (0.02 * noise + voice) as f32
        })
        .collect()
}

fn worst_difference(samples: usize, reference: &str) -> f32 {
    let mut mel = LogMel::new();
    // A plan that was used before must give the same.
    mel.features(&[0.5; 1_000]);
    let features = mel.features(&signal(samples));
    assert_eq!(features.len(), MEL_BANDS * MEL_FRAMES);
    let mut compared = 0;
    let mut worst = 0.0_f32;
    for line in reference.lines().skip(1) {
        let mut fields = line.split(',');
        let mut next = || fields.next().expect("three fields");
        let band: usize = next().parse().expect("band");
        let frame: usize = next().parse().expect("frame");
        let value: f32 = next().parse().expect("value");
        worst = worst.max((features[band * MEL_FRAMES + frame] - value).abs());
        compared += 1;
    }
    assert!(compared > 700);
    worst
}

#[test]
fn long_audio_counts_by_its_last_eight_seconds() {
    let worst = worst_difference(150_000, include_str!("../data/mel_long.csv"));
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn short_audio_is_padded_in_front() {
    let worst = worst_difference(40_001, include_str!("../data/mel_short.csv"));
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn silence_and_nothing_are_finite_and_alike() {
    let mut mel = LogMel::new();
    let nothing = mel.features(&[]).to_vec();
    let silence = mel.features(&vec![0.0; MEL_SAMPLES + 5]).to_vec();
    assert_eq!(nothing, silence);
    assert!(
        nothing.iter().all(|value| (value + 1.5).abs() < 1e-6),
        "the floor of 10⁻¹⁰ everywhere"
    );
}

#[test]
fn loudness_does_not_matter() {
    let mut mel = LogMel::new();
    let loud: Vec<f32> = signal(60_000);
    let quiet: Vec<f32> = loud.iter().map(|sample| sample / 8.0).collect();
    let before = mel.features(&loud).to_vec();
    let after = mel.features(&quiet);
    let worst = before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-3, "{worst}");
}
