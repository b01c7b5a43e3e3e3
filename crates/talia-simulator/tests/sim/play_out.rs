//! Twilio's buffer by property: nothing is lost, nothing is early, every mark comes back once and in order.

use proptest::prelude::*;
use talia_audio::mulaw;
use talia_simulator::play_out::{PlayOut, PlayOutSettings};

#[derive(Debug, Clone)]
enum Op {
    Media(usize),
    Mark,
    Clear,
    Advance(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0_usize..2_000).prop_map(Op::Media),
        2 => Just(Op::Mark),
        1 => Just(Op::Clear),
        4 => (0_u64..120).prop_map(Op::Advance),
    ]
}

proptest! {
    #[test]
    fn audio_is_conserved_and_marks_come_back_once_and_in_order(ops in prop::collection::vec(op(), 1..120)) {
        let mut buffer = PlayOut::new(PlayOutSettings::default());
        let (mut now, mut heard) = (0, Vec::new());
        let (mut sent, mut dropped, mut marks, mut echoed) = (0_u64, 0_u64, 0_u64, Vec::new());
        // For each mark: how much audio must have been played or dropped before it may come back.
        let mut due = Vec::new();
        let played = |heard: &[u8]| heard.iter().filter(|byte| **byte != mulaw::SILENCE).count() as u64;
        for op in ops {
            let echoes = match op {
                Op::Media(bytes) => {
                    buffer.media(vec![0x2a; bytes], now as f64).unwrap();
                    sent += bytes as u64;
                    Vec::new()
                }
                Op::Mark => {
                    due.push(sent);
                    marks += 1;
                    buffer.mark(format!("{}", marks - 1)).into_iter().collect()
                }
                Op::Clear => {
                    let before = buffer.queued_bytes();
                    let (dropped_ms, echoes) = buffer.clear();
                    prop_assert_eq!(dropped_ms, before.div_ceil(8));
                    prop_assert!(echoes.iter().all(|echo| !echo.played));
                    prop_assert_eq!(buffer.queued_bytes(), 0);
                    prop_assert_eq!(buffer.pending_marks(), 0);
                    dropped += before;
                    echoes
                }
                Op::Advance(ms) => {
                    now += ms;
                    let before = heard.len();
                    let echoes = buffer.advance(now, &mut heard);
                    prop_assert_eq!(heard.len() - before, ms as usize * 8);
                    prop_assert!(echoes.iter().all(|echo| echo.played));
                    echoes
                }
            };
            for echo in echoes {
                let index: usize = echo.name.parse().unwrap();
                prop_assert_eq!(index, echoed.len());
                prop_assert!(played(&heard) + dropped >= due[index], "a mark came before its audio");
                echoed.push(echo);
            }
            prop_assert_eq!(played(&heard) + dropped + buffer.queued_bytes(), sent);
            prop_assert_eq!(echoed.len() as u64 + buffer.pending_marks() as u64, marks);
        }
        // Whatever is left plays out, and nothing stays behind.
        for echo in buffer.advance(now + 1 + buffer.queued_ms(), &mut heard) {
            prop_assert_eq!(&echo.name, &echoed.len().to_string());
            echoed.push(echo);
        }
        prop_assert_eq!(echoed.len() as u64, marks);
        prop_assert_eq!(played(&heard) + dropped, sent);
    }

    #[test]
    fn a_steady_server_is_never_late(lead in 1_u64..8, frames in 10_u64..200) {
        let mut buffer = PlayOut::new(PlayOutSettings::default());
        let mut heard = Vec::new();
        for tick in 0..frames {
            let now = tick * 20;
            buffer.advance(now, &mut heard);
            for _ in 0..if tick == 0 { lead } else { 1 } {
                let arrival = buffer.media(vec![0x2a; 160], now as f64).unwrap();
                prop_assert_eq!(arrival.lateness_ms, 0.0);
                prop_assert_eq!(arrival.underrun, None);
            }
        }
    }
}

#[test]
fn a_gap_inside_speech_is_an_underrun_and_a_pause_between_utterances_is_none() {
    let mut buffer = PlayOut::new(PlayOutSettings::default());
    let mut heard = Vec::new();
    buffer.media(vec![0x2a; 160], 0.0).unwrap();
    buffer.advance(100, &mut heard);
    let late = buffer.media(vec![0x2a; 160], 100.0).unwrap();
    assert_eq!(late.underrun.map(|underrun| (underrun.at_ms, underrun.gap_ms)), Some((20, 80)));
    assert!((late.lateness_ms - 80.0).abs() < f64::EPSILON);
    buffer.advance(2_000, &mut heard);
    let next = buffer.media(vec![0x2a; 160], 2_000.0).unwrap();
    assert_eq!(next.underrun, None);
    assert!(next.lateness_ms.abs() < f64::EPSILON);
}

#[test]
fn silence_that_the_server_sends_itself_is_no_underrun() {
    let mut buffer = PlayOut::new(PlayOutSettings::default());
    let mut heard = Vec::new();
    buffer.media(vec![0x2a; 160], 0.0).unwrap();
    buffer.media(vec![mulaw::SILENCE; 800], 0.0).unwrap();
    buffer.advance(200, &mut heard);
    assert_eq!(buffer.media(vec![0x2a; 160], 200.0).unwrap().underrun, None);
}

#[test]
fn more_than_ten_minutes_are_refused() {
    let mut buffer = PlayOut::new(PlayOutSettings::default());
    buffer.media(vec![0x2a; 600_000 * 8], 0.0).unwrap();
    assert!(buffer.media(vec![0x2a; 1], 0.0).is_err());
    assert_eq!(buffer.queued_ms(), 600_000);
}
