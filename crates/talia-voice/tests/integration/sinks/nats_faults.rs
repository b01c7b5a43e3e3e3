//! NATS dies, hangs or refuses us: nothing is lost or doubled, and no call notices.

use super::rig::{all_once_and_in_order, in_the_end, outbox, write_call};
use crate::harness::{Cluster, Mortal, NATS_PASSWORD, NatsServer, TestServer, call_sid, config, eventually};
use async_nats::jetstream::stream;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::SinkFault;
use tempfile::TempDir;

/// Calls that are written down one after the other.
async fn write_calls(server: &TestServer, numbers: std::ops::Range<u32>) {
    let began = server.app.clock.now();
    for number in numbers {
        write_call(&server.app.store, &server.app.clock, &call_sid(number), 3).await;
    }
    let took = server.app.clock.now().duration_since(began);
    assert!(took < Duration::from_secs(5), "calls waited: {took:?}");
}

async fn everything_arrives(server: &TestServer, nats: &NatsServer, password: Option<&str>) {
    let jetstream = nats.jetstream(password).await;
    let wanted = server.app.store.newest_event().await.expect("a read") as u64;
    in_the_end("everything is in the stream", async || {
        nats.count(&jetstream).await >= wanted
    })
    .await;
    eventually("nothing is behind", async || {
        let lag = server.app.store.sink_lag("nats").await.expect("a read");
        lag.expect("a sink").events == 0
    })
    .await;
    all_once_and_in_order(&outbox(server).await, &nats.published(&jetstream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_again_and_again_gets_everything_once() {
    let nats = NatsServer::start();
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    for round in 0..3 {
        let writing = write_calls(&server, 20 * round..20 * round + 20);
        let dying = async {
            let before = server.app.metrics.event_delivered_count("nats");
            eventually("it is in the middle", async || {
                server.app.metrics.event_delivered_count("nats") >= before + 20
            })
            .await;
            nats.kill();
        };
        tokio::join!(writing, dying);
        let lag = server
            .app
            .store
            .sink_lag("nats")
            .await
            .expect("a read")
            .expect("a sink");
        assert!(lag.events > 0 && lag.oldest.is_some(), "{lag:?}");
        nats.start_again("");
    }
    everything_arrives(&server, &nats, None).await;
    assert_eq!(server.app.metrics.event_dead_count("nats"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_neither_calls_nor_the_stop() {
    let nats = NatsServer::start();
    let folder = TempDir::new().expect("a folder");
    let url = crate::harness::Keeper::of_this_run().new_database(&folder);
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("TALIA_NATS_URL", &nats.url())];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    write_calls(&server, 0..5).await;
    eventually("the first ones", async || {
        server.app.metrics.event_delivered_count("nats") == 30
    })
    .await;
    nats.freeze();
    write_calls(&server, 5..25).await;
    in_the_end("it counts", async || {
        server.app.metrics.event_sink_fault_count("nats", SinkFault::TimedOut) > 0
    })
    .await;
    eventually("the lag is a metric", async || {
        let text = server.get("/metrics", &[]).await.body;
        text.contains("outbox_lag_events{sink=\"nats\"} 120")
            && text.contains("event_sink_faults_total{sink=\"nats\",reason=\"TimedOut\"}")
    })
    .await;
    let clock = Clock::real();
    server.stopped().await;
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
    nats.thaw();
    let again = TestServer::start_with(&settings, Clock::real()).await;
    everything_arrives(&again, &nats, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_on_after_a_hang_keeps_each_event_once() {
    let nats = NatsServer::start();
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    let writing = write_calls(&server, 0..30);
    let hanging = async {
        eventually("it is in the middle", async || {
            server.app.metrics.event_delivered_count("nats") >= 20
        })
        .await;
        nats.freeze();
    };
    tokio::join!(writing, hanging);
    in_the_end("we gave up waiting, and came again", async || {
        server.app.metrics.event_sink_fault_count("nats", SinkFault::TimedOut) >= 2
    })
    .await;
    nats.thaw();
    everything_arrives(&server, &nats, None).await;
}

/// The user of our configurations, with these permissions.
fn users(password: &str, permissions: &str) -> String {
    format!("authorization {{ users: [ {{ user: talia, password: \"{password}\", {permissions} }} ] }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_counted_and_the_right_one_finds_everything() {
    let nats = NatsServer::start_with(&users("another", ""));
    let url = nats.url_with(NATS_PASSWORD);
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &url)], Clock::real()).await;
    write_calls(&server, 0..3).await;
    eventually("it is counted", async || {
        server
            .app
            .metrics
            .event_sink_fault_count("nats", SinkFault::Unauthorised)
            > 0
    })
    .await;
    nats.kill();
    nats.start_again(&users(NATS_PASSWORD, ""));
    everything_arrives(&server, &nats, Some(NATS_PASSWORD)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_isnt_permitted_is_counted_and_delivered_once_it_is() {
    let deny = "permissions: { publish: { deny: \"talia.>\" } }";
    let nats = NatsServer::start_with(&users(NATS_PASSWORD, deny));
    let url = nats.url_with(NATS_PASSWORD);
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &url)], Clock::real()).await;
    write_calls(&server, 0..3).await;
    in_the_end("it is counted", async || {
        server.app.metrics.event_sink_fault_count("nats", SinkFault::Forbidden) > 0
    })
    .await;
    nats.kill();
    nats.start_again(&users(NATS_PASSWORD, ""));
    everything_arrives(&server, &nats, Some(NATS_PASSWORD)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_other_subjects_is_left_alone_and_counted() {
    let nats = NatsServer::start();
    let jetstream = nats.jetstream(None).await;
    let theirs = stream::Config {
        name: "TALIA".to_owned(),
        subjects: vec!["pedidos.>".to_owned()],
        ..Default::default()
    };
    jetstream.create_stream(theirs).await.expect("a stream");
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    write_calls(&server, 0..2).await;
    eventually("it is counted", async || {
        server.app.metrics.event_sink_fault_count("nats", SinkFault::Stream) > 0
    })
    .await;
    let stream = jetstream.get_stream("TALIA").await.expect("it");
    assert_eq!(stream.cached_info().config.subjects, ["pedidos.>"]);
    assert_eq!(stream.cached_info().state.messages, 0);
    jetstream.delete_stream("TALIA").await.expect("gone");
    everything_arrives(&server, &nats, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_stream_waits_and_an_event_too_large_is_given_up_alone() {
    let nats = NatsServer::start_with("max_payload: 4096");
    let jetstream = nats.jetstream(None).await;
    let small = stream::Config {
        name: "TALIA".to_owned(),
        subjects: vec!["talia.voice.>".to_owned()],
        max_messages: 4,
        discard: stream::DiscardPolicy::New,
        ..Default::default()
    };
    jetstream.create_stream(small.clone()).await.expect("a stream");
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    let sid = call_sid(1);
    store
        .call_started(crate::store::new_call(&sid, clock))
        .await
        .expect("a write");
    let long = crate::store::segment(&sid, "palabra ".repeat(1_000), clock);
    store.append_segment(long).await.expect("a write");
    for line in 0..5 {
        let line = crate::store::segment(&sid, format!("línea {line}"), clock);
        store.append_segment(line).await.expect("a write");
    }
    eventually("it is full", async || {
        server.app.metrics.event_sink_fault_count("nats", SinkFault::Full) > 0
    })
    .await;
    assert_eq!(server.app.metrics.event_dead_count("nats"), 1);
    jetstream
        .update_stream(stream::Config {
            max_messages: -1,
            ..small
        })
        .await
        .expect("more room");
    in_the_end("the rest", async || nats.count(&jetstream).await == 6).await;
    eventually("it is written down", async || {
        !store.dead_events("nats", 10).await.expect("a read").is_empty()
    })
    .await;
    let dead = store.dead_events("nats", 10).await.expect("a read");
    assert_eq!((dead[0].seq, dead[0].reason.as_str()), (2, "too-large"));
    let kept: Vec<_> = outbox(&server).await.into_iter().filter(|row| row.seq != 2).collect();
    all_once_and_in_order(&kept, &nats.published(&jetstream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_relays_and_the_other_takes_over_when_it_dies() {
    let nats = NatsServer::start();
    let url = Cluster::shared().new_database();
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("TALIA_NATS_URL", &nats.url())];
    let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    door.set_nonblocking(true).expect("a listener that doesn't block");
    let directory = TempDir::new().expect("a folder");
    let first_config = config(&directory, &settings);
    let (first, mortal) = Mortal::start(door, (directory, first_config), |_| {}).await;
    write_calls(&first, 0..2).await;
    eventually("the first node relays", async || {
        first.app.metrics.event_delivered_count("nats") == 12
    })
    .await;
    let second = TestServer::start_with(&settings, Clock::real()).await;
    let (clock, store) = (second.app.clock.clone(), second.app.store.clone());
    let dying = async {
        eventually("both have written, one relays", async || {
            first.app.metrics.event_delivered_count("nats") >= 40
        })
        .await;
        assert_eq!(second.app.metrics.event_delivered_count("nats"), 0);
        mortal.kill();
    };
    let writing = async {
        for number in 10..40 {
            write_call(&store, &clock, &call_sid(number), 3).await;
        }
    };
    tokio::join!(writing, dying);
    everything_arrives(&second, &nats, None).await;
    assert!(second.app.metrics.event_delivered_count("nats") > 0);
}
