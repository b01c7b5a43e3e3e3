//! F11 of the fault catalogue, and all others that a speech-to-speech service can have: how long the caller is left in
//! silence, and that the call ends in its lead all the same.

use super::stage::{KEY, count, file, ring, said, server, service, sessions};
use crate::harness::CallServer;
use crate::mixes::{expected, left, patient, teach};
use futures::{FutureExt as _, StreamExt as _, stream};
use talia_simulator::providers::models::ChatCompletions;
use talia_simulator::providers::openai_realtime::{Fault, Note};

/// Calls at once: the machine of the tests is small.
const AT_ONCE: usize = 5;

/// A call in whose first answer this goes wrong; the longest silence in which the caller awaited us, in milliseconds.
async fn survives(fault: Fault, most_ms: u64) -> (Fault, u64) {
    let fake = service(|_| {}).await;
    fake.plan(fault);
    let calls = server(&fake).await;
    let outcome = ring(&calls, &patient(), |_| {}).await;
    let said = said(&calls, &outcome).await;
    assert_eq!(outcome.script_fault, None, "{fault:?}: {said:#?}");
    outcome.assert_ended_by_server();
    outcome.assert_never_left_in_silence(most_ms);
    assert_eq!(left(&calls, &outcome).await, expected(), "{fault:?}: {said:#?}");
    assert_eq!(fake.refused(), [], "{fault:?}");
    assert_eq!(fake.planned(), 0, "{fault:?} never happened");
    (fault, outcome.silences().awaited_ms)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f11_whatever_goes_wrong_once_the_call_ends_in_its_lead() {
    let faults = [
        Fault::DropWhileHearing(6_000),
        Fault::DropBeforeAnswer,
        Fault::DropAfterWords(3),
        Fault::DropAfterAnswer,
        Fault::NeverAnswer,
        Fault::StopAfterWords(3),
        Fault::FailAnswer,
        Fault::AnswerNothing,
        Fault::Repeat,
        Fault::UnknownEvents,
        Fault::Expire,
        Fault::LateWords(1_200),
        Fault::Refuse(503),
    ];
    let calls = faults.map(|fault| survives(fault, 4_000).boxed_local());
    let silences: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    for (fault, silence) in silences {
        println!("F11 {fault:?}: longest silence {silence} ms");
    }
}

/// The service dies in the middle: the script goes on with what is known, and says that something happened.
#[tokio::test]
async fn when_the_service_is_gone_the_script_goes_on() {
    let fake = service(|_| {}).await;
    let calls = server(&fake).await;
    let dies = async {
        crate::harness::eventually("the name is asked for", async || {
            count(
                &fake,
                |note| matches!(note, Note::Heard(words) if words.contains("recibo")),
            ) > 0
        })
        .await;
        fake.die(503);
    };
    let script = patient();
    let (outcome, ()) = tokio::join!(ring(&calls, &script, |_| {}), dies);
    let said = said(&calls, &outcome).await;
    println!(
        "taken over by the script: longest silence {} ms",
        outcome.silences().awaited_ms
    );
    outcome.assert_ended_by_server();
    outcome.assert_never_left_in_silence(4_000);
    let left = left(&calls, &outcome).await;
    assert_eq!(left.name.as_deref(), Some("Carlos Herrera"), "{said:#?}");
    assert_eq!(left.purpose, expected().purpose, "{said:#?}");
    assert_eq!(left.said, expected().said, "{said:#?}");
    let excused = said.iter().filter(|line| line.contains("un pequeño problema")).count();
    assert_eq!(excused, 1, "{said:#?}");
}

/// With a model in the chain, the model goes on: it knows what was said before it was asked.
#[tokio::test]
async fn when_the_service_is_gone_the_next_of_the_chain_goes_on() {
    let fake = service(|_| {}).await;
    let chat = ChatCompletions::start(KEY).await.expect("a port");
    teach(&chat.mind);
    let more = format!(
        "[accounts.chat]\nurl = \"{}\"\nkey = \"{KEY}\"\n[providers.chat]\nkind = \"openai-chat\"\naccount = \"chat\"\nmodel = \"m\"\n",
        chat.url()
    );
    let calls = CallServer::start_with(&[("talia.toml", &file(&fake, "chat, script", &more))]).await;
    let dies = async {
        crate::harness::eventually("the first answer was asked for", async || {
            count(
                &fake,
                |note| matches!(note, Note::Heard(words) if words.contains("Carlos")),
            ) > 0
        })
        .await;
        fake.die(503);
    };
    let script = patient();
    let (outcome, ()) = tokio::join!(ring(&calls, &script, |_| {}), dies);
    let said = said(&calls, &outcome).await;
    println!(
        "taken over by a model: longest silence {} ms",
        outcome.silences().awaited_ms
    );
    outcome.assert_script_done();
    outcome.assert_never_left_in_silence(4_000);
    assert_eq!(left(&calls, &outcome).await, expected(), "{said:#?}");
    let journal = chat.mind.journal();
    assert!(journal.refusals.is_empty(), "{:?}", journal.refusals);
    let first = journal.requests.first().expect("a request").to_string();
    for known in [
        "\"content\":\"Quiero bajar mi recibo de luz.",
        "con paneles baja más de la mitad",
    ] {
        assert_eq!(first.matches(known).count(), 1, "{known}: {first}");
    }
}

/// A service that refuses us is left alone from then on: the next call doesn't wait for it.
#[tokio::test]
async fn a_service_that_refuses_us_is_left_alone() {
    let fake = service(|_| {}).await;
    fake.die(401);
    let calls = server(&fake).await;
    for call in ["first", "second"] {
        let outcome = ring(&calls, &patient(), |_| {}).await;
        let said = said(&calls, &outcome).await;
        outcome.assert_script_done();
        outcome.assert_never_left_in_silence(3_000);
        assert_eq!(left(&calls, &outcome).await, expected(), "{call}: {said:#?}");
    }
    let tries = count(&fake, |note| matches!(note, Note::Connected { refused: Some(401) }));
    assert_eq!((tries, sessions(&fake)), (1, 0));
}
