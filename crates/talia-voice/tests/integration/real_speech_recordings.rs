//! A caller with a real voice permits a recording, which is opened with the ordinary `age` tool and listened to: both sides are
//! written down from it.

use crate::harness::{ACCOUNT, ORIGIN, TOKEN, TestServer};
use crate::real_speech::{KokoroCaller, words, write_down};
use crate::recordings::rig::{Operator, Wave, age_opens, file_of, own_key};
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::lines::PreparedScript;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_twilio::AccountSid;
use talia_voice::clock::Clock;
use talia_voice::line::paths;
use tempfile::TempDir;

const PERMITS: &str = r#"
silence_ms = 900
patience_ms = 60000
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Sí, claro que sí."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quiero bajar mi recibo de luz."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "hang_up"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_permitted_is_heard_with_the_ordinary_tool() {
    let assistants = TempDir::new().expect("a folder");
    let brief = include_str!("fixtures/breve.toml");
    std::fs::write(assistants.path().join("breve.toml"), brief).expect("a file");
    let operator = Operator::new();
    let recorded = operator.settings();
    let folder = assistants.path().display().to_string();
    let mut settings = vec![
        ("TALIA_SPEECH__ENGINES", "local"),
        ("TALIA_ASSISTANTS", folder.as_str()),
    ];
    let fits = |(name, value)| match name {
        "TALIA_RECORDINGS_MODE" => Some((name, "only_after_yes")),
        // The notice of this mode is another.
        "TALIA_RECORDINGS__NOTICE" => None,
        _ => Some((name, value)),
    };
    settings.extend(
        recorded
            .iter()
            .filter_map(|(name, value)| fits((*name, value.as_str()))),
    );
    let server = TestServer::start_with(&settings, Clock::real()).await;
    let app = server.app.clone();
    app.engines
        .prepare(app.assistants.all(), |_, _| {})
        .await
        .expect("the fixed phrases");
    let voice = KokoroCaller(app.engines.mouth.tts.clone());
    let script = Script::parse(PERMITS).expect("a script");
    let script = PreparedScript::new(script, &voice).await.expect("lines");
    let account = AccountSid::new(ACCOUNT).expect("an account");
    let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
    settings.dial_origin = Some(format!("http://{}", server.address));
    settings.status_url = Some(format!("{ORIGIN}{}", paths::STATUS));
    let carrier = Carrier::new(settings).expect("a carrier");
    let plan = CallPlan::new("+525512345678", "+525550001000", Arc::new(script));
    let outcome = tokio::time::timeout(Duration::from_mins(3), carrier.dial(plan))
        .await
        .expect("the call ends")
        .expect("a call");
    outcome.assert_script_done();

    let sid = outcome.call_sid.as_str();
    let lines = app.store.transcript(sid).await.expect("a read");
    let row = app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.recording_consent.as_deref(), Some("given"), "{lines:#?}");
    crate::harness::eventually("the recording is whole", async || {
        app.metrics.recording_stored.get() == 1
    })
    .await;
    let file = file_of(&operator.folder(), 1).await;
    let key = own_key(&operator, &app.config.database.url, sid).await;
    let (bytes, content) = age_opens(&file, &key).await;
    assert!(content);
    let wave = Wave::read(&bytes, true);
    let stt = app.engines.ears.stt.clone();
    let written = tokio::task::spawn_blocking(move || {
        [wave.caller, wave.assistant].map(|side| words(&write_down(stt.as_ref(), side).expect("words")).join(" "))
    });
    let [caller, assistant] = written.await.expect("no panic");
    eprintln!("caller: {caller}\nassistant: {assistant}");
    assert!(caller.contains("recibo de luz"), "{caller}");
    // The yes came before the recording, and so did the disclosure.
    assert!(
        !caller.contains("claro") && !assistant.contains("inteligencia"),
        "{caller} / {assistant}"
    );
    let first = lines.iter().find(|line| {
        line.speaker == "assistant" && line.text.split_whitespace().count() > 3 && {
            let spoken = words(&line.text);
            spoken.iter().filter(|word| assistant.contains(word.as_str())).count() * 3 >= spoken.len() * 2
        }
    });
    assert!(first.is_some(), "{assistant} of {lines:#?}");
}
