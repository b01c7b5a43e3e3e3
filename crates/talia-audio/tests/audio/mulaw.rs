//! All 256 bytes and all 65,536 samples.

use talia_audio::mulaw::{SILENCE, decode, decode_into, encode, encode_into};

#[test]
fn known_values_of_g711() {
    // ITU-T G.711 table 2a, scaled from 14 to 16 bits.
    for (byte, linear) in [
        (0x80, 32_124),
        (0x00, -32_124),
        (0x8F, 16_764),
        (0x9F, 8_316),
        (0xAF, 4_092),
        (0xBF, 1_980),
        (0xCF, 924),
        (0xDF, 396),
        (0xEF, 132),
        (0xFE, 8),
        (0x7E, -8),
        (0xFF, 0),
        (0x7F, 0),
    ] {
        assert_eq!(decode(byte), linear, "{byte:#04x}");
    }
    assert_eq!(encode(0), SILENCE);
    assert_eq!(encode(i16::MAX), 0x80);
    assert_eq!(encode(i16::MIN), 0x00);
    assert_eq!(encode(1_000), 0xCE);
    assert_eq!(encode(-1_000), 0x4E);
}

#[test]
fn a_byte_survives_the_round_trip() {
    for byte in 0..=u8::MAX {
        let back = encode(decode(byte));
        // The two zeros are the only bytes with the same value.
        let expected = if byte == 0x7F { 0xFF } else { byte };
        assert_eq!(back, expected, "{byte:#04x}");
    }
}

#[test]
fn encoding_is_monotone_and_never_further_off_than_half_a_step() {
    let mut before = i16::MIN;
    for sample in i16::MIN..=i16::MAX {
        let value = decode(encode(sample));
        assert!(
            value >= before || sample == i16::MIN,
            "{sample}: {value} after {before}"
        );
        before = value;
        let clipped = i32::from(sample).clamp(-32_124, 32_124);
        let segment = (u32::from(value.unsigned_abs()) + 132).ilog2() - 7;
        let error = (clipped - i32::from(value)).abs();
        assert!(error <= 4 << segment, "{sample}: off by {error} in segment {segment}");
    }
}

#[test]
fn slices_stop_at_the_shorter() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let mut samples = [7; 300];
    assert_eq!(decode_into(&bytes, &mut samples), 256);
    assert!(
        bytes
            .iter()
            .zip(&samples)
            .all(|(&byte, &sample)| decode(byte) == sample)
    );
    assert_eq!(samples[256..], [7; 44]);

    let mut back = [1; 100];
    assert_eq!(encode_into(&samples, &mut back), 100);
    assert_eq!(back, bytes[..100]);
}
