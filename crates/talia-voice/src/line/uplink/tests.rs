//! Whatever comes, frames come out whole, in order and once.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

const STREAM: &str = "MZ00000000000000000000000000000001";

fn media(sequence: u64, timestamp_ms: u64, audio: &[u8]) -> String {
    let payload = STANDARD.encode(audio);
    let chunk = sequence - 1;
    format!(
        r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{STREAM}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}"#
    )
}

fn uplink() -> Uplink {
    Uplink::new(STREAM.to_owned(), 1)
}

proptest! {
    #[test]
    fn audio_in_pieces_of_any_size_comes_out_in_frames(milliseconds in prop::collection::vec(0_usize..90, 1..40)) {
        let (mut uplink, mut events) = (uplink(), VecDeque::new());
        let mut sent = Vec::new();
        let mut at = 0;
        for (number, length) in milliseconds.iter().enumerate() {
            let piece: Vec<u8> = (0..length * SAMPLES_PER_MS).map(|byte| (sent.len() + byte) as u8).collect();
            prop_assert_eq!(uplink.take(&media(number as u64 + 2, at, &piece), &mut events), Ok(()));
            sent.extend_from_slice(&piece);
            at += *length as u64;
        }
        let mut heard = Vec::new();
        for (number, event) in events.iter().enumerate() {
            let LineEvent::Media { payload, timestamp_ms } = event else {
                return Err(TestCaseError::fail("not audio"));
            };
            prop_assert_eq!(*timestamp_ms, number as u64 * FRAME_MS);
            heard.extend_from_slice(payload);
        }
        prop_assert_eq!(heard.len(), sent.len() / FRAME_SAMPLES * FRAME_SAMPLES);
        prop_assert_eq!(&heard[..], &sent[..heard.len()]);
    }

    #[test]
    fn lost_and_repeated_messages_keep_the_clock_right(
        lost in prop::collection::vec(any::<bool>(), 1..60),
        repeated in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut uplink, mut events) = (uplink(), VecDeque::new());
        let mut last = None;
        for (number, lost) in lost.iter().enumerate().skip(1) {
            if *lost {
                continue;
            }
            let text = media(number as u64 + 2, number as u64 * FRAME_MS, &[number as u8; FRAME_SAMPLES]);
            prop_assert_eq!(uplink.take(&text, &mut events), Ok(()));
            if repeated[number] {
                prop_assert_eq!(uplink.take(&text, &mut events), Err(BadFrame::Repeated));
            }
            last = Some(number);
        }
        // From the first frame that came on, every 20 ms has one frame: the caller's or silence.
        let times: Vec<u64> = events.iter().map(|event| match event {
            LineEvent::Media { timestamp_ms, .. } => *timestamp_ms,
            _ => u64::MAX,
        }).collect();
        for pair in times.windows(2) {
            prop_assert_eq!(pair[1], pair[0] + FRAME_MS);
        }
        prop_assert_eq!(times.last().copied(), last.map(|number| number as u64 * FRAME_MS));
        for event in &events {
            if let LineEvent::Media { payload, timestamp_ms } = event {
                let number = (timestamp_ms / FRAME_MS) as usize;
                let byte = if lost[number] { mulaw::SILENCE } else { number as u8 };
                prop_assert_eq!(payload, &[byte; FRAME_SAMPLES]);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_speak_without_reason(text in "\\PC{0,300}") {
        let mut events = VecDeque::new();
        prop_assert!(uplink().take(&text, &mut events).is_err());
        prop_assert!(events.is_empty());
    }
}
