//! Nothing lost, nothing doubled, whatever the chunks.

use std::collections::VecDeque;

use proptest::prelude::*;
use talia_audio::frame::{FRAME_SAMPLES, MulawFrame};
use talia_audio::framer::{Flushed, Framer, Pcm16Decoder, Pcm16Framer};
use talia_audio::mulaw;
use talia_audio::resample::resample_all;

use crate::signal::{split, tone_i16};

fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

proptest! {
    #[test]
    fn mulaw_bytes_come_out_as_they_went_in(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        lengths in prop::collection::vec(0..400_usize, 0..12),
    ) {
        let mut framer = Framer::new();
        let mut frames: VecDeque<MulawFrame> = VecDeque::new();
        for piece in split(&bytes, &lengths) {
            framer.push(piece, &mut frames);
        }
        prop_assert_eq!(frames.len(), bytes.len() / FRAME_SAMPLES);
        prop_assert_eq!(framer.pending(), bytes.len() % FRAME_SAMPLES);
        let padding = framer.flush(&mut frames);
        let joined: Vec<u8> = frames.into_iter().flatten().collect();
        prop_assert_eq!(joined.len(), bytes.len() + padding);
        prop_assert_eq!(&joined[..bytes.len()], &bytes[..]);
        prop_assert!(joined[bytes.len()..].iter().all(|&byte| byte == mulaw::SILENCE));
        prop_assert!(padding < FRAME_SAMPLES);
    }

    #[test]
    fn half_samples_wait_for_their_other_half(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        lengths in prop::collection::vec(0..33_usize, 0..60),
    ) {
        let mut decoder = Pcm16Decoder::new();
        let mut samples = Vec::new();
        for piece in split(&bytes, &lengths) {
            decoder.push(piece, &mut samples);
        }
        prop_assert_eq!(bytes_of(&samples), &bytes[..bytes.len() / 2 * 2]);
        prop_assert_eq!(decoder.finish(), bytes.len() % 2 == 1);
        prop_assert!(!decoder.finish());
    }

    #[test]
    fn pcm_of_any_rate_becomes_the_same_frames_for_any_split(
        rate in prop::sample::select(vec![8_000_u32, 16_000, 22_050, 24_000]),
        samples in prop::collection::vec(any::<i16>(), 0..3_000),
        lengths in prop::collection::vec(0..701_usize, 0..12),
        odd in any::<bool>(),
    ) {
        let mut bytes = bytes_of(&samples);
        if odd {
            bytes.push(1);
        }
        let mut framer = Pcm16Framer::new(rate).expect("usual rate");
        let mut frames: Vec<MulawFrame> = Vec::new();
        for piece in split(&bytes, &lengths) {
            framer.push(piece, &mut frames);
        }
        let flushed = framer.flush(&mut frames);
        let expected: Vec<u8> = resample_all(&samples, rate, 8_000)
            .expect("usual rate")
            .into_iter()
            .map(mulaw::encode)
            .collect();
        let padding = expected.len().next_multiple_of(FRAME_SAMPLES) - expected.len();
        prop_assert_eq!(flushed, Flushed { padding, half_sample: odd });
        let joined: Vec<u8> = frames.into_iter().flatten().collect();
        prop_assert_eq!(joined.len(), expected.len() + padding);
        prop_assert_eq!(&joined[..expected.len()], &expected[..]);
    }
}

#[test]
fn samples_and_bytes_share_one_frame_and_clear_empties_it() {
    let samples = tone_i16(500.0, 8_000, 0.3, 100);
    let mut framer = Framer::new();
    let mut frames: Vec<MulawFrame> = Vec::new();
    framer.push_samples(&samples, &mut frames);
    framer.push(&[0x55; 60], &mut frames);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0][99], mulaw::encode(samples[99]));
    assert_eq!(frames[0][100..], [0x55; 60]);
    assert_eq!(framer.flush(&mut frames), 0, "a frame's edge needs no padding");

    framer.push(&[1, 2, 3], &mut frames);
    assert_eq!(framer.clear(), 3);
    assert_eq!(framer.flush(&mut frames), 0);
    assert_eq!(frames.len(), 1);
}
