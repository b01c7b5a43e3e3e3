//! Whoever heard and spoke is who is paid: by what each fake really got.

use crate::conversation::HAPPY;
use crate::ears::rig::{self, Rig, fake, silence};
use crate::harness::{CallServer, eventually};
use crate::mouth::stage::{Cast, KEY, Speaking};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::stt::{FakeStt, SttFault, SttKind, SttSettings};
use talia_simulator::providers::tone_words::{ToneWordSpeaker, Vocabulary};
use talia_simulator::providers::voices::{FakeVoice, Manner, VoiceFault};
use talia_simulator::settings::Secret;
use talia_voice::providers::Given;
use tempfile::TempDir;

const SAYS: [&str; 4] = [
    "Quiero bajar mi recibo de luz.",
    "Me llamo Carlos Herrera.",
    "Sí, a ese número.",
    "No, es todo, gracias.",
];
const PRICES: &str = r#"
[[prices]]
provider = "deepgram"
per_minute = 0.6
[[prices]]
provider = "elevenlabs"
per_thousand_characters = 10.0
[[prices]]
provider = "fixed-delay"
per_thousand_characters = 1.0
"#;
/// What may be under way when a call or a connection ends, of audio.
const UNDER_WAY_MS: i64 = 200;

fn vocabulary() -> Arc<Vocabulary> {
    Arc::new(Vocabulary::of(&SAYS))
}

async fn deepgram() -> FakeStt {
    let settings = SttSettings {
        key: Secret::new(KEY),
        vocabulary: vocabulary(),
        idle: Duration::from_secs(10),
    };
    FakeStt::start(SttKind::Deepgram, settings).await.expect("a port")
}

/// A server that hears with Deepgram and speaks with ElevenLabs, each before this machine's own.
async fn server(ears: &FakeStt, cast: &Cast, phrases: &TempDir) -> CallServer {
    let file = cast
        .file("elevenlabs, local")
        .replacen("[speech]\n", "[speech]\nears = \"deepgram, local\"\n", 1)
        .replacen("[accounts.deepgram]", "[accounts.voices]", 1);
    let file = format!(
        "{file}[accounts.deepgram]\nurl = \"{}\"\nkey = \"{KEY}\"\n{PRICES}",
        ears.url()
    );
    let models = phrases.path().display().to_string();
    CallServer::start_with(&[("talia.toml", &file), ("TALIA_MODELS__DIRECTORY", &models)]).await
}

/// One whole call; its record by the API.
async fn call(calls: &CallServer) -> (CallOutcome, Value) {
    let (carrier, _api) = calls.carrier_with(|_| {});
    let outcome = calls
        .ring_speaking(&carrier, HAPPY, &ToneWordSpeaker(vocabulary()), |_| {})
        .await;
    assert_eq!(outcome.script_fault, None);
    calls.nothing_lives().await;
    let path = format!("/api/voice/calls/{}", outcome.call_sid);
    let answer = calls.server.get(&path, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let record = serde_json::from_str(&answer.body).expect("JSON");
    (outcome, record)
}

fn usage<'a>(record: &'a Value, provider: &str) -> Option<&'a Value> {
    let rows = record["usage"].as_array().expect("a list");
    rows.iter().find(|row| row["provider"] == provider)
}

fn number(row: Option<&Value>, field: &str) -> i64 {
    row.and_then(|row| row[field].as_i64()).unwrap_or_default()
}

/// What a voice was given by calls: a probe whether it is well again is no call's.
fn texts(voice: &FakeVoice) -> Vec<String> {
    voice.texts().into_iter().filter(|text| text != "Hola.").collect()
}

fn characters(voice: &FakeVoice) -> i64 {
    let texts = texts(voice);
    texts.iter().map(|text| text.trim().chars().count() as i64).sum()
}

/// Milliseconds of audio that a recogniser got on all its connections.
fn got_ms(ears: &FakeStt) -> i64 {
    let bytes: u64 = ears.journal().iter().map(|connection| connection.audio_bytes).sum();
    bytes as i64 / 8
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_hear_and_speak_are_paid_for_what_they_got_and_kept_phrases_are_free() {
    let (ears, cast, phrases) = (deepgram().await, Cast::new().await, TempDir::new().expect("a folder"));
    let calls = server(&ears, &cast, &phrases).await;
    let app = &calls.server.app;
    app.engines
        .prepare(app.assistants.all(), |_, _| {})
        .await
        .expect("fixed phrases");
    let (kept_texts, kept) = (cast.elevenlabs.texts().len(), characters(&cast.elevenlabs));
    assert!(kept > 100, "the disclosure is kept");
    let (_, record) = call(&calls).await;

    let voice = usage(&record, "elevenlabs");
    let spoken = characters(&cast.elevenlabs) - kept;
    assert!(spoken > 0, "not every sentence is kept");
    assert_eq!(number(voice, "characters"), spoken);
    assert_eq!(
        number(voice, "requests"),
        (cast.elevenlabs.texts().len() - kept_texts) as i64
    );
    assert_eq!(number(voice, "cost_micros"), spoken * 10_000);
    let heard = usage(&record, "deepgram");
    let (ms, got) = (number(heard, "heard_ms"), got_ms(&ears));
    assert!(ms > 5_000 && (0..UNDER_WAY_MS).contains(&(ms - got)), "{ms} {got}");
    assert_eq!(number(heard, "cost_micros"), (ms * 600_000 + 30_000) / 60_000);
    for idle in ["fixed-delay", "perfect"] {
        assert_eq!(usage(&record, idle), None, "this machine did nothing");
    }
    let sum = number(voice, "cost_micros") + number(heard, "cost_micros");
    assert_eq!(number(Some(&record["call"]), "cost_micros"), sum);
    let metrics = calls.server.get("/metrics", &[]).await.body;
    let counted = format!("spoken_characters_total{{provider=\"elevenlabs\"}} {spoken}\n");
    assert!(metrics.contains(&counted), "{counted}");
    let all = metrics
        .lines()
        .filter(|line| line.starts_with("heard_milliseconds_total"));
    let all: Vec<_> = all.collect();
    assert!(
        matches!(all[..], [one] if one.contains("{provider=\"deepgram\"}")),
        "{all:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_die_in_the_middle_are_paid_for_what_they_took_and_this_machine_did_the_rest() {
    let (ears, cast, phrases) = (deepgram().await, Cast::new().await, TempDir::new().expect("a folder"));
    let calls = server(&ears, &cast, &phrases).await;
    // The stream is cut in the call, and nobody answers any more.
    ears.plan().next(&[SttFault::CutAt(30_000)]);
    ears.plan().others(&[SttFault::Refuse {
        status: 503,
        retry_after: None,
    }]);
    cast.elevenlabs.set_fault(VoiceFault::Dies { after_ms: 500 });
    let (_, record) = call(&calls).await;

    let voice = usage(&record, "elevenlabs");
    let (taken, texts) = (characters(&cast.elevenlabs), texts(&cast.elevenlabs).len());
    assert!(texts >= 2, "{texts}");
    assert_eq!(number(voice, "characters"), taken);
    assert_eq!(number(voice, "requests"), texts as i64);
    assert_eq!(number(voice, "cost_micros"), taken * 10_000);
    let own = usage(&record, "fixed-delay");
    assert!(number(own, "characters") > 0, "this machine said the rest: {record}");
    assert_eq!(number(own, "cost_micros"), number(own, "characters") * 1_000);
    let heard = usage(&record, "deepgram");
    let (ms, got) = (number(heard, "heard_ms"), got_ms(&ears));
    // What was sent to a connection that was cut meanwhile is lost on the way.
    assert!((0..6 * UNDER_WAY_MS).contains(&(ms - got)), "{ms} {got}");
    assert!(number(usage(&record, "perfect"), "heard_ms") > 1_000, "{record}");
}

#[tokio::test]
async fn two_voices_that_were_asked_for_the_same_text_are_both_paid_and_one_that_refused_it_is_not() {
    const TEXT: &str = "Los paneles bajan el recibo de un negocio más de la mitad.";
    let all = TEXT.chars().count() as u64;
    let once = Given {
        texts: 1,
        characters: all,
        audio: Duration::ZERO,
    };
    for (fault, paid) in [
        (VoiceFault::Stalls { after_ms: 0 }, once),
        (VoiceFault::Dies { after_ms: 0 }, once),
        (VoiceFault::Noise { after_ms: 0 }, once),
        (VoiceFault::Unauthorised, Given::default()),
        (VoiceFault::Unavailable, Given::default()),
    ] {
        for name in ["elevenlabs", "aura", "openai_speech"] {
            let cast = Cast::new().await;
            cast.voice(name).set_fault(fault);
            let mut speaking = Speaking::new(&cast, &format!("{name}, cartesia"));
            let said = speaking.say(TEXT).await;
            assert!(said.complete, "{name} {fault:?}: {said:?}");
            let work = speaking.work.take();
            let of = |name: &str| {
                let found = work.iter().find(|(provider, _)| **provider == *name);
                found.map(|(_, given)| *given).unwrap_or_default()
            };
            assert_eq!(of(name), paid, "{name} {fault:?}");
            assert_eq!(of("cartesia"), once, "{name} {fault:?}");
            assert_eq!(of("spelled"), Given::default(), "{name} {fault:?}");
        }
    }
    // A text whose rest nobody wants any more was taken all the same.
    let cast = Cast::new().await;
    cast.elevenlabs.set(Manner {
        first_audio: Duration::from_millis(100),
        pace: 1.0,
        ..Manner::default()
    });
    let mut speaking = Speaking::new(&cast, "elevenlabs");
    let segment = speaking.begin(TEXT);
    let first = speaking.events.recv().await;
    assert!(first.is_some());
    speaking.mouth.cancel(segment);
    let work = speaking.work.take();
    assert!(
        matches!(&work[..], [(provider, given)] if **provider == *"elevenlabs" && *given == once),
        "{work:?}"
    );
}

#[tokio::test]
async fn a_recogniser_that_is_paid_by_what_it_writes_down_is_not_paid_for_what_was_taken_back() {
    for (kind, name) in [
        (SttKind::OpenAi, "transcription"),
        (SttKind::Scribe, "scribe"),
        (SttKind::Deepgram, "deepgram"),
        (SttKind::Flux, "flux"),
    ] {
        let fake = fake(kind).await;
        let mut rig = Rig::new(&[(kind, &fake)], None);
        let turn = rig.say(rig::SAYS).await;
        let job = rig.ask(turn);
        assert!(rig.answer_while_silent(job).await.is_some(), "{name}");
        rig.audio(&silence(600)).await;
        rig.close(turn);
        let (mut paid, mut got) = (0, 0);
        eventually("everything sent has come", async || {
            for (provider, given) in rig.work.take() {
                assert_eq!(&*provider, name);
                paid += given.audio.as_millis() as i64;
            }
            let connection = &fake.journal()[0];
            got = connection.audio_bytes as i64 / 8;
            if kind == SttKind::OpenAi {
                connection
                    .texts
                    .iter()
                    .any(|text| text.contains("input_audio_buffer.clear"))
            } else {
                got > 600 && paid == got
            }
        })
        .await;
        if kind == SttKind::OpenAi {
            assert!(paid > 1_000 && got - paid >= 600, "{paid} {got}");
        }
        rig.hang_up().await;
    }
}
