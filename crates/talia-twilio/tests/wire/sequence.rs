//! The counters of a stream: losses, repeats, disorder and jumps.

use proptest::prelude::*;
use talia_twilio::sequence::{Arrival, Order, Position, Tracker};

fn at(sequence_number: u64, chunk: u64, timestamp_ms: u64) -> Position {
    Position {
        sequence_number,
        chunk,
        timestamp_ms,
        duration_ms: 20,
    }
}

#[test]
fn a_clean_stream_is_quiet() {
    let mut tracker = Tracker::new(1, 50);
    for index in 0..1000 {
        // The first piece may begin late, and the sender's clock may shake.
        let shake = index % 3;
        assert_eq!(
            tracker.media(at(index + 2, index + 1, 70 + 20 * index + shake)),
            Arrival::Next
        );
    }
    assert_eq!(tracker.tally(), talia_twilio::sequence::Tally::default());
}

#[test]
fn lost_frames_become_silence() {
    let mut tracker = Tracker::new(1, 50);
    tracker.media(at(2, 1, 0));
    assert_eq!(
        tracker.media(at(6, 5, 80)),
        Arrival::AfterGap {
            missing_chunks: 3,
            missing_frames: 3,
            silence_frames: 3
        }
    );
    let tally = tracker.tally();
    assert_eq!((tally.gaps, tally.missing_messages, tally.silence_frames), (1, 3, 3));
}

#[test]
fn a_long_gap_is_filled_to_the_limit() {
    let mut tracker = Tracker::new(1, 50);
    tracker.media(at(2, 1, 0));
    assert_eq!(
        tracker.media(at(203, 202, 4020)),
        Arrival::AfterGap {
            missing_chunks: 200,
            missing_frames: 200,
            silence_frames: 50
        }
    );
    assert_eq!(tracker.tally().unfilled_frames, 150);
    assert_eq!(tracker.media(at(204, 203, 4040)), Arrival::Next);
}

#[test]
fn other_messages_share_the_sequence() {
    let mut tracker = Tracker::new(1, 50);
    tracker.media(at(2, 1, 0));
    assert_eq!(tracker.message(3), Order::Next);
    assert_eq!(tracker.media(at(4, 2, 20)), Arrival::Next);
    // A lost mark is a gap of messages but not of sound.
    assert_eq!(tracker.media(at(6, 3, 40)), Arrival::Next);
    assert_eq!(tracker.tally().missing_messages, 1);
}

#[test]
fn repeats_and_late_ones_are_told_apart_and_dropped() {
    let mut tracker = Tracker::new(1, 50);
    tracker.media(at(2, 1, 0));
    tracker.media(at(4, 3, 40));
    assert_eq!(tracker.media(at(3, 2, 20)), Arrival::Late);
    assert_eq!(tracker.media(at(3, 2, 20)), Arrival::Duplicate);
    assert_eq!(tracker.media(at(4, 3, 40)), Arrival::Duplicate);
    assert_eq!(tracker.media(at(5, 4, 60)), Arrival::Next);
    // The same chunk under a new sequence number.
    assert_eq!(tracker.media(at(6, 4, 60)), Arrival::Duplicate);
    let tally = tracker.tally();
    assert_eq!((tally.duplicates, tally.late), (3, 1));
}

#[test]
fn the_clock_may_jump_either_way() {
    let mut tracker = Tracker::new(1, 10);
    tracker.media(at(2, 1, 1000));
    assert_eq!(
        tracker.media(at(3, 2, 1120)),
        Arrival::AfterGap {
            missing_chunks: 0,
            missing_frames: 5,
            silence_frames: 5
        }
    );
    assert_eq!(tracker.media(at(4, 3, 40)), Arrival::ClockBack { by_ms: 1100 });
    assert_eq!(tracker.media(at(5, 4, 60)), Arrival::Next);
    assert_eq!(tracker.tally().clock_back, 1);
}

#[test]
fn one_damaged_number_does_not_deafen_the_call() {
    let mut tracker = Tracker::new(1, 10);
    tracker.media(at(2, 1, 0));
    assert_eq!(tracker.media(at(u64::MAX, 2, 20)), Arrival::Implausible);
    assert_eq!(
        tracker.media(at(4, 3, 40)),
        Arrival::AfterGap {
            missing_chunks: 1,
            missing_frames: 1,
            silence_frames: 1
        }
    );
    // Two that agree are believed.
    assert_eq!(tracker.message(9000), Order::Implausible);
    assert_eq!(tracker.message(9001), Order::Gap { missing: 8996 });
    assert_eq!(tracker.message(9002), Order::Next);
}

proptest! {
    /// Whatever is lost, repeated or disordered: taken sound and inserted silence never exceed the stream's clock.
    #[test]
    fn sound_and_silence_keep_the_clock(
        fates in proptest::collection::vec(0_u8..10, 1..300),
    ) {
        let mut sent = Vec::new();
        for (index, fate) in fates.iter().enumerate() {
            let index = index as u64;
            let frame = at(index + 2, index + 1, index * 20);
            match fate {
                0 => {}                                   // lost
                1 => sent.extend([frame, frame]),         // twice
                2 if !sent.is_empty() => {                // overtakes the one before
                    let before = sent.len() - 1;
                    sent.insert(before, frame);
                }
                _ => sent.push(frame),
            }
        }
        let mut tracker = Tracker::new(1, u32::MAX);
        let (mut first, mut frames, mut last) = (None, 0, 0);
        for frame in &sent {
            match tracker.media(*frame) {
                Arrival::Next => frames += 1,
                Arrival::AfterGap { silence_frames, .. } => frames += 1 + u64::from(silence_frames),
                Arrival::Duplicate | Arrival::Late => continue,
                other => prop_assert!(false, "{:?}", other),
            }
            first.get_or_insert(frame.timestamp_ms);
            last = frame.timestamp_ms;
        }
        if let Some(first) = first {
            prop_assert_eq!(frames * 20, last + 20 - first);
        }
    }

    #[test]
    fn no_counters_are_too_strange(positions in proptest::collection::vec(any::<[u64; 4]>(), 0..50), start in any::<u64>()) {
        let mut tracker = Tracker::new(start, 5);
        for [sequence_number, chunk, timestamp_ms, duration_ms] in positions {
            let arrival = tracker.media(Position { sequence_number, chunk, timestamp_ms, duration_ms });
            if let Arrival::AfterGap { silence_frames, .. } = arrival {
                prop_assert!(silence_frames <= 5);
            }
        }
    }
}
