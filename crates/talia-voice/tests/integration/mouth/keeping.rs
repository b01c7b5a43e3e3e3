//! Fixed phrases are made once by the voice that says them, and need no network afterwards.

use super::stage::{ALL, Cast, Speaking, engines, voice};
use talia_simulator::providers::spelled_speech::folded;
use talia_simulator::providers::voices::{Manner, VoiceFault};
use talia_voice::mouth::prepared::prepare;
use tempfile::TempDir;

const PHRASES: [&str; 3] = ["Soy Ana, una inteligencia artificial.", "Un segundo.", "Mucho gusto,"];

fn phrases() -> Vec<String> {
    PHRASES.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_phrase_is_made_once_by_its_voice_and_said_with_the_service_gone() {
    for name in ALL {
        let cast = Cast::new().await;
        cast.voice(name).set(Manner {
            pace: 0.0,
            ..Manner::default()
        });
        let folder = TempDir::new().expect("a folder");
        let (first, _) = engines(&cast, name, &folder);
        let made = prepare(&first, &phrases(), &voice(), |_| {}).await.expect("prepared");
        assert_eq!((made.made, made.kept), (3, 0), "{name}");
        let again = prepare(&first, &phrases(), &voice(), |_| {}).await.expect("prepared");
        assert_eq!((again.made, again.kept), (0, 3), "{name}");
        // Another process finds them on disk.
        let (second, metrics) = engines(&cast, name, &folder);
        cast.voice(name).set_fault(VoiceFault::Unauthorised);
        let kept = prepare(&second, &phrases(), &voice(), |_| {}).await.expect("prepared");
        assert_eq!((kept.made, kept.kept), (0, 3), "{name}");
        assert_eq!(cast.voice(name).texts().len(), 3, "{name}");
        let mut speaking = Speaking::with(second, metrics, folder);
        let said = speaking.say(PHRASES[0]).await;
        assert!(said.complete, "{name}");
        assert_eq!(said.words, folded(PHRASES[0]), "{name}");
        assert!(said.first_audio.expect("audio").as_millis() < 100, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_speech_is_never_kept() {
    for fault in [
        VoiceFault::Noise { after_ms: 0 },
        VoiceFault::Html,
        VoiceFault::Silent,
        VoiceFault::TwiceTheRate,
    ] {
        let cast = Cast::new().await;
        cast.cartesia.set_fault(fault);
        let folder = TempDir::new().expect("a folder");
        let (alone, _) = engines(&cast, "cartesia", &folder);
        let failed = prepare(&alone, &phrases()[..1], &voice(), |_| {}).await;
        assert!(failed.is_err(), "{fault:?}");
        // With a second voice it is that one's.
        let (both, metrics) = engines(&cast, "cartesia, aura", &folder);
        let made = prepare(&both, &phrases()[..1], &voice(), |_| {})
            .await
            .expect("prepared");
        assert_eq!(made.made, 1);
        let mut speaking = Speaking::with(both, metrics, folder);
        assert_eq!(speaking.say(PHRASES[0]).await.words, folded(PHRASES[0]));
    }
}

#[tokio::test]
async fn a_kept_opening_is_heard_at_once_while_the_rest_is_made() {
    let cast = Cast::new().await;
    let folder = TempDir::new().expect("a folder");
    let (engines, metrics) = engines(&cast, "elevenlabs", &folder);
    prepare(&engines, &phrases(), &voice(), |_| {}).await.expect("prepared");
    let mut speaking = Speaking::with(engines, metrics, folder);
    let said = speaking.say("Mucho gusto, Carlos Herrera.").await;
    assert_eq!(said.words, "mucho gustocarlos herrera");
    assert!(said.first_audio.expect("audio").as_millis() < 60);
    assert_eq!(
        cast.elevenlabs.texts().last().map(String::as_str),
        Some("Carlos Herrera.")
    );
}
