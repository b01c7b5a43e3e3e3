//! Callers handed to a person: answered, not answered, without REST, outside hours.

use crate::harness::{CallServer, call_sid, eventually, inbound_form};
use crate::sinks::rig::fits_the_schema;
use prometheus_client::metrics::counter::Counter;
use std::sync::Arc;
use talia_simulator::events::{EndedBy, What};
use talia_simulator::lines::PreparedScript;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::people::PersonPlan;
use talia_simulator::script::Script;
use talia_simulator::speaker::ToneSpeaker;
use talia_twilio::CallStatus;
use talia_voice::config::{Config, Sources};
use talia_voice::store::{EventType, NewTransfer};
use talia_voice::telemetry::labels::{RestOperation, RestOutcome};

pub(crate) const PERSON: &str = "+525599999999";
const ALLOWED: &str = "[dialing]\ncountries = \"MX\"\n";
const DESTINATION: &str = "[[destinations]]\nid = \"ventas\"\nnumber = \"+525599999999\"\nring_s = 5\n";

/// Somebody to hand callers to, whom we may dial.
pub(crate) fn with_a_person() -> String {
    format!("{ALLOWED}{DESTINATION}")
}

/// Tells a need, then wants a person.
const WANTS_A_PERSON: &str = r#"
silence_ms = 500
patience_ms = 30000
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
[[step]]
do = "expect_hang_up"
within_ms = 40000
"#;

/// The same by a key; and when nobody answers, leaves a message.
pub(crate) const PRESSES_0: &str = r#"
silence_ms = 500
patience_ms = 30000
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "press"
digits = "0"
[[step]]
do = "silence"
ms = 14000
[[step]]
do = "say"
text = "Me llamo Carlos Herrera."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Sí, a ese número."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No, es todo, gracias."
[[step]]
do = "expect_hang_up"
within_ms = 20000
"#;

pub(crate) async fn person(after_ms: u64) -> PersonPlan {
    let script = "[[step]]\ndo = \"silence\"\nms = 6000\n[[step]]\ndo = \"say\"\ntext = \"Hola, habla Marta, ¿en qué le ayudo?\"\n\
                  [[step]]\ndo = \"silence\"\nms = 2000\n[[step]]\ndo = \"hang_up\"\n";
    let script = Script::parse(script).expect("a script");
    let script = PreparedScript::new(script, &ToneSpeaker).await.expect("tones");
    PersonPlan::answers(after_ms, Arc::new(script))
}

/// Loudest level of a part of one side of a recording, in samples.
fn peak(samples: &[i16], from_ms: u64, to_ms: u64) -> i16 {
    let part = samples
        .iter()
        .skip(from_ms as usize * 8)
        .take((to_ms - from_ms) as usize * 8);
    part.map(|sample| sample.saturating_abs()).max().unwrap_or(0)
}

async fn transfers(calls: &CallServer, outcome: &CallOutcome) -> Vec<(String, String, Option<String>)> {
    let rows = calls.server.app.store.transfers(outcome.call_sid.as_str()).await;
    let rows = rows.expect("a read").into_iter();
    rows.map(|row| (row.destination, row.state, row.outcome)).collect()
}

/// The events that tell of transfers, in order, with the summary or the outcome.
async fn told(calls: &CallServer, outcome: &CallOutcome) -> Vec<(String, String)> {
    let rows = calls.server.app.store.events_after(0, 1_000).await.expect("a read");
    let events = rows.iter().filter(|row| row.call_sid == outcome.call_sid.as_str());
    let events = events.filter(|row| {
        matches!(
            row.kind.known(),
            Some(EventType::TransferAsked | EventType::CallTransferred | EventType::TransferUnanswered)
        )
    });
    let told = events.map(|row| {
        let event: serde_json::Value = serde_json::from_str(&row.event).expect("JSON");
        fits_the_schema(&event);
        let data = &event["data"];
        assert_eq!(data["destination"], "ventas");
        let word = data.get("outcome").unwrap_or(&data["summary"]);
        (row.kind.as_str().to_owned(), word.as_str().expect("a text").to_owned())
    });
    told.collect()
}

async fn answered(rest: bool) {
    let calls = if rest {
        // Whoever looks after lost calls looks at this one too, soon, and sees that it isn't lost.
        let soon = ("TALIA_LIMITS__RESUME_AFTER_S", "1");
        CallServer::start_with_rest(&[soon, ("talia.toml", &with_a_person())]).await
    } else {
        CallServer::start_with(&[("talia.toml", &with_a_person())]).await
    };
    let (carrier, _api) = calls.carrier_with(|_| {});
    carrier.put_person(PERSON, person(1_000).await);
    let outcome = calls.ring_through(&carrier, WANTS_A_PERSON, |_| {}).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let [leg] = &outcome.dialled[..] else {
        panic!("{:?}", outcome.dialled)
    };
    assert_eq!((leg.to.as_str(), leg.status), (PERSON, CallStatus::Completed));
    let (answered, joined) = (leg.answered_ms.expect("answered"), leg.joined_ms.expect("joined"));
    assert!(
        joined > answered + 500,
        "the summary takes a while: {answered} {joined}"
    );
    // The person hears the summary alone; the caller hears it ring meanwhile, and the person afterwards.
    let person_hears = &leg.recording.assistant;
    assert!(peak(person_hears, 0, joined - answered) > 500, "the whisper is silent");
    let caller_hears = &outcome.recording.assistant;
    assert!(
        peak(caller_hears, joined, joined + 7_000) > 500,
        "the person isn't heard"
    );
    assert_eq!(
        transfers(&calls, &outcome).await,
        [("ventas".to_owned(), "answered".to_owned(), Some("completed".to_owned()))]
    );
    let [asked, taken] = &told(&calls, &outcome).await[..] else {
        panic!("{:?}", told(&calls, &outcome).await)
    };
    // Whoever is rung sees what the call is about before the telephone is at the ear.
    assert!(
        asked.0 == "transfer_asked" && asked.1.contains("recibo de luz"),
        "{asked:?}"
    );
    assert_eq!((taken.0.as_str(), taken.1.as_str()), ("call_transferred", "completed"));
    let metrics = &calls.server.app.metrics;
    let counted = [
        &metrics.disclosure_heard,
        &metrics.transfer_asked,
        &metrics.call_transferred,
        &metrics.transfer_unanswered,
    ];
    assert_eq!(counted.map(Counter::get), [1, 1, 1, 0]);
    let row = calls.server.app.store.call(outcome.call_sid.as_str()).await;
    let row = row.expect("a read").expect("a row");
    assert_eq!(
        (row.status.as_str(), row.ended_reason.as_deref(), row.streams),
        ("completed", Some("transferred"), 1)
    );
    let lines = calls.server.app.store.transcript(outcome.call_sid.as_str()).await;
    let lines = lines.expect("a read");
    let last = lines.last().expect("lines");
    assert!(
        last.text.ends_with("Un momento, por favor.") && last.unheard.is_none(),
        "{last:?}"
    );
    // What the caller said until then is kept.
    let lead = calls.server.app.store.lead(outcome.call_sid.as_str()).await;
    let lead = lead.expect("a read").expect("a lead");
    assert_eq!(lead.purpose.as_deref(), Some("Quiero bajar mi recibo de luz."));
    let by_rest = outcome
        .log
        .iter()
        .filter(|event| matches!(event.what, What::RestUpdate));
    assert_eq!(by_rest.count(), usize::from(rest));
    if rest {
        let looked = calls
            .server
            .app
            .metrics
            .rest_count(RestOperation::ListCalls, RestOutcome::Done);
        assert!(looked > 0, "nobody looked whether the caller is with somebody");
    }
    if let Ok(folder) = std::env::var("TALIA_KEEP_WAVS") {
        let folder = std::path::Path::new(&folder);
        outcome
            .recording
            .write_wav(&folder.join(format!("transfer-caller-{rest}.wav")))
            .expect("a file");
        leg.recording
            .write_wav(&folder.join(format!("transfer-person-{rest}.wav")))
            .expect("a file");
    }
}

#[tokio::test]
async fn a_person_who_answers_hears_who_it_is_and_is_joined() {
    Box::pin(answered(true)).await;
}

/// The node that wrote the transfer down died before it told Twilio, and the carrier waits for a word: the caller is in
/// silence. Another node (or the same one, started again) sees that nobody is dialled, and keeps the promise.
#[tokio::test]
async fn a_transfer_that_twilio_never_heard_of_is_made_after_all() {
    use talia_simulator::cut::{Cut, CutAt};
    use talia_simulator::settings::AfterBreak;
    let soon = ("TALIA_LIMITS__RESUME_AFTER_S", "1");
    let calls = CallServer::start_with_rest(&[soon, ("talia.toml", &with_a_person())]).await;
    let (carrier, _api) = calls.carrier_with(|settings| {
        settings.after_break = AfterBreak::Hangs { at_most_ms: 20_000 };
    });
    carrier.put_person(PERSON, person(1_000).await);
    let script = "silence_ms = 500\n[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 40000\n";
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(5_000),
        abrupt: true,
    };
    let app = calls.server.app.clone();
    let dying = async {
        eventually("the call is live and written down", async || {
            let written = app.store.recent_calls(1).await.expect("a read");
            app.live.count() == 1 && !written.is_empty()
        })
        .await;
        let newest = app.store.recent_calls(1).await.expect("a read");
        let call_sid = newest[0].call_sid.clone();
        eventually("its stream is gone", async || app.live.count() == 0).await;
        let transfer = NewTransfer {
            call_sid,
            destination: "ventas".to_owned(),
            summary: "Llamada de Luz con Carlos".to_owned(),
            at: app.clock.wall(),
        };
        app.store.transfer_asked(transfer).await.expect("a write");
    };
    let ringing = calls.ring_through(&carrier, script, |plan| plan.cuts = vec![cut]);
    let (outcome, ()) = tokio::join!(ringing, dying);
    let [leg] = &outcome.dialled[..] else {
        panic!("{:?}", outcome.dialled)
    };
    assert_eq!((leg.to.as_str(), leg.status), (PERSON, CallStatus::Completed));
    assert!(leg.joined_ms.is_some());
    assert_eq!(
        transfers(&calls, &outcome).await,
        [("ventas".to_owned(), "answered".to_owned(), Some("completed".to_owned()))]
    );
    let row = calls.server.app.store.call(outcome.call_sid.as_str()).await;
    let row = row.expect("a read").expect("a row");
    assert_eq!((row.ended_reason.as_deref(), row.streams), (Some("transferred"), 1));
}

#[tokio::test]
async fn without_rest_the_end_of_the_stream_makes_the_transfer() {
    Box::pin(answered(false)).await;
}

#[tokio::test]
async fn when_nobody_answers_she_comes_back_with_the_context_and_takes_a_message() {
    let calls = CallServer::start_with_rest(&[("talia.toml", &with_a_person())]).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let mut nobody = person(0).await;
    nobody.pickup = talia_simulator::people::Pickup::NoAnswer;
    carrier.put_person(PERSON, nobody);
    let outcome = calls.ring_through(&carrier, PRESSES_0, |_| {}).await;
    outcome.assert_script_done();
    assert_eq!(outcome.ended_by, EndedBy::Rest);
    calls.nothing_lives().await;
    assert_eq!(
        transfers(&calls, &outcome).await,
        [(
            "ventas".to_owned(),
            "unanswered".to_owned(),
            Some("no-answer".to_owned())
        )]
    );
    let told = told(&calls, &outcome).await;
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["transfer_asked", "transfer_unanswered"]);
    assert_eq!(told[1].1, "no-answer");
    let store = &calls.server.app.store;
    let lines = store.transcript(outcome.call_sid.as_str()).await.expect("a read");
    let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let place = |start: &str| said.iter().position(|line| line.starts_with(start));
    assert!(
        place("Con gusto, te comunico") < place("Disculpa, ahora no me contestan."),
        "{said:#?}"
    );
    let disclosures = lines.iter().filter(|line| line.kind.as_deref() == Some("disclosure"));
    assert_eq!(disclosures.count(), 1, "{said:#?}");
    let lead = store
        .lead(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(
        (lead.name.as_deref(), lead.phone.as_deref(), lead.phone_confirmed),
        (Some("Carlos Herrera"), Some("+525512345678"), true)
    );
    let row = store
        .call(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!((row.ended_reason.as_deref(), row.streams), (Some("finished"), 2));
    if let Ok(folder) = std::env::var("TALIA_KEEP_WAVS") {
        let file = std::path::Path::new(&folder).join("transfer-unanswered.wav");
        outcome.recording.write_wav(&file).expect("a file");
    }
}

/// No country is allowed until the operator says so: then nobody is dialled, whoever asks.
#[tokio::test]
async fn a_person_who_may_not_be_dialled_is_never_rung() {
    for text in [
        DESTINATION.to_owned(),
        with_a_person().replace("+525599999999", "+881612345678"),
        with_a_person().replace("+525599999999", "+12125550100"),
    ] {
        let calls = CallServer::start_with_rest(&[("talia.toml", &text)]).await;
        let (carrier, api) = calls.carrier_with(|_| {});
        carrier.put_default_person(person(500).await);
        let script = PRESSES_0.replace("ms = 14000", "ms = 9000");
        let outcome = calls.ring_through(&carrier, &script, |_| {}).await;
        outcome.assert_script_done();
        assert!(outcome.dialled.is_empty(), "{text}");
        let api = api.expect("an API");
        for number in ["+525599999999", "+881612345678", "+12125550100"] {
            assert!(!api.journal().mentions(number), "{text}");
        }
        assert_eq!(
            transfers(&calls, &outcome).await,
            [("ventas".to_owned(), "unanswered".to_owned(), Some("refused".to_owned()))]
        );
    }
}

#[tokio::test]
async fn the_end_of_a_leg_that_nobody_asked_for_changes_nothing() {
    let calls = CallServer::start_with(&[("talia.toml", &with_a_person())]).await;
    let sid = call_sid(0x55);
    calls.server.ring(&sid).await;
    let mut form = inbound_form(&sid).to_vec();
    form.push(("DialCallStatus", "completed"));
    let answer = calls.server.post("/api/voice/transferred", &form).await;
    assert!(answer.body.contains("<Connect"), "{}", answer.body);
    assert!(calls.server.app.store.transfers(&sid).await.expect("a read").is_empty());
    // A whisper for a call that is unknown is empty: the person is joined.
    let answer = calls
        .server
        .post("/api/voice/whisper", &inbound_form(&call_sid(0x56)))
        .await;
    assert!(answer.status == 200 && !answer.body.contains("<Say"), "{}", answer.body);
}

fn refused(text: &str) -> String {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("talia.toml");
    std::fs::write(&file, text).expect("a file");
    let environment = [
        ("TALIA_TWILIO_AUTH_TOKEN", "t"),
        ("TALIA_PUBLIC_URL", "https://voz.example.com"),
    ];
    let sources = Sources {
        file: Some(file),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    Config::load(&sources).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn destinations_are_checked_before_anything_starts() {
    assert_eq!(refused(DESTINATION), "");
    let with = |more: &str| refused(&format!("{DESTINATION}{more}\n"));
    assert_eq!(with("hours = [\"mo-fr 09:00-18:00\", \"sa 10:00-14:00\"]"), "");
    assert!(with("hours = [\"lunes 9-18\"]").contains("hours look like"));
    assert!(with("hours = [\"mo 18:00-09:00\"]").contains("hours look like"));
    assert!(
        with("time_zone = \"Mexico\"").contains("time_zone")
            || with("time_zone = \"Nowhere/City\"").contains("time_zone")
    );
    assert!(refused("[[destinations]]\nid = \"1\"\nnumber = \"+525599999999\"").contains("an id is"));
    assert!(refused("[[destinations]]\nid = \"a\"\nnumber = \"5599999999\"").contains("E.164"));
    assert!(refused(&format!("{DESTINATION}{DESTINATION}")).contains("twice"));
}

#[test]
fn a_destination_is_open_in_its_own_time_zone() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let text = format!("{DESTINATION}hours = [\"mo-fr 09:00-18:00\", \"su-su 10:00-24:00\"]\n");
    let config = crate::harness::config(&folder, &[("talia.toml", &text)]);
    let sales = config.destinations.get("ventas").expect("it");
    assert!(config.destinations.get("nadie").is_none());
    // Tuesday 24 November 2026; Mexico City is six hours behind UTC.
    let open = |time: &str| sales.is_open(time.parse().expect("a time"));
    assert!(open("2026-11-24T15:00:00Z"));
    assert!(!open("2026-11-24T14:59:59Z"));
    assert!(open("2026-11-24T23:59:59Z"));
    assert!(!open("2026-11-25T00:00:00Z"));
    assert!(!open("2026-11-28T18:00:00Z"), "Saturday");
    assert!(open("2026-11-30T05:59:00Z"), "Sunday, one minute to midnight");
}
