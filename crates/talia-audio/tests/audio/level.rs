//! Levels against their definition.

#![expect(clippy::float_cmp, reason = "the same figures by two ways must be the same bits")]

use proptest::prelude::*;
use talia_audio::level::{SILENCE_DBFS, mulaw_peak_dbfs, mulaw_rms_dbfs, peak_dbfs, rms_dbfs};
use talia_audio::mulaw;

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
}
