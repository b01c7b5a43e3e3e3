//! Callers handed to a person, with real voices at both ends: what each of the three heard is written down from the WAVs.

use crate::harness::{ACCOUNT, ORIGIN, TOKEN, TestServer};
use crate::real_speech::{KokoroCaller, words, write_down};
use crate::transfers::{PERSON, with_a_person};
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::lines::PreparedScript;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::people::{PersonPlan, Pickup};
use talia_simulator::rest::RestApi;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_twilio::AccountSid;
use talia_voice::clock::Clock;
use talia_voice::line::paths;
use tempfile::TempDir;
use tokio::net::TcpListener;

const WANTS_A_PERSON: &str = r#"
silence_ms = 900
patience_ms = 60000
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quiero bajar mi recibo de luz."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Prefiero hablar con una persona, por favor."
"#;
const HEARS_MARTA: &str = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 60000\n";
const LEAVES_A_MESSAGE: &str = r#"
[[step]]
do = "silence"
ms = 16000
[[step]]
do = "say"
text = "Me llamo Carlos Herrera."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "hang_up"
"#;
const MARTA: &str = r#"
voice = "ef_dora"
[[step]]
do = "silence"
ms = 9000
[[step]]
do = "say"
text = "Buenas tardes, habla Marta, dígame en qué le ayudo."
[[step]]
do = "silence"
ms = 1500
[[step]]
do = "hang_up"
"#;

/// Rings a server with local speech; the person at the other number does so.
async fn ring(after: &str, pickup: Pickup) -> (TestServer, CallOutcome) {
    let assistants = TempDir::new().expect("a folder");
    std::fs::write(
        assistants.path().join("breve.toml"),
        include_str!("fixtures/breve.toml"),
    )
    .expect("a file");
    let folder = assistants.path().display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let api = format!("http://{}", listener.local_addr().expect("an address"));
    let settings = [
        ("TALIA_SPEECH__ENGINES", "local"),
        ("TALIA_ASSISTANTS", folder.as_str()),
        ("TALIA_TWILIO__API_URL", api.as_str()),
        ("talia.toml", &with_a_person()),
    ];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    let app = server.app.clone();
    app.engines
        .prepare(app.assistants.all(), |_, _| {})
        .await
        .expect("the fixed phrases");
    let voice = Arc::new(KokoroCaller(app.engines.mouth.tts.clone()));
    let prepared = async |text: &str| {
        let script = Script::parse(text).expect("a script");
        Arc::new(PreparedScript::new(script, &*voice).await.expect("lines"))
    };
    let account = AccountSid::new(ACCOUNT).expect("an account");
    let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
    settings.dial_origin = Some(format!("http://{}", server.address));
    settings.status_url = Some(format!("{ORIGIN}{}", paths::STATUS));
    let carrier = Carrier::new(settings).expect("a carrier").with_speaker(voice.clone());
    let mut person = PersonPlan::answers(1_500, prepared(MARTA).await);
    person.pickup = pickup;
    carrier.put_person(PERSON, person);
    let _api = RestApi::serve(carrier.clone(), Vec::new(), listener).expect("an API");
    let caller = prepared(&format!("{WANTS_A_PERSON}{after}")).await;
    let plan = CallPlan::new("+525512345678", "+525550001000", caller);
    let outcome = tokio::time::timeout(Duration::from_mins(3), carrier.dial(plan))
        .await
        .expect("the call ends")
        .expect("a call");
    outcome.assert_script_done();
    (server, outcome)
}

/// What is understood of this channel between two moments, by the words that matter.
async fn understood(server: &TestServer, channel: &[i16], (from_ms, to_ms): (u64, u64)) -> String {
    let at = |ms: u64| usize::try_from(ms * 8).unwrap_or(usize::MAX).min(channel.len());
    let samples = channel[at(from_ms)..at(to_ms)].to_vec();
    let stt = server.app.engines.ears.stt.clone();
    let heard = tokio::task::spawn_blocking(move || write_down(stt.as_ref(), samples));
    let heard = words(&heard.await.expect("no panic").expect("words")).join(" ");
    eprintln!("{from_ms}–{to_ms} ms: {heard}");
    heard
}

/// When this line of the transcript was begun and ended, on the call's clock.
async fn line(server: &TestServer, outcome: &CallOutcome, start: &str) -> (u64, u64) {
    let lines = server
        .app
        .store
        .transcript(outcome.call_sid.as_str())
        .await
        .expect("a read");
    let line = lines.iter().find(|line| line.text.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("{start}: {lines:#?}"));
    let ms = |value: i64| u64::try_from(value).unwrap_or(0);
    (ms(line.began_ms), ms(line.ended_ms))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_handed_over_and_whoever_takes_over_hear_what_they_should() {
    let (server, outcome) = ring(HEARS_MARTA, Pickup::Answers { after_ms: 1_500 }).await;
    let [leg] = &outcome.dialled[..] else {
        panic!("{:?}", outcome.dialled)
    };
    let (answered, joined) = (leg.answered_ms.expect("answered"), leg.joined_ms.expect("joined"));
    let caller_hears = &outcome.recording.assistant;
    // The caller is told what is going on…
    let (began, ended) = line(&server, &outcome, "Con gusto").await;
    let told = understood(&server, caller_hears, (began, ended + 500)).await;
    assert!(told.contains("te comunico con una persona"), "{told}");
    // …the person alone hears who it is and what about…
    let summary = understood(&server, &leg.recording.assistant, (0, joined - answered)).await;
    assert!(summary.contains("recibo") && summary.contains("luz"), "{summary}");
    let meanwhile = understood(&server, caller_hears, (answered, joined)).await;
    assert!(
        !meanwhile.contains("recibo"),
        "the caller hears what is for the person: {meanwhile}"
    );
    // …and then the two hear each other.
    let marta = understood(&server, caller_hears, (joined, joined + 15_000)).await;
    assert!(marta.contains("marta") && marta.contains("ayudo"), "{marta}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reaches_nobody_hears_it_and_leaves_a_message() {
    let (server, outcome) = ring(LEAVES_A_MESSAGE, Pickup::NoAnswer).await;
    assert_eq!(outcome.dialled.len(), 1);
    // The second stream begins when the ringing is over; the transcript's clock runs on from the first.
    let (began, ended) = line(&server, &outcome, "Disculpa, ahora no me contestan").await;
    let sorry = understood(&server, &outcome.recording.assistant, (began - 1_000, ended + 1_500)).await;
    assert!(sorry.contains("no me contestan"), "{sorry}");
    let lead = server
        .app
        .store
        .lead(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
}
