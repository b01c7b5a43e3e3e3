//! The pure parts: merging by place, the ring, the map of a stream, the order of engines.

use proptest::prelude::*;
use std::ops::Range;
use std::time::Duration;
use talia_voice::ears::stream::audio_map::AudioMap;
use talia_voice::ears::stream::ring::Ring;
use talia_voice::ears::stream::roster::{Next, Roster};
use talia_voice::ears::stream::transcript::{Settled, Transcript, Word, spread};
use talia_voice::providers::{Fault, FaultClass};

fn word(at: u64) -> Word {
    Word {
        from: at,
        to: at + 800,
        text: format!("w{at}"),
    }
}

fn finals(count: u64) -> Vec<(Range<u64>, Vec<Word>)> {
    (0..count)
        .map(|index| {
            (
                index * 2_000..(index + 1) * 2_000,
                vec![word(index * 2_000 + 100), word(index * 2_000 + 1_000)],
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn finals_in_any_order_and_number_give_one_text(order in proptest::collection::vec(0_usize..8, 0..40)) {
        let all = finals(8);
        let mut transcript = Transcript::default();
        for index in order.into_iter().chain(0..8) {
            let (span, words) = all[index].clone();
            // Running words come and go meanwhile.
            transcript.run(span.start, vec![word(span.start + 50)]);
            transcript.settle(span.clone(), words);
            let revised = vec![Word { text: "otra".to_owned(), ..word(span.start + 100) }];
            prop_assert_eq!(transcript.settle(span, revised), Settled::Repeated);
        }
        let wanted: Vec<_> = all.iter().flat_map(|(_, words)| words.iter().map(|word| word.text.clone())).collect();
        prop_assert_eq!(transcript.text(&(0..u64::MAX)), wanted.join(" "));
        prop_assert_eq!(transcript.final_up_to(0), 16_000);
    }

    #[test]
    fn a_ring_gives_back_what_was_put_in(pieces in proptest::collection::vec(1_usize..2_000, 1..200), back in 0_u64..100_000) {
        let mut ring = Ring::default();
        let mut all = Vec::new();
        for (index, length) in pieces.into_iter().enumerate() {
            let piece: Vec<u8> = (0..length).map(|at| (index + at) as u8).collect();
            ring.push(&piece, u64::MAX);
            all.extend(piece);
        }
        prop_assert_eq!(ring.end(), all.len() as u64);
        prop_assert!(ring.end() - ring.start() >= (all.len() as u64).min(80_000), "ten seconds at least");
        let from = ring.end().saturating_sub(back);
        let kept = from.max(ring.start()) as usize;
        prop_assert_eq!(ring.between(from, ring.end()), &all[kept..]);
    }

    #[test]
    fn a_stream_knows_where_its_bytes_come_from(runs in proptest::collection::vec((0_u64..5_000, 1_u64..5_000), 1..40)) {
        let (mut map, mut call, mut stream) = (AudioMap::default(), 0, 0);
        let mut known = Vec::new();
        for (gap, length) in runs {
            call += gap;
            map.push(call, length);
            known.push((stream, call));
            known.push((stream + length - 1, call + length - 1));
            (call, stream) = (call + length, stream + length);
            prop_assert_eq!(map.call_end(stream), call);
        }
        for (stream, call) in known {
            prop_assert_eq!(map.call(stream), call);
        }
        prop_assert_eq!(map.end(), stream);
        prop_assert!(map.call(u64::MAX) >= call - 1);
    }

    #[test]
    fn words_without_places_keep_their_order_and_lie_inside(text in "[a-zñ ]{0,60}", from in 0_u64..1_000, length in 0_u64..10_000) {
        let words = spread(&text, &(from..from + length));
        prop_assert_eq!(words.len(), text.split_whitespace().count());
        for pair in words.windows(2) {
            prop_assert!(pair[0].to <= pair[1].from);
        }
        prop_assert!(words.iter().all(|word| from <= word.from && word.to <= from + length));
    }
}

const fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn connect(engine: usize, ms: u64) -> Next {
    Next::Connect { engine, at: at(ms) }
}

#[test]
fn the_same_engine_is_tried_again_at_once_then_the_next_one() {
    let mut roster = Roster::new(&[true, true], at(0), 0.0);
    assert_eq!(roster.next(at(0)), connect(0, 0));
    assert_eq!(roster.failed(at(10), &Fault::transient("x")), connect(0, 10));
    assert_eq!(roster.failed(at(20), &Fault::transient("x")), connect(1, 20));
    roster.succeeded();
    assert_eq!(roster.failed(at(5_000), &Fault::transient("x")), connect(1, 5_000));
    assert_eq!(
        roster.failed(at(5_010), &Fault::transient("x")),
        connect(0, 5_010),
        "it has rested"
    );
}

#[test]
fn an_engine_that_is_alone_is_tried_again_and_again_but_never_in_a_storm() {
    let mut roster = Roster::new(&[true], at(0), 1.0);
    assert_eq!(roster.next(at(0)), connect(0, 0));
    let (mut now, mut tries) = (at(0), 0);
    while now < Duration::from_mins(1) {
        let Next::Connect { at, .. } = roster.failed(now, &Fault::transient("x")) else {
            panic!("somebody is left")
        };
        now = at.max(now + Duration::from_millis(1));
        tries += 1;
    }
    assert!((12..=20).contains(&tries), "{tries} tries in a minute");
}

#[test]
fn refused_for_good_is_for_good_and_a_quota_has_its_time() {
    let mut roster = Roster::new(&[true, true], at(0), 0.0);
    roster.next(at(0));
    assert_eq!(
        roster.failed(at(0), &Fault::new(FaultClass::Terminal, "x")),
        connect(1, 0)
    );
    let quota = Fault {
        retry_after: Some(Duration::from_secs(7)),
        ..Fault::new(FaultClass::Quota, "x")
    };
    assert_eq!(roster.failed(at(100), &quota), connect(1, 7_100));
    assert_eq!(
        roster.failed(at(8_000), &Fault::new(FaultClass::Terminal, "x")),
        Next::Nobody
    );
}

#[test]
fn engines_that_are_unwell_come_last() {
    assert_eq!(Roster::new(&[false, true], at(0), 0.0).next(at(0)), connect(1, 0));
    assert_eq!(
        Roster::new(&[false, false], at(0), 0.0).next(at(0)),
        connect(0, 0),
        "with none well, the first"
    );
}
