//! The longest silence that a caller was left in.

use talia_simulator::{
    events::{CallEvent, Side, What},
    silence::Silences,
};

fn stream(at_ms: u64) -> CallEvent {
    let what = What::StreamStart {
        stream_sid: "MZ".to_owned(),
        handshake_ms: 1.0,
    };
    CallEvent { at_ms, what }
}

/// One utterance as it is logged: its beginning when it begins, its end when it is known.
fn utterance(side: Side, from_ms: u64, to_ms: u64) -> [CallEvent; 2] {
    let begin = What::SpeechBegin {
        side,
        kind: None,
        text: None,
    };
    let end = What::SpeechEnd { side, from_ms, to_ms };
    [
        CallEvent {
            at_ms: from_ms,
            what: begin,
        },
        CallEvent {
            at_ms: to_ms + 200,
            what: end,
        },
    ]
}

fn silences(parts: Vec<Vec<CallEvent>>, duration_ms: u64) -> (u64, u64) {
    let log: Vec<_> = parts.into_iter().flatten().collect();
    let silences = Silences::of(&log, duration_ms);
    (silences.awaited_ms, silences.any_ms)
}

#[test]
fn our_turn_is_after_the_caller_and_before_the_first_word() {
    let call = vec![
        vec![stream(100)],
        utterance(Side::Assistant, 900, 4_000).to_vec(),
        utterance(Side::Caller, 6_000, 7_000).to_vec(),
        utterance(Side::Assistant, 8_500, 9_000).to_vec(),
    ];
    assert_eq!(silences(call.clone(), 9_100), (1_500, 2_000));
    assert_eq!(silences(call[..1].to_vec(), 5_000), (4_900, 4_900), "never a word");
    assert_eq!(
        silences(call[..3].to_vec(), 17_000),
        (10_000, 10_000),
        "never an answer"
    );
    assert_eq!(silences(Vec::new(), 17_000), (0, 0), "no stream");
}

#[test]
fn speech_over_speech_is_no_silence_and_an_unfinished_word_lasts_to_the_end() {
    let mut call = vec![
        vec![stream(0)],
        utterance(Side::Assistant, 100, 5_000).to_vec(),
        utterance(Side::Caller, 2_000, 3_000).to_vec(),
    ];
    assert_eq!(silences(call.clone(), 5_050), (100, 100));
    call.push(utterance(Side::Caller, 6_000, 9_999)[..1].to_vec());
    assert_eq!(silences(call, 12_000), (100, 1_000));
}
