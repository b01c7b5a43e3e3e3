//! Events at a company's own backend: signed, in each call's order, again where it fails.

use super::rig::{all_once_and_in_order, events_of, fits_the_schema, in_the_end, outbox, write_call};
use crate::conversation::HAPPY;
use crate::harness::{Backend, CallServer, Keeper, TOKEN, TestServer, call_sid, eventually, execute, program};
use std::collections::BTreeMap;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::store::OutboxRow;
use talia_voice::telemetry::labels::SinkFault;
use tempfile::TempDir;

/// Tries that follow each other quickly.
const QUICK: &str = "retry_s = 0.05\nlongest_retry_s = 0.2\ntimeout_s = 1";

async fn server(backend: &Backend, more: &str) -> TestServer {
    TestServer::start_with(&[("talia.toml", &backend.settings(more))], Clock::real()).await
}

async fn write(server: &TestServer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        write_call(&server.app.store, &server.app.clock, &call_sid(number), 3).await;
    }
}

async fn everything_arrives(server: &TestServer, backend: &Backend) {
    let wanted = outbox(server).await;
    in_the_end("everything has arrived", async || backend.taken().len() >= wanted.len()).await;
    all_once_and_in_order(&wanted, &backend.taken());
    eventually("nothing is behind", async || lag(server).await == (0, 0)).await;
}

/// Events that it has not got, and those that were given up.
async fn lag(server: &TestServer) -> (i64, i64) {
    let lag = server.app.store.sink_lag("crm").await.expect("a read").expect("a sink");
    (lag.events, lag.dead)
}

fn sid_of(event: &serde_json::Value) -> String {
    event["subject"].as_str().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_call_arrives_signed_and_in_order() {
    let backend = Backend::start().await;
    let calls = CallServer::start_with(&[("talia.toml", &backend.settings(""))]).await;
    calls.ring(HAPPY).await;
    calls.nothing_lives().await;
    eventually("its end has arrived", async || {
        let taken = backend.taken();
        taken
            .last()
            .is_some_and(|last| last.event()["type"] == "call_completed")
    })
    .await;
    let (kept, taken) = (outbox(&calls.server).await, backend.taken());
    assert_eq!(kept.len(), taken.len());
    for (row, message) in kept.iter().zip(&taken) {
        assert_eq!(row.id, message.id);
        assert_eq!(message.content_type, "application/cloudevents+json; charset=UTF-8");
        fits_the_schema(&message.event());
    }
    let text = calls.server.get("/metrics", &[]).await.body;
    assert!(text.contains("events_delivered_total{sink=\"crm\"}"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_kinds_that_it_wants_are_sent() {
    let backend = Backend::start().await;
    let server = server(&backend, "types = [\"lead_created\", \"call_completed\"]").await;
    write(&server, 0..5).await;
    eventually("nothing is behind", async || lag(&server).await == (0, 0)).await;
    let is_wanted = |row: &OutboxRow| ["lead_created", "call_completed"].contains(&row.kind.as_str());
    let wanted: Vec<_> = outbox(&server).await.into_iter().filter(is_wanted).collect();
    all_once_and_in_order(&wanted, &backend.taken());
    assert_eq!(wanted.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_fails_holds_back_its_own_call_only() {
    let backend = Backend::start().await;
    // The third event of the second call.
    let mut of_call = BTreeMap::new();
    let poisoned = call_sid(1);
    let mut heals = 0;
    backend.answers(move |event| {
        let count = of_call.entry(sid_of(event)).or_insert(0);
        if sid_of(event) == poisoned && *count == 2 && heals < 8 {
            heals += 1;
            return Some((500, None));
        }
        *count += 1;
        Some((200, None))
    });
    let server = server(&backend, "retry_s = 0.3\nlongest_retry_s = 0.3").await;
    write(&server, 0..10).await;
    let of_poisoned = || {
        let taken = backend.taken();
        taken
            .iter()
            .filter(|message| sid_of(&message.event()) == call_sid(1))
            .count()
    };
    eventually("the others have everything", async || {
        backend.taken().len() >= 9 * events_of(3) + 2
    })
    .await;
    assert_eq!(of_poisoned(), 2);
    assert!(lag(&server).await.0 > 0);
    everything_arrives(&server, &backend).await;
    assert_eq!(backend.refused().len(), 8);
    assert_eq!(server.app.metrics.event_sink_fault_count("crm", SinkFault::Failed), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_fails_for_a_while_misses_nothing() {
    let mut backend = Backend::start().await;
    let server = server(&backend, QUICK).await;
    // Every other try fails, each in another way.
    let mut count = 0;
    backend.answers(move |_| {
        count += 1;
        match count % 8 {
            0 => Some((500, None)),
            1 => Some((429, Some(0))),
            2 => Some((302, None)),
            3 => Some((404, None)),
            _ => Some((200, None)),
        }
    });
    write(&server, 0..10).await;
    everything_arrives(&server, &backend).await;
    // It is gone.
    backend.close().await;
    write(&server, 10..20).await;
    eventually("nobody is there", async || {
        server.app.metrics.event_sink_fault_count("crm", SinkFault::Unreachable) > 1
    })
    .await;
    backend.answers(|_| Some((200, None)));
    backend.open().await;
    everything_arrives(&server, &backend).await;
    assert_eq!(server.app.metrics.event_dead_count("crm"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_is_tried_again_and_the_stop_doesnt_wait() {
    let backend = Backend::start().await;
    let folder = TempDir::new().expect("a folder");
    let url = Keeper::of_this_run().new_database(&folder);
    let file = backend.settings(QUICK);
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("talia.toml", file.as_str())];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    backend.answers(|_| None);
    write(&server, 0..4).await;
    eventually("it is counted", async || {
        server.app.metrics.event_sink_fault_count("crm", SinkFault::TimedOut) >= 4
    })
    .await;
    let clock = Clock::real();
    server.stopped().await;
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
    backend.answers(|_| Some((200, None)));
    let again = TestServer::start_with(&settings, Clock::real()).await;
    everything_arrives(&again, &backend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_is_listed_and_sent_again_when_an_operator_says_so() {
    let backend = Backend::start().await;
    let folder = TempDir::new().expect("a folder");
    let url = Keeper::of_this_run().new_database(&folder);
    let file = backend.settings(&format!("{QUICK}\ntries = 3"));
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("talia.toml", file.as_str())];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    backend.answers(|event| match event["type"].as_str() {
        Some("lead_created") => Some((410, None)),
        Some("call_started") => Some((500, None)),
        _ => Some((200, None)),
    });
    write(&server, 0..2).await;
    eventually("the rest has arrived", async || lag(&server).await == (0, 4)).await;
    assert_eq!(backend.taken().len(), 2 * events_of(3) - 4);
    assert_eq!(server.app.metrics.event_dead_count("crm"), 4);
    // 410 once, 500 three times.
    assert_eq!(backend.refused().len(), 2 + 6);

    std::fs::write(folder.path().join("talia.toml"), &file).expect("a file");
    let run = async |arguments: &[&str]| {
        let environment = [("TALIA_TWILIO_AUTH_TOKEN", TOKEN), ("TALIA_DATABASE_URL", &url)];
        let said = program(folder.path(), arguments, &environment, "").await;
        (said.code, said.out + &said.err)
    };
    let (code, said) = run(&["events", "dead", "crm"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("\t1\tgone\t").count(), 2, "{said}");
    assert_eq!(said.matches("\t3\tfailed\t").count(), 2, "{said}");
    assert!(!said.contains("Ana"), "{said}");
    let (code, said) = run(&["events", "status"]).await;
    assert!(code == 0 && said.contains("crm\t12\t0\t0\t4\t"), "{said}");
    let (code, said) = run(&["events", "dead", "nobody"]).await;
    assert!(code == 1 && said.contains("crm"), "{said}");

    backend.answers(|_| Some((200, None)));
    let (code, said) = run(&["events", "replay", "crm", "--dead"]).await;
    assert!(code == 0 && said.starts_with("4 "), "{said}");
    in_the_end("what was given up has arrived", async || {
        backend.taken().len() == 2 * events_of(3) && lag(&server).await == (0, 0)
    })
    .await;
    // Everything once more, from the third event on.
    let (code, said) = run(&["events", "replay", "crm", "--after", "2"]).await;
    assert!(code == 0 && said.starts_with("10 "), "{said}");
    in_the_end("it came again", async || backend.taken().len() == 2 * events_of(3) + 10).await;
    let wanted: Vec<_> = outbox(&server).await.into_iter().filter(|row| row.seq > 2).collect();
    all_once_and_in_order(&wanted, &backend.taken()[2 * events_of(3)..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_later_version_is_passed_on_as_it_is() {
    let backend = Backend::start().await;
    let server = server(&backend, QUICK).await;
    write(&server, 0..1).await;
    everything_arrives(&server, &backend).await;
    // As if a node that knows more kinds had written it.
    let url = &server.app.config.database.url;
    let newer = "UPDATE outbox SET type = 'call_praised' WHERE type = 'lead_created'";
    assert_eq!(execute(url, newer).await, 1);
    assert!(server.app.store.replay_events("crm", 0).await.expect("a write"));
    let all = outbox(&server).await;
    in_the_end("everything came again", async || backend.taken().len() == 2 * all.len()).await;
    all_once_and_in_order(&all, &backend.taken()[all.len()..]);
    let names: Vec<_> = all.iter().map(|row| row.kind.as_str()).collect();
    assert!(names.contains(&"call_praised"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_isnt_ours_is_counted_and_nothing_is_given_up_early() {
    let backend = Backend::start_knowing("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").await;
    let server = server(&backend, QUICK).await;
    write(&server, 0..1).await;
    eventually("it is counted", async || {
        server
            .app
            .metrics
            .event_sink_fault_count("crm", SinkFault::Unauthorised)
            >= 3
    })
    .await;
    assert!(backend.taken().is_empty());
    assert_eq!(lag(&server).await.1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_is_rotated_both_sign() {
    let backend = Backend::start_knowing("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").await;
    let server = server(&backend, "secret_next = \"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\"").await;
    write(&server, 0..1).await;
    everything_arrives(&server, &backend).await;
}
