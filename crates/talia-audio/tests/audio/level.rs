//! Levels against their definition.

#![expect(clippy::float_cmp, reason = "the same figures by two ways must be the same bits")]

use std::time::Duration;

use proptest::prelude::*;
use talia_audio::frame::FRAME;
use talia_audio::level::{
    LevelTracker, NoiseFloor, SILENCE_DBFS, dbfs_of, mulaw_peak_dbfs, mulaw_rms_dbfs, peak_dbfs, power_of, rms_dbfs,
};
use talia_audio::{mix, mulaw};

use crate::signal::tone_i16;

#[test]
fn reference_levels() {
    assert!((rms_dbfs(&[i16::MIN; 160]) - 0.0).abs() < 1e-4);
    assert!((peak_dbfs(&[0, i16::MIN, 5]) - 0.0).abs() < 1e-4);
    let sine = tone_i16(1_000.0, 8_000, 1.0, 8_000);
    assert!((rms_dbfs(&sine) + 3.01).abs() < 0.01);
    let quiet = tone_i16(1_000.0, 8_000, 0.01, 8_000);
    assert!((peak_dbfs(&quiet) + 40.0).abs() < 0.05);
    assert!((rms_dbfs(&[1; 10]) + 90.31).abs() < 0.01);
    for silent in [&[][..], &[0; 160]] {
        assert_eq!(rms_dbfs(silent), SILENCE_DBFS);
        assert_eq!(peak_dbfs(silent), SILENCE_DBFS);
    }
    assert_eq!(mulaw_rms_dbfs(&[mulaw::SILENCE; 160]), SILENCE_DBFS);
    assert_eq!(mulaw_peak_dbfs(&[]), SILENCE_DBFS);
}

proptest! {
    #[test]
    fn the_table_gives_what_decoding_gives(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut samples = vec![0; bytes.len()];
        mulaw::decode_into(&bytes, &mut samples);
        prop_assert_eq!(mulaw_rms_dbfs(&bytes), rms_dbfs(&samples));
        prop_assert_eq!(mulaw_peak_dbfs(&bytes), peak_dbfs(&samples));
    }

    #[test]
    fn power_and_level_are_inverse(dbfs in -90.0_f32..0.0) {
        prop_assert!((dbfs_of(power_of(dbfs)) - dbfs).abs() < 0.01);
    }
}

#[test]
fn the_tracker_covers_63_percent_of_a_step_in_its_time_constant() {
    let mut tracker = LevelTracker::new(Duration::from_millis(400));
    assert_eq!(tracker.dbfs(), None);
    assert!(
        (tracker.push(-60.0, FRAME) + 60.0).abs() < 0.01,
        "the first level counts whole"
    );
    let mut level = 0.0;
    for _ in 0..20 {
        level = tracker.push(-20.0, FRAME);
    }
    assert!((power_of(level) / power_of(-20.0) - 0.632).abs() < 0.01);
    tracker.reset();
    assert_eq!(tracker.dbfs(), None);
}

#[test]
fn the_noise_floor_ignores_words_and_follows_the_noise() {
    let mut noise = vec![0; 8_000 * 8];
    mix::white_noise(3, -52.0, &mut noise);
    let mut floor = NoiseFloor::new();
    let mut floors = Vec::new();
    for (n, frame) in noise.chunks(160).enumerate() {
        // A word of 600 ms in each second, then from the fifth second on 15 dB more noise.
        let level = rms_dbfs(frame) + if n >= 250 { 15.0 } else { 0.0 };
        floor.push(if n % 50 < 30 { -20.0 } else { level }, FRAME);
        floors.push(floor.dbfs());
    }
    assert_eq!(floors[5], None, "too early to tell");
    let after = |seconds: usize| floors[seconds * 50 - 1].expect("known by now");
    assert!((after(4) + 52.0).abs() < 2.5, "{}", after(4));
    assert!((after(8) + 37.0).abs() < 2.5, "{}", after(8));
}
