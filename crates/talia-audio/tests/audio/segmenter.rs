//! Edges at their true times, never twice, never for a blip.

use std::time::Duration;

use proptest::prelude::*;
use talia_audio::segmenter::{Edge, SegmenterSettings, SpeechSegmenter};

const STEP: Duration = Duration::from_millis(32);

fn settings() -> SegmenterSettings {
    SegmenterSettings {
        start_threshold: 0.7,
        onset: Duration::from_millis(60),
        hangover: Duration::from_millis(200),
    }
}

fn edges(probabilities: &[f32]) -> Vec<Edge> {
    let mut segmenter = SpeechSegmenter::new(settings());
    probabilities
        .iter()
        .filter_map(|&probability| segmenter.push(probability, STEP))
        .collect()
}

#[test]
fn edges_carry_the_time_before_the_wait() {
    let mut probabilities = vec![0.1; 10];
    probabilities.extend([0.9; 20]);
    probabilities.extend([0.1; 10]);
    let (started, stopped) = (STEP * 10, STEP * 30);
    assert_eq!(
        edges(&probabilities),
        [Edge::Started { since: started }, Edge::Stopped { since: stopped }]
    );
}

#[test]
fn a_click_is_not_speech_and_a_breath_is_not_silence() {
    assert_eq!(edges(&[0.1, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1]), []);
    let mut breath = vec![0.9; 10];
    breath.extend([0.1; 5]);
    breath.extend([0.9; 10]);
    assert_eq!(edges(&breath), [Edge::Started { since: Duration::ZERO }]);
}

#[test]
fn between_the_thresholds_nothing_changes() {
    // 0.6 alone starts nothing; after speech it ends nothing.
    assert_eq!(edges(&[0.6; 50]), []);
    let mut fading = vec![0.9; 5];
    fading.extend([0.6; 50]);
    assert_eq!(edges(&fading), [Edge::Started { since: Duration::ZERO }]);
    // A doubtful step inside an onset or a silence doesn't start the wait again.
    assert_eq!(edges(&[0.9, 0.6, 0.9]), [Edge::Started { since: Duration::ZERO }]);
}

#[test]
fn thresholds_and_patience_move_during_the_call() {
    let mut segmenter = SpeechSegmenter::new(settings());
    segmenter.set_start_threshold(0.95);
    for _ in 0..20 {
        assert_eq!(segmenter.push(0.9, STEP), None);
    }
    segmenter.set_start_threshold(0.7);
    segmenter.push(0.9, STEP);
    assert_eq!(segmenter.candidate(), Some(STEP * 20));
    assert_eq!(segmenter.push(0.9, STEP), Some(Edge::Started { since: STEP * 20 }));
    segmenter.set_hangover(STEP);
    assert_eq!(segmenter.push(f32::NAN, STEP), Some(Edge::Stopped { since: STEP * 22 }));
    assert!(!segmenter.is_speaking());
    assert_eq!(segmenter.position(), STEP * 23);
}

#[test]
fn reset_is_silence_at_the_same_position() {
    let mut segmenter = SpeechSegmenter::new(settings());
    for _ in 0..5 {
        segmenter.push(1.0, STEP);
    }
    assert!(segmenter.is_speaking());
    segmenter.reset();
    assert!(!segmenter.is_speaking());
    assert_eq!(segmenter.position(), STEP * 5);
}

proptest! {
    #[test]
    fn edges_alternate_and_are_believed_after_their_wait(
        probabilities in prop::collection::vec(0.0_f32..1.0, 0..400),
    ) {
        let mut segmenter = SpeechSegmenter::new(settings());
        let mut last = Duration::ZERO;
        let mut speaking = false;
        for probability in probabilities {
            let Some(edge) = segmenter.push(probability, STEP) else { continue };
            let (since, wait, now_speaking) = match edge {
                Edge::Started { since } => (since, settings().onset, true),
                Edge::Stopped { since } => (since, settings().hangover, false),
            };
            prop_assert_ne!(speaking, now_speaking);
            prop_assert!(since >= last);
            prop_assert!(segmenter.position() >= since + wait);
            (last, speaking) = (since, now_speaking);
            prop_assert_eq!(segmenter.is_speaking(), speaking);
        }
    }
}
