//! F11 of the fault catalogue, and all others that a speech-to-speech service can have: how long the caller is left in
//! silence, and that the call ends in its lead all the same.

use super::stage::{KEY, count, file, ring, ring_until_it_dies, said, server, service, sessions};
use crate::harness::CallServer;
use crate::mixes::{expected, left, patient, teach};
use crate::tools::own::{NAMED, declared};
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::json;
use talia_simulator::providers::company_tools::{CompanyTools, Manner};
use talia_simulator::providers::models::ChatCompletions;
use talia_simulator::providers::openai_realtime::{Fault, Note, Reply};

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
    let heard = |note: &Note| matches!(note, Note::Heard(words) if words.contains("recibo"));
    let outcome = ring_until_it_dies(&calls, &fake, heard).await;
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
    let heard = |note: &Note| matches!(note, Note::Heard(words) if words.contains("Carlos"));
    let outcome = ring_until_it_dies(&calls, &fake, heard).await;
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

/// A tool of the company's takes its time, and then the answer about it never comes: the caller is told why they wait.
#[tokio::test]
async fn a_long_tool_and_a_lost_answer_leave_nobody_in_silence() {
    let company = CompanyTools::start().await.expect("a server");
    company.behave(Manner::Hang);
    let fake = service(|script| {
        let asks = Reply::say("recibo", "¿Con quién hablo?").calling("existencias", json!({"model": "a"}));
        script.replies.insert(0, asks);
        script.otherwise = "¿Con quién hablo?".to_owned();
    })
    .await;
    fake.plan(Fault::NeverAnswer);
    let assistants = tempfile::TempDir::new().expect("a folder");
    let brief = include_str!("../fixtures/breve.toml")
        .replacen("id = ", &format!("{NAMED}\nid = "), 1)
        .replacen("[lines]", "[lines]\nchecking = \"Permíteme, lo estoy revisando.\"", 1);
    std::fs::write(assistants.path().join("breve.toml"), brief).expect("a file");
    let folder = assistants.path().display().to_string();
    let settings = [
        ("talia.toml", file(&fake, "script", &declared(&company))),
        ("TALIA_ASSISTANTS", folder),
        ("ERP_KEY", "key-of-the-erp".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let calls = CallServer::start_with(&settings).await;
    // Somebody who waits for more than "Un segundo."
    let waits = patient().replace("silence_ms = 900", "silence_ms = 4500");
    let outcome = ring(&calls, &waits, |_| {}).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_ended_by_server();
    outcome.assert_never_left_in_silence(4_500);
    assert!(said.iter().any(|line| line.contains("lo estoy revisando")), "{said:#?}");
    assert_eq!(left(&calls, &outcome).await.name, expected().name, "{said:#?}");
    assert_eq!((fake.planned(), company.requests().is_empty()), (0, false));
    assert_eq!(fake.refused(), []);
}
