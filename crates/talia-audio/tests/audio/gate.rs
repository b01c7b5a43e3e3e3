//! The gate lets every word through, its end too, and closes on a quiet line.

use std::time::Duration;

use talia_audio::frame::FRAME;
use talia_audio::gate::{EnergyGate, GateSettings};
use talia_audio::level::rms_dbfs;
use talia_audio::mix::white_noise;

/// Share of frames called silence over some seconds of noise at a level.
fn closed_share(dbfs: f32) -> f32 {
    let mut noise = vec![0; 80_000];
    white_noise(5, dbfs, &mut noise);
    let mut gate = EnergyGate::new(GateSettings::default());
    let closed = noise
        .chunks(160)
        .filter(|frame| gate.is_silence(rms_dbfs(frame), FRAME))
        .count();
    closed as f32 / 500.0
}

#[test]
fn quiet_lines_close_the_gate_and_loud_ones_leave_it_open() {
    assert!(closed_share(-96.0) > 0.9);
    assert!(closed_share(-60.0) > 0.9);
    assert!(closed_share(-52.0) > 0.9);
    assert!(closed_share(-40.0) <= 0.0, "loud noise is the model's to judge");
}

#[test]
fn a_quiet_word_opens_it_and_the_end_is_heard() {
    let mut gate = EnergyGate::new(GateSettings::default());
    let mut silence = |dbfs: f32| gate.is_silence(dbfs, FRAME);
    assert!(!silence(-70.0), "open until the floor is known");
    for _ in 0..100 {
        silence(-70.0);
    }
    assert!(silence(-70.0));
    assert!(!silence(-55.0));
    let held = (0..1_000).take_while(|_| !silence(-70.0)).count() as u32;
    assert_eq!(FRAME * held, GateSettings::default().hold);
}

#[test]
fn a_caller_who_never_pauses_is_never_cut_off() {
    let mut gate = EnergyGate::new(GateSettings::default());
    let levels = crate::signal::syllables(9, 3_000);
    for level in levels {
        // The tails of the syllables are as deep as −44 dBFS.
        assert!(!gate.is_silence(level - 5.0, FRAME));
    }
    assert!(gate.threshold_dbfs() <= -48.0);
    assert_eq!(GateSettings::default().hold, Duration::from_millis(600));
}
