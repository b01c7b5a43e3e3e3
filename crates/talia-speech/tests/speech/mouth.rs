//! The voice: levels, fallbacks, and phrases that are kept.

use crate::line::kokoro;
use talia_speech::kokoro::KokoroVoice;
use talia_speech::speech_cache::SpeechCache;
use talia_speech::voice::{ServedBy, Utterance};
use talia_speech::{EngineError, Voice};

const HELLO: Utterance<'static> = Utterance {
    text: "Hola, buen día.",
    voice: KokoroVoice::Dora,
    speed: 1.0,
};

#[test]
fn speech_fits_the_line() {
    for voice in [KokoroVoice::Dora, KokoroVoice::Alex, KokoroVoice::Santa] {
        let samples = kokoro()
            .speak_8k("¿A qué correo te mando la información?", voice, 1.0)
            .unwrap();
        let seconds = samples.len() as f32 / 8_000.0;
        assert!((1.2..4.5).contains(&seconds), "{voice}: {seconds} s");
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((8_000..=23_200).contains(&peak), "{voice}: peak {peak}");
        let squares: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let level = 10.0 * (squares / samples.len() as f64 / 32_768.0_f64.powi(2)).log10();
        assert!((-26.0..-18.0).contains(&level), "{voice}: {level} dBFS");
        assert!(samples[0].abs() < 50 && samples[samples.len() - 1].abs() < 50);
    }
}

#[test]
fn a_faster_voice_is_shorter() {
    let slow = kokoro().speak_8k(HELLO.text, HELLO.voice, 0.8).unwrap();
    let fast = kokoro().speak_8k(HELLO.text, HELLO.voice, 1.3).unwrap();
    assert!(fast.len() * 10 < slow.len() * 8, "{} and {}", fast.len(), slow.len());
}

#[test]
fn a_text_without_a_sound_is_refused() {
    let voice = Voice::new(Some(kokoro().clone()), None);
    for text in ["", " … ", "¿?", "🙂"] {
        let refused = voice.speak(&Utterance { text, ..HELLO });
        assert!(
            matches!(refused, Err(EngineError::Unspeakable)),
            "{text:?}: {refused:?}"
        );
    }
}

#[test]
fn a_kept_phrase_is_said_again_without_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let cache = SpeechCache::new(folder.path());
    let voice = Voice::new(Some(kokoro().clone()), Some(cache.clone()));
    let first = voice.speak_and_keep(&HELLO).unwrap();
    assert_eq!((first.served_by, first.kept), (ServedBy::Kokoro, false));
    let again = Voice::new(None, Some(cache)).speak(&HELLO).unwrap();
    assert_eq!((again.served_by, again.kept), (ServedBy::Kokoro, true));
    assert_eq!(again.mulaw, first.mulaw);
}

#[test]
fn what_is_only_spoken_is_not_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let voice = Voice::new(Some(kokoro().clone()), Some(SpeechCache::new(folder.path())));
    voice.speak(&HELLO).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_kokoro_an_installed_program_speaks_or_the_refusal_says_why() {
    let voice = Voice::new(None, None);
    let engines: Vec<_> = voice.engines().collect();
    assert!(!engines.contains(&ServedBy::Kokoro));
    match (engines.first(), voice.speak(&HELLO)) {
        (Some(first), Ok(spoken)) => {
            assert_eq!(spoken.served_by, *first);
            assert!((2_000..40_000).contains(&spoken.mulaw.len()), "{}", spoken.mulaw.len());
        }
        (None, Err(EngineError::NoProgram(_))) => {}
        (engines, outcome) => panic!("{engines:?}: {outcome:?}"),
    }
}
