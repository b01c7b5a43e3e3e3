//! Whole calls with voices in the cloud: what the caller heard is read from the recording.

use super::stage::{ALL, Cast, SpelledTts};
use crate::conversation::HAPPY;
use crate::harness::CallServer;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::events::What;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::spelled_speech::{folded, read};
use talia_simulator::providers::voices::{Asked, Manner, VoiceFault};
use talia_spanish::{Language, tongue::with_spoken_addresses};
use talia_voice::telemetry::labels::Refusal;
use tempfile::TempDir;

/// The caller's number as it is read back.
const SPOKEN_NUMBER: &str =
    "más cincuenta y dos, cincuenta y cinco, doce, treinta y cuatro, cincuenta y seis, setenta y ocho";

/// A server whose mouth is this chain; `local` says its words so that they can be read.
async fn server(cast: &Cast, chain: &str, phrases: &TempDir) -> CallServer {
    let file = cast.file(chain);
    let models = phrases.path().display().to_string();
    CallServer::start_editing(&[("talia.toml", &file), ("TALIA_MODELS__DIRECTORY", &models)], |app| {
        app.engines.mouth.tts = Arc::new(SpelledTts);
    })
    .await
}

async fn prepared(calls: &CallServer) {
    let app = &calls.server.app;
    app.engines
        .prepare(app.assistants.all(), |_, _| {})
        .await
        .expect("fixed phrases");
}

/// The letters that were heard of us: between two sentences there need not be a pause, and a busy machine may cut a letter in
/// two, so doubled ones count once.
fn heard(outcome: &CallOutcome) -> String {
    letters(&read(&outcome.recording.assistant))
}

fn letters(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().filter(|letter| *letter != ' ').collect();
    letters.dedup();
    letters.into_iter().collect()
}

/// Those that stand in the transcript, with addresses as services are given them.
async fn written(calls: &CallServer, outcome: &CallOutcome) -> String {
    let lines = calls.server.app.store.transcript(outcome.call_sid.as_str()).await;
    let lines = lines.expect("a read").into_iter();
    let ours = lines.filter(|line| line.speaker == "assistant");
    let said = ours.map(|line| folded(&with_spoken_addresses(&line.text, Language::Spanish)));
    letters(&said.collect::<String>())
}

#[tokio::test]
async fn every_mouth_says_the_same_conversation() {
    let cast = Cast::new().await;
    let phrases = TempDir::new().expect("a folder");
    let heard = join_all(["local"].into_iter().chain(ALL).map(async |chain| {
        let calls = server(&cast, chain, &phrases).await;
        let outcome = calls.ring(HAPPY).await;
        outcome.assert_script_done();
        outcome.assert_ended_by_server();
        outcome.assert_no_warnings();
        outcome.assert_never_left_in_silence(3_000);
        calls.nothing_lives().await;
        let (heard, written) = (heard(&outcome), written(&calls, &outcome).await);
        println!("{chain}: longest silence {} ms", outcome.silences().awaited_ms);
        // This machine's voice reads figures out by itself.
        let heard = heard.replace("52512345678", &letters(&folded(SPOKEN_NUMBER)));
        assert_eq!(heard, written, "{chain}");
        heard
    }))
    .await;
    for words in &heard {
        assert!(words.starts_with("soyanaunainteligenciartificialdeluz"), "{words}");
        assert!(words.ends_with("graciasadios"), "{words}");
        assert_eq!(words, &heard[0]);
    }
    for name in ALL {
        assert_eq!(cast.voice(name).refusals(), Vec::<String>::new(), "{name}");
        assert!(!cast.voice(name).texts().is_empty());
    }
}

/// One call whose first voice fails so, with another one behind it; the phrases are not prepared.
async fn with_fault(name: &str, fault: VoiceFault) -> (CallOutcome, CallServer, Cast) {
    let cast = Cast::new().await;
    let second = if name == "cartesia" { "aura" } else { "cartesia" };
    let phrases = TempDir::new().expect("a folder");
    let calls = server(&cast, &format!("{name}, {second}"), &phrases).await;
    cast.voice(name).set_fault(fault);
    let outcome = calls.ring(HAPPY).await;
    (outcome, calls, cast)
}

#[tokio::test]
async fn a_failing_voice_is_heard_neither_as_noise_nor_as_silence() {
    let faults = [
        ("F13 a page", VoiceFault::Html),
        ("F13 noise", VoiceFault::Noise { after_ms: 0 }),
        ("F13 another coding", VoiceFault::OtherCoding),
        ("F14 every byte alone", VoiceFault::ByteByByte),
        ("F15 dies before audio", VoiceFault::Dies { after_ms: 0 }),
        ("F15 half open", VoiceFault::HalfOpen { after_ms: 0 }),
        ("401", VoiceFault::Unauthorised),
        ("429", VoiceFault::RateLimited { retry_after: Some(30) }),
    ];
    for name in ["elevenlabs", "openai_speech"] {
        join_all(faults.map(async |(case, fault)| {
            let (outcome, calls, cast) = with_fault(name, fault).await;
            assert_eq!(outcome.script_fault, None, "{name} {case}: {}", heard(&outcome));
            outcome.assert_ended_by_server();
            outcome.assert_never_left_in_silence(6_000);
            calls.nothing_lives().await;
            let words = heard(&outcome);
            println!("{name}, {case}: longest silence {} ms", outcome.silences().awaited_ms);
            assert!(!words.contains('?'), "{name} {case}: {words}");
            // Tens of thousands of messages keep a small machine so busy that the voices may take turns in a sentence.
            if fault != VoiceFault::ByteByByte {
                assert_eq!(words, written(&calls, &outcome).await, "{name} {case}");
            }
            assert!(words.ends_with("graciasadios"), "{name} {case}: {words}");
            assert_eq!(cast.voice(name).refusals(), Vec::<String>::new(), "{name} {case}");
        }))
        .await;
    }
}

#[tokio::test]
async fn a_voice_faster_than_speech_is_paced_and_cleared_within_a_frame() {
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz."
        [[step]]
        do = "interrupt"
        after_ms = 2500
        text = "Perdón, me llamo Carlos Herrera."
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Muchas gracias, adiós."
        [[step]]
        do = "expect_hang_up"
        within_ms = 10000
    "#;
    join_all(ALL.map(async |name| {
        let cast = Cast::new().await;
        cast.voice(name).set(Manner {
            pace: 0.0,
            piece_ms: 5_000,
            first_audio: Duration::from_millis(20),
            ..Manner::default()
        });
        let phrases = TempDir::new().expect("a folder");
        let calls = server(&cast, name, &phrases).await;
        let outcome = calls.ring(script).await;
        outcome.assert_script_done();
        outcome.assert_ended_by_server();
        outcome.assert_no_warnings();
        calls.nothing_lives().await;
        assert!(outcome.count(|what| matches!(what, What::Clear { .. })) >= 1, "{name}");
        // Twilio never holds more than the lead of the play-out, and what a busy machine catches up.
        let lead = outcome
            .measurements
            .outbound_lead_ms
            .iter()
            .copied()
            .fold(0.0, f64::max);
        assert!(lead <= 400.0, "{name}: {lead} ms on the line");
        // What is heard after the clear is at most the frame that was being played.
        let cleared = outcome
            .log
            .iter()
            .find(|event| matches!(event.what, What::Clear { .. }));
        let at = cleared.map_or(0, |event| event.at_ms) as usize * 8;
        let tail = outcome
            .recording
            .assistant
            .get(at + 2 * 160..at + 2_000)
            .unwrap_or_default();
        assert!(
            tail.iter().all(|sample| sample.unsigned_abs() < 300),
            "{name}: heard after the clear"
        );
        if name != "openai_speech" {
            assert_eq!(
                cast.voice(name).count(&Asked::Connection),
                1,
                "{name}: no new connection for an interruption"
            );
        }
    }))
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_alive_for_the_whole_call() {
    let cast = Cast::new().await;
    let phrases = TempDir::new().expect("a folder");
    let calls = server(&cast, "elevenlabs", &phrases).await;
    prepared(&calls).await;
    let before = cast.elevenlabs.count(&Asked::Connection);
    // Everything that is said to a caller who says nothing is kept: the connection idles for 45 seconds.
    let outcome = calls
        .ring("[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 55000\n")
        .await;
    outcome.assert_script_done();
    assert_eq!(cast.elevenlabs.count(&Asked::Connection) - before, 1);
    assert!(cast.elevenlabs.count(&Asked::KeptAlive) >= 3);
    assert_eq!(cast.elevenlabs.refusals(), Vec::<String>::new());
}

#[tokio::test]
async fn with_every_voice_dead_in_the_call_the_caller_hears_an_apology_and_is_not_left_in_silence() {
    let faults = [
        VoiceFault::Unavailable,
        VoiceFault::Stalls { after_ms: 0 },
        VoiceFault::HalfOpen { after_ms: 0 },
        VoiceFault::Noise { after_ms: 0 },
    ];
    let script = r#"
        silence_ms = 500
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Quiero bajar mi recibo de luz."
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Me llamo Carlos Herrera."
        [[step]]
        do = "wait_for_answer_end"
        [[step]]
        do = "say"
        text = "Me llamo Carlos Herrera."
        [[step]]
        do = "expect_hang_up"
        within_ms = 40000
    "#;
    join_all(faults.map(async |fault| {
        let cast = Cast::new().await;
        let phrases = TempDir::new().expect("a folder");
        let calls = server(&cast, "elevenlabs, cartesia, aura", &phrases).await;
        for name in ALL {
            cast.voice(name).set(Manner {
                pace: 0.0,
                ..Manner::default()
            });
        }
        prepared(&calls).await;
        for name in ALL {
            cast.voice(name).set_fault(fault);
        }
        let outcome = calls.ring(script).await;
        outcome.assert_script_done();
        outcome.assert_ended_by_server();
        let words = heard(&outcome);
        println!("F17 {fault:?}: {:?}: {words}", outcome.silences());
        assert!(
            outcome.silences().any_ms <= 6_000,
            "{fault:?}: {:?}",
            outcome.silences()
        );
        assert!(
            words.starts_with("soyanaunainteligenciartificial"),
            "{fault:?}: {words}"
        );
        assert!(words.contains("perdonahayunproblema"), "{fault:?}: {words}");
        assert!(!words.contains('?'), "{fault:?}: {words}");
        outcome.assert_never_left_in_silence(6_000);
    }))
    .await;
}

#[tokio::test]
async fn without_any_voice_and_any_kept_phrase_twilio_says_why() {
    let cast = Cast::new().await;
    for name in ALL {
        cast.voice(name).set_fault(VoiceFault::Unavailable);
    }
    let phrases = TempDir::new().expect("a folder");
    let calls = server(&cast, "elevenlabs, aura", &phrases).await;
    let outcome = calls
        .ring("[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 20000\n")
        .await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    assert!(outcome.verbs().contains(&"Say"), "{:?}", outcome.verbs());
    assert_eq!(calls.server.app.metrics.refused_count(Refusal::NoVoice), 1);
}
