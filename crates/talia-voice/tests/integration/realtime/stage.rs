//! A speech-to-speech service that does what a good one would, a server that uses it, and what a call leaves behind.

use crate::harness::{CallServer, eventually};
use crate::mixes::{NUMBER, SAYS, patient};
use serde_json::json;
use std::sync::Arc;
use talia_simulator::carrier::CallPlan;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::openai_realtime::{Note, RealtimeFake, RealtimeScript, Reply};
use talia_simulator::providers::tone_words::{ToneWordSpeaker, Vocabulary};
use talia_voice::store::SegmentRow;

pub(crate) const KEY: &str = "sk-of-the-tests";

/// What callers can say.
pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    let more = ["Quítenme de su lista.", "No me llamen antes de las cinco."];
    Arc::new(Vocabulary::of(&[&SAYS[..], &more[..]].concat()))
}

/// What it answers in the happy conversation.
pub(crate) fn replies() -> Vec<Reply> {
    vec![
        Reply::say("recibo", "Claro, con paneles baja más de la mitad. ¿Con quién hablo?"),
        Reply::say("Carlos", "Mucho gusto, Carlos. ¿Te marcamos al +52 55 1234 5678?")
            .calling("set_full_name", json!({"full_name": "Carlos Herrera"}))
            .calling("set_phone_number", json!({"phone_number": NUMBER})),
        Reply::say("número", "Perfecto, un asesor te llama. ¿Algo más?")
            .calling("close_lead", json!({"purpose": SAYS[0]})),
        Reply::say("gracias", "")
            .after("Gracias a ti, adiós.")
            .calling("end_call", json!({})),
    ]
}

/// The service, with `change` in its script.
pub(crate) async fn service(change: impl FnOnce(&mut RealtimeScript)) -> RealtimeFake {
    let mut script = RealtimeScript::new(Vocabulary::of(&SAYS), replies());
    script.vocabulary = vocabulary();
    change(&mut script);
    RealtimeFake::start(script).await.expect("a port")
}

/// The configuration that leads to it; `rest` is the chain behind it, and `more` whatever else.
pub(crate) fn file(fake: &RealtimeFake, rest: &str, more: &str) -> String {
    format!(
        "[brain]\nchain = \"voz, {rest}\"\n[accounts.voz]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
         [providers.voz]\nkind = \"openai-realtime\"\naccount = \"voz\"\nmodel = \"gpt-realtime-2.1\"\nvoice = \"marin\"\n{more}",
        fake.url()
    )
}

/// A server that begins its calls with the service.
pub(crate) async fn server(fake: &RealtimeFake) -> CallServer {
    CallServer::start_with(&[("talia.toml", &file(fake, "script", ""))]).await
}

/// Rings in tones that the service understands.
pub(crate) async fn ring(calls: &CallServer, script: &str, change: impl FnOnce(&mut CallPlan)) -> CallOutcome {
    let (carrier, _api) = calls.carrier_with(|_| {});
    let outcome = calls
        .ring_speaking(&carrier, script, &ToneWordSpeaker(vocabulary()), change)
        .await;
    calls.nothing_lives().await;
    outcome
}

/// Rings; once the service has noticed such a thing, it is gone for good.
pub(crate) async fn ring_until_it_dies(
    calls: &CallServer,
    fake: &RealtimeFake,
    such: impl Fn(&Note) -> bool,
) -> CallOutcome {
    let dying = async {
        eventually("the service is used", async || count(fake, &such) > 0).await;
        fake.die(503);
    };
    let script = patient();
    let (outcome, ()) = tokio::join!(ring(calls, &script, |_| {}), dying);
    outcome
}

pub(crate) async fn lines(calls: &CallServer, outcome: &CallOutcome) -> Vec<SegmentRow> {
    let store = &calls.server.app.store;
    store.transcript(outcome.call_sid.as_str()).await.expect("a read")
}

/// The transcript in words.
pub(crate) async fn said(calls: &CallServer, outcome: &CallOutcome) -> Vec<String> {
    let lines = lines(calls, outcome).await.into_iter();
    lines.map(|line| format!("{}: {}", line.speaker, line.text)).collect()
}

/// How often something happened at the service.
pub(crate) fn count(fake: &RealtimeFake, such: impl Fn(&Note) -> bool) -> usize {
    fake.notes().iter().filter(|note| such(note)).count()
}

/// Sessions that were begun.
pub(crate) fn sessions(fake: &RealtimeFake) -> usize {
    count(fake, |note| matches!(note, Note::Setup(_)))
}
