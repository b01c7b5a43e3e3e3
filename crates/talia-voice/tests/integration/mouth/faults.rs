//! Voices that fail, stall or send what is no speech: another one says it, and nobody hears noise.

use super::stage::{ALL, Cast, Said, Speaking, assert_said};
use futures::future::join_all;
use std::time::Duration;
use talia_simulator::providers::spelled_speech::folded;
use talia_simulator::providers::voices::{Asked, Manner, VoiceFault};
use talia_voice::providers::FaultClass;

const TEXT: &str = "Los paneles bajan el recibo de un negocio más de la mitad.";

/// Says the text with a first voice that fails so, and a second one that is well.
async fn with_fault(name: &str, fault: VoiceFault) -> (Said, Speaking, Cast) {
    saying(TEXT, name, fault).await
}

async fn saying(text: &str, name: &str, fault: VoiceFault) -> (Said, Speaking, Cast) {
    let cast = Cast::new().await;
    cast.voice(name).set_fault(fault);
    let second = if name == "aura" { "cartesia" } else { "aura" };
    let mut speaking = Speaking::new(&cast, &format!("{name}, {second}"));
    let said = speaking.say(text).await;
    (said, speaking, cast)
}

#[tokio::test]
async fn whatever_a_voice_sends_instead_of_speech_another_one_says_the_sentence_whole() {
    let faults = [
        (VoiceFault::Unauthorised, FaultClass::Terminal),
        (VoiceFault::RateLimited { retry_after: None }, FaultClass::Quota),
        (VoiceFault::RateLimited { retry_after: Some(7) }, FaultClass::Quota),
        (VoiceFault::Unavailable, FaultClass::Transient),
        (VoiceFault::Dies { after_ms: 0 }, FaultClass::Transient),
        (VoiceFault::Fails { after_ms: 0 }, FaultClass::Transient),
        (VoiceFault::Stalls { after_ms: 0 }, FaultClass::Transient),
        (VoiceFault::HalfOpen { after_ms: 0 }, FaultClass::Transient),
        (VoiceFault::Html, FaultClass::Malformed),
        (VoiceFault::Wave, FaultClass::Malformed),
        (VoiceFault::Noise { after_ms: 0 }, FaultClass::Malformed),
        (VoiceFault::OtherCoding, FaultClass::Malformed),
        (VoiceFault::Silent, FaultClass::Malformed),
    ];
    for name in ALL {
        join_all(faults.map(async |(fault, class)| {
            let (said, speaking, cast) = with_fault(name, fault).await;
            assert!(said.complete, "{name} {fault:?}");
            assert_said(&said.words, TEXT, &format!("{name} {fault:?}"));
            let first = said.first_audio.expect("audio");
            assert!(first < Duration::from_secs(3), "{name} {fault:?}: {first:?}");
            // OpenAI's broken body may be cut before its status is known.
            let counted = speaking.metrics.provider_fault_count(name, class);
            assert!(counted >= 1, "{name} {fault:?}");
            assert_eq!(cast.voice(name).refusals(), Vec::<String>::new(), "{name} {fault:?}");
        }))
        .await;
    }
}

/// A rest of a sentence may be a word: that is over before any measure over a stretch of sound is full.
#[tokio::test]
async fn a_word_in_another_coding_is_not_heard_as_noise_either() {
    for name in ALL {
        let words = ["Sí.", "Claro.", "te ayudo?", "Con gusto,", "Muchas gracias, Carlos."];
        join_all(words.map(async |text| {
            let (said, speaking, _cast) = saying(text, name, VoiceFault::OtherCoding).await;
            assert!(said.complete, "{name} {text}");
            assert_said(&said.words, text, &format!("{name} {text}"));
            let counted = speaking.metrics.provider_fault_count(name, FaultClass::Malformed);
            assert!(counted >= 1, "{name} {text}");
        }))
        .await;
    }
}

#[tokio::test]
async fn noise_in_the_middle_is_not_heard() {
    for name in ALL {
        let (said, ..) = with_fault(name, VoiceFault::Noise { after_ms: 900 }).await;
        assert!(said.complete, "{name}");
        let noise = said.words.matches('?').count();
        assert_eq!(noise, 0, "{name}: {}", said.words);
        assert!(
            said.words.ends_with(&folded("más de la mitad.")),
            "{name}: {}",
            said.words
        );
    }
}

#[tokio::test]
async fn a_voice_that_is_late_is_raced_and_told_that_nobody_listens() {
    for name in ["aura", "cartesia", "openai_speech", "elevenlabs"] {
        let cast = Cast::new().await;
        cast.voice(name).set(Manner {
            first_audio: Duration::from_secs(4),
            ..Manner::default()
        });
        let second = if name == "aura" { "cartesia" } else { "aura" };
        let mut speaking = Speaking::new(&cast, &format!("{name}, {second}"));
        let said = speaking.say(TEXT).await;
        assert_said(&said.words, TEXT, name);
        let first = said.first_audio.expect("audio");
        assert!(
            (1_500..3_000).contains(&(first.as_millis() as u64)),
            "{name}: {first:?}"
        );
        assert_eq!(speaking.metrics.provider_fault_count(name, FaultClass::Transient), 1);
        if name != "elevenlabs" {
            crate::harness::eventually("the loser is told", async || {
                cast.voice(name).count(&Asked::Cancelled) == 1
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_voice_without_end_is_cut_and_costs_no_memory() {
    for name in ALL {
        let cast = Cast::new().await;
        cast.voice(name).set(Manner {
            fault: VoiceFault::Endless,
            pace: 0.0,
            piece_ms: 1_000,
            ..Manner::default()
        });
        let mut speaking = Speaking::new(&cast, name);
        let said = speaking.say("Hola, Carlos.").await;
        assert!(said.mulaw.len() < 12 * 8_000, "{name}: {} bytes", said.mulaw.len());
        assert!(
            speaking.metrics.provider_fault_count(name, FaultClass::Malformed) >= 1,
            "{name}"
        );
    }
}

#[tokio::test]
async fn speech_at_another_rate_is_noticed_by_how_long_it_lasts() {
    for name in ALL {
        let (_, speaking, _) = with_fault(name, VoiceFault::TwiceTheRate).await;
        assert_eq!(
            speaking.metrics.provider_fault_count(name, FaultClass::Malformed),
            1,
            "{name}"
        );
    }
}

#[tokio::test]
async fn after_failing_twice_a_voice_is_not_waited_for() {
    let cast = Cast::new().await;
    cast.elevenlabs.set_fault(VoiceFault::Stalls { after_ms: 0 });
    let mut speaking = Speaking::new(&cast, "elevenlabs, cartesia");
    for _ in 0..2 {
        let first = speaking.say(TEXT).await.first_audio.expect("audio");
        assert!(first > Duration::from_millis(1_400), "{first:?}");
    }
    let first = speaking.say(TEXT).await.first_audio.expect("audio");
    assert!(first < Duration::from_millis(600), "{first:?}");
    assert_eq!(cast.elevenlabs.texts().len(), 2);
}

#[tokio::test]
async fn with_all_voices_dead_a_sentence_is_given_up_in_time() {
    for fault in [
        VoiceFault::Unavailable,
        VoiceFault::Dies { after_ms: 0 },
        VoiceFault::Stalls { after_ms: 0 },
        VoiceFault::HalfOpen { after_ms: 0 },
        VoiceFault::Silent,
    ] {
        let cast = Cast::new().await;
        for name in ALL {
            cast.voice(name).set_fault(fault);
        }
        let mut speaking = Speaking::new(&cast, &ALL.join(", "));
        let said = speaking.say(TEXT).await;
        assert!(!said.complete && said.mulaw.is_empty(), "{fault:?}: {said:?}");
        assert!(said.took < Duration::from_secs(5), "{fault:?}: {:?}", said.took);
    }
}

#[tokio::test]
async fn with_all_services_dead_this_machine_speaks() {
    let cast = Cast::new().await;
    for name in ALL {
        cast.voice(name).set_fault(VoiceFault::Dies { after_ms: 0 });
    }
    let mut speaking = Speaking::new(&cast, "elevenlabs, openai_speech, local");
    let said = speaking.say(TEXT).await;
    assert!(said.complete);
    assert_eq!(said.words, folded(TEXT));
}
