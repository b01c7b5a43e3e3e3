//! Voice activity and the end of a turn.

use crate::line::{installed, smart_turn, spoken, white_noise};
use talia_speech::kokoro::KokoroVoice;
use talia_speech::silero::STEP;
use talia_speech::webrtc::WebRtcVad;
use talia_speech::{Silero, VoiceDetector, VoiceProbability};

const SECOND: usize = 8_000;

fn hear(detector: &mut dyn VoiceDetector, samples: &[i16], chunk: usize) -> Vec<VoiceProbability> {
    let mut verdicts = Vec::new();
    for samples in samples.chunks(chunk) {
        detector.push(samples, &mut verdicts).unwrap();
    }
    verdicts
}

/// Percentage of steps that are speech.
fn share_of_speech(verdicts: &[VoiceProbability]) -> usize {
    let voiced = verdicts.iter().filter(|verdict| verdict.probability > 0.5).count();
    100 * voiced / verdicts.len()
}

#[test]
fn silero_hears_speech_where_it_is_and_not_in_noise() {
    let silero = Silero::load(installed()).unwrap();
    let sentence = spoken("Quisiera saber cuánto cuesta el servicio.", KokoroVoice::Dora);
    let mut call = vec![0; SECOND];
    call.extend(&sentence);
    call.extend([0; SECOND]);
    let verdicts = hear(&mut silero.stream(), &call, 160);
    assert_eq!(verdicts.len(), call.len() / STEP);
    assert_eq!(verdicts.last().unwrap().end, (call.len() / STEP * STEP) as u64);

    let within = |from: usize, to: usize| -> Vec<_> {
        verdicts
            .iter()
            .filter(|verdict| (from..to).contains(&(verdict.end as usize)))
            .copied()
            .collect()
    };
    let speech = within(SECOND + 800, SECOND + sentence.len());
    assert!(share_of_speech(&speech) > 90, "{speech:?}");
    assert_eq!(share_of_speech(&within(0, SECOND)), 0);
    assert_eq!(share_of_speech(&within(call.len() - SECOND / 2, call.len() + 1)), 0);

    let noise = hear(&mut silero.stream(), &white_noise(5 * SECOND, 1_600), 160);
    assert_eq!(share_of_speech(&noise), 0);
}

#[test]
fn a_stream_does_not_depend_on_how_it_is_cut_and_forgets_on_reset() {
    let silero = Silero::load(installed()).unwrap();
    let sentence = spoken("Sí, claro que sí.", KokoroVoice::Alex);
    let mut stream = silero.stream();
    let whole = hear(&mut stream, &sentence, sentence.len());
    stream.reset();
    assert_eq!(hear(&mut stream, &sentence, 160), whole);
    assert_eq!(hear(&mut silero.stream(), &sentence, 7), whole);
}

#[test]
fn hundreds_of_streams_share_the_model_from_many_threads() {
    let silero = Silero::load(installed()).unwrap();
    let sentence = spoken("Sí, claro que sí.", KokoroVoice::Alex);
    let alone = hear(&mut silero.stream(), &sentence, 160);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut streams: Vec<_> = (0..40).map(|_| silero.stream()).collect();
                let mut verdicts = vec![Vec::new(); streams.len()];
                for samples in sentence.chunks(160) {
                    for (stream, verdicts) in streams.iter_mut().zip(&mut verdicts) {
                        stream.push(samples, verdicts).unwrap();
                    }
                }
                assert!(verdicts.iter().all(|verdicts| *verdicts == alone));
            });
        }
    });
}

#[test]
fn the_webrtc_detector_hears_speech_and_not_silence() {
    let detector = WebRtcVad::start().unwrap();
    let sentence = spoken("Quisiera saber cuánto cuesta el servicio.", KokoroVoice::Dora);
    let mut stream = detector.stream().unwrap();
    assert!(share_of_speech(&hear(&mut stream, &sentence, 160)) > 70);
    stream.reset();
    assert_eq!(share_of_speech(&hear(&mut stream, &[0; SECOND], 99)), 0);
}

#[test]
fn smart_turn_believes_whole_sentences_more_than_cut_ones() {
    let pause = [0_i16; 1_600];
    let (mut whole_total, mut cut_total) = (0.0, 0.0);
    let sentences = [
        "¿En qué te puedo ayudar?",
        "Trabajo en una clínica dental en Guadalajara y queremos atender mejor las llamadas.",
        "Sí, claro, mándame la propuesta el martes por la tarde.",
        "¿Cuánto cuesta el servicio al mes?",
    ];
    for sentence in sentences {
        let mut whole = spoken(sentence, KokoroVoice::Alex);
        let mut cut = whole[..whole.len() * 6 / 10].to_vec();
        whole.extend(pause);
        cut.extend(pause);
        let complete = smart_turn().predict(&whole).unwrap();
        assert!(complete > 0.5, "{sentence}: {complete}");
        whole_total += complete;
        cut_total += smart_turn().predict(&cut).unwrap();
    }
    let count = sentences.len() as f32;
    assert!(
        whole_total / count > cut_total / count + 0.2,
        "whole {} cut {}",
        whole_total / count,
        cut_total / count
    );
}

#[test]
fn smart_turn_takes_any_length() {
    for samples in [0, 1, 160, 100 * SECOND] {
        let probability = smart_turn().predict(&white_noise(samples, 300)).unwrap();
        assert!((0.0..=1.0).contains(&probability));
    }
}
