//! Whole calls: the same recorded caller, through every recogniser and through a chain whose members fail, gives the same
//! lead.

use super::rig::{KEY, KINDS, name};
use crate::conversation::HAPPY;
use crate::harness::{CallServer, PATIENCE, call_sid, eventually};
use std::sync::Arc;
use std::time::Duration;
use talia_simulator::carrier::CallPlan;
use talia_simulator::lines::PreparedScript;
use talia_simulator::providers::stt::{FakeStt, SttFault, SttKind, SttSettings};
use talia_simulator::providers::tone_words::{ToneWordSpeaker, Vocabulary};
use talia_simulator::script::Script;
use talia_simulator::settings::Secret;
use talia_spanish::Language;
use talia_voice::ears::early::EarlyEars;

const SAYS: [&str; 4] = [
    "Quiero bajar mi recibo de luz.",
    "Me llamo Carlos Herrera.",
    "Sí, a ese número.",
    "No, es todo, gracias.",
];

fn vocabulary() -> Arc<Vocabulary> {
    Arc::new(Vocabulary::of(&SAYS))
}

async fn fake(kind: SttKind) -> FakeStt {
    let settings = SttSettings {
        key: Secret::new(KEY),
        vocabulary: vocabulary(),
        idle: Duration::from_secs(10),
    };
    FakeStt::start(kind, settings).await.expect("a port")
}

/// What a call left behind: the caller's lines, and the lead's name, telephone and purpose.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    said: Vec<String>,
    lead: [Option<String>; 3],
}

/// A server that hears through these.
async fn server(fakes: &[(SttKind, &FakeStt)]) -> CallServer {
    let names: Vec<_> = fakes.iter().map(|(kind, _)| name(*kind)).collect();
    let described = fakes.iter().map(|(kind, fake)| {
        let (name, url) = (name(*kind), fake.url());
        format!("[accounts.at_{name}]\nurl = \"{url}\"\nkey = \"{KEY}\"\n[providers.{name}]\naccount = \"at_{name}\"\n")
    });
    let described: String = described.collect();
    let settings = format!("[speech]\nears = \"{}\"\n{described}", names.join(", "));
    CallServer::start_with(&[("talia.toml", &settings)]).await
}

async fn call_through(fakes: &[(SttKind, &FakeStt)]) -> Left {
    let calls = server(fakes).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let script = Script::parse(HAPPY).expect("a script");
    let script = PreparedScript::new(script, &ToneWordSpeaker(vocabulary()))
        .await
        .expect("tones");
    let plan = CallPlan::new("+525512345678", "+525587654321", Arc::new(script));
    let outcome = tokio::time::timeout(4 * PATIENCE, Box::pin(carrier.dial(plan)))
        .await
        .expect("the call ends")
        .expect("a call");
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    calls.nothing_lives().await;
    let (sid, store) = (outcome.call_sid.as_str(), &calls.server.app.store);
    let lines = store.transcript(sid).await.expect("a read");
    let lead = store.lead(sid).await.expect("a read").expect("a lead");
    Left {
        said: lines
            .into_iter()
            .filter(|line| line.speaker == "caller")
            .map(|line| line.text)
            .collect(),
        lead: [lead.name, lead.phone, lead.purpose],
    }
}

fn expected() -> Left {
    Left {
        said: SAYS.map(str::to_owned).to_vec(),
        lead: ["Carlos Herrera", "+525512345678", SAYS[0]].map(|text| Some(text.to_owned())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recogniser_brings_the_same_lead() {
    for kind in KINDS {
        let fake = fake(kind).await;
        assert_eq!(call_through(&[(kind, &fake)]).await, expected(), "{}", name(kind));
        let journal = fake.journal();
        assert_eq!(journal.len(), 1, "what was opened while the phone rang is used");
        assert!(
            journal.iter().all(|connection| connection.violation.is_none()),
            "{journal:?}"
        );
        assert!(
            journal.iter().all(|connection| connection.is_over),
            "nothing outlives its call"
        );
    }
}

#[tokio::test]
async fn a_recogniser_is_connected_to_while_the_phone_rings_and_left_when_nobody_comes() {
    let fake = fake(SttKind::Deepgram).await;
    let calls = server(&[(SttKind::Deepgram, &fake)]).await;
    let (server, app) = (&calls.server, &calls.server.app);
    server.ring(&call_sid(1)).await;
    server.ring(&call_sid(1)).await;
    eventually("it is connected to", async || fake.journal().len() == 1).await;
    assert!(!fake.journal()[0].is_over);
    let early = app.early_ears.fetch(&call_sid(1)).expect("ears that wait");
    drop(early);
    eventually("who is left is told", async || fake.journal()[0].is_over).await;

    let brief = EarlyEars::new(1, Duration::from_millis(200));
    brief.open("CA1", &app.engines.ears, Language::Spanish);
    brief.open("CA2", &app.engines.ears, Language::Spanish);
    assert!(brief.fetch("CA2").is_none(), "one at most");
    eventually("the second connection ends by itself", async || {
        fake.journal().get(1).is_some_and(|connection| connection.is_over)
    })
    .await;
    assert!(brief.fetch("CA1").is_none());
    assert_eq!(fake.journal().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_whose_members_fail_one_after_the_other_brings_the_same_lead() {
    let (deepgram, flux, scribe) = (
        fake(SttKind::Deepgram).await,
        fake(SttKind::Flux).await,
        fake(SttKind::Scribe).await,
    );
    // Cut in the second turn or so, and not to be reached any more; then one that refuses; then one that is well.
    deepgram.plan().next(&[SttFault::CutAt(60_000)]);
    deepgram.plan().others(&[SttFault::Refuse {
        status: 503,
        retry_after: None,
    }]);
    flux.plan().others(&[SttFault::Refuse {
        status: 401,
        retry_after: None,
    }]);
    let left = call_through(&[
        (SttKind::Deepgram, &deepgram),
        (SttKind::Flux, &flux),
        (SttKind::Scribe, &scribe),
    ])
    .await;
    assert_eq!(left, expected());
    assert_eq!(flux.journal().len(), 1, "a refused key is tried once");
    assert!(
        scribe.journal().iter().any(|connection| connection.audio_bytes > 0),
        "it took over"
    );
}
