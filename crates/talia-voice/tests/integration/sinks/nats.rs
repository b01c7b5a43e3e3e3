//! Events in a JetStream: whole calls in order, under their ids, and as fast as a backlog wants.

use super::rig::{all_once_and_in_order, events_of, fits_the_schema, in_the_end, outbox, write_call};
use crate::conversation::HAPPY;
use crate::harness::{CallServer, Keeper, NatsServer, TestServer, call_sid, eventually};
use async_nats::jetstream::stream;
use futures::future::join_all;
use std::time::Duration;
use talia_voice::clock::Clock;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_call_arrives_in_order_and_as_documented() {
    let nats = NatsServer::start();
    let calls = CallServer::start_with(&[("TALIA_NATS_URL", &nats.url())]).await;
    calls.ring(HAPPY).await;
    calls.nothing_lives().await;
    let jetstream = nats.jetstream(None).await;
    let newest = async || calls.server.app.store.newest_event().await.expect("a read") as u64;
    eventually("everything is in the stream", async || {
        let wanted = newest().await;
        wanted > 5 && nats.count(&jetstream).await == wanted && {
            let events = outbox(&calls.server).await;
            events.iter().any(|row| row.kind.as_str() == "call_completed")
        }
    })
    .await;
    let published = nats.published(&jetstream).await;
    let kept = outbox(&calls.server).await;
    // One call: its order is the outbox's.
    for (message, row) in published.iter().zip(&kept) {
        let event = message.event();
        assert_eq!(
            event,
            serde_json::from_str::<serde_json::Value>(&row.event).expect("JSON")
        );
        assert_eq!(message.id, row.id);
        assert_eq!(message.subject, format!("talia.voice.{}", row.kind.as_str()));
        assert_eq!(message.content_type, "application/cloudevents+json; charset=UTF-8");
        fits_the_schema(&event);
    }
    assert_eq!(published.len(), kept.len());
    let kinds: Vec<&str> = kept.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds.first(), Some(&"call_started"));
    assert_eq!(kinds.last(), Some(&"call_completed"));
    assert!(kinds.contains(&"lead_created") && kinds.contains(&"transcript_segment"));
    eventually("nothing is behind", async || {
        let text = calls.server.get("/metrics", &[]).await.body;
        text.contains(&format!("events_delivered_total{{sink=\"nats\"}} {}", kept.len()))
            && text.contains("outbox_lag_events{sink=\"nats\"} 0")
            && text.contains("outbox_lag_seconds{sink=\"nats\"} 0")
    })
    .await;
}

/// A server whose outbox holds so many calls of eight events each, which NATS has not been told of.
async fn server_behind(keeper: Keeper, nats: &NatsServer, calls: u32) -> TestServer {
    let url = keeper.new_database(&TempDir::new().expect("a folder"));
    let nats_url = nats.url();
    let mut settings = vec![("TALIA_NATS_URL", nats_url.as_str())];
    if keeper == Keeper::Postgres {
        settings.push(("TALIA_DATABASE_URL", &url));
    }
    nats.freeze();
    let server = TestServer::start_with(&settings, Clock::real()).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    for first in (0..calls).step_by(200) {
        let writing = (first..calls.min(first + 200)).map(async |number| {
            write_call(store, clock, &call_sid(number), 5).await;
        });
        join_all(writing).await;
    }
    server
}

/// How fast a backlog is worked off. `TALIA_TEST_EVENTS` makes it larger.
async fn a_backlog_is_worked_off(keeper: Keeper) {
    let wanted = std::env::var("TALIA_TEST_EVENTS").map_or(2_000, |text| text.parse().expect("a number"));
    let calls = wanted / events_of(5) as u32;
    let nats = NatsServer::start();
    let server = server_behind(keeper, &nats, calls).await;
    let wanted = u64::from(calls) * events_of(5) as u64;
    assert_eq!(outbox(&server).await.len() as u64, wanted);
    nats.thaw();
    in_the_end("the first one", async || {
        server.app.metrics.event_delivered_count("nats") > 0
    })
    .await;
    let began = server.app.clock.now();
    in_the_end("everything is delivered", async || {
        server.app.metrics.event_delivered_count("nats") >= wanted
    })
    .await;
    let took = server.app.clock.now().duration_since(began).as_secs_f64();
    println!(
        "{keeper:?}: {wanted} events in {took:.2} s, {:.0} a second",
        wanted as f64 / took
    );
    let published = nats.published(&nats.jetstream(None).await).await;
    all_once_and_in_order(&outbox(&server).await, &published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_worked_off_from_sqlite() {
    a_backlog_is_worked_off(Keeper::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_worked_off_from_postgres() {
    a_backlog_is_worked_off(Keeper::Postgres).await;
}

#[tokio::test]
async fn a_new_sink_is_told_from_now_on_and_of_the_past_when_it_is_asked_for() {
    let nats = NatsServer::start();
    let folder = TempDir::new().expect("a folder");
    let url = Keeper::of_this_run().new_database(&folder);
    let without = TestServer::start_with(&[("TALIA_DATABASE_URL", &url)], Clock::real()).await;
    write_call(&without.app.store, &without.app.clock, &call_sid(1), 2).await;
    without.stopped().await;
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("TALIA_NATS_URL", &nats.url())];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    let store = &server.app.store;
    write_call(store, &server.app.clock, &call_sid(2), 2).await;
    let jetstream = nats.jetstream(None).await;
    eventually("the second call", async || nats.count(&jetstream).await == 5).await;
    let published = nats.published(&jetstream).await;
    assert!(
        published
            .iter()
            .all(|message| message.event()["subject"] == call_sid(2))
    );
    // What the stream has already is known again; the order of each call is kept.
    assert!(store.replay_events("nats", 0).await.expect("a write"));
    eventually("the first call", async || nats.count(&jetstream).await == 10).await;
    let both = nats.published(&jetstream).await;
    assert!(
        both[5..]
            .iter()
            .all(|message| message.event()["subject"] == call_sid(1))
    );
    all_once_and_in_order(&outbox(&server).await, &both);
    assert!(!store.replay_events("nobody", 0).await.expect("a write"));
}

#[tokio::test]
async fn a_stream_that_is_there_is_used_as_it_is_and_never_changed() {
    let nats = NatsServer::start();
    let jetstream = nats.jetstream(None).await;
    let theirs = stream::Config {
        name: "TALIA".to_owned(),
        subjects: vec!["talia.>".to_owned()],
        max_messages: 1_000,
        storage: stream::StorageType::Memory,
        ..Default::default()
    };
    jetstream.create_stream(theirs).await.expect("a stream");
    let before = jetstream
        .get_stream("TALIA")
        .await
        .expect("it")
        .cached_info()
        .config
        .clone();
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    write_call(&server.app.store, &server.app.clock, &call_sid(1), 2).await;
    eventually("all events", async || nats.count(&jetstream).await == 5).await;
    let after = jetstream
        .get_stream("TALIA")
        .await
        .expect("it")
        .cached_info()
        .config
        .clone();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_stream_is_made_as_the_configuration_says() {
    let nats = NatsServer::start();
    let settings = [
        ("TALIA_NATS_URL", nats.url()),
        ("TALIA_EVENTS__NATS__MAX_AGE_DAYS", "7".to_owned()),
        ("TALIA_EVENTS__NATS__DUPLICATES_H", "1".to_owned()),
        ("TALIA_EVENTS__NATS__SUBJECTS", "empresa.voz".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _server = TestServer::start_with(&settings, Clock::real()).await;
    let jetstream = nats.jetstream(None).await;
    eventually("the stream", async || jetstream.get_stream("TALIA").await.is_ok()).await;
    let made = jetstream
        .get_stream("TALIA")
        .await
        .expect("it")
        .cached_info()
        .config
        .clone();
    assert_eq!(made.subjects, ["empresa.voz.>"]);
    assert_eq!(made.max_age, Duration::from_hours(7 * 24));
    assert_eq!(made.duplicate_window, Duration::from_hours(1));
    assert_eq!(made.storage, stream::StorageType::File);
}
