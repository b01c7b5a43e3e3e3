//! One token, one stream; one stream a call.

use crate::harness::{
    CONNECTED, PATIENCE, Stream, TestServer, call_sid, eventually, inbound_form, noon, start, stream_path, with_format,
};
use std::sync::Arc;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::store::{Burnt, NewCall, StreamClaim};
use talia_voice::telemetry::labels::Refusal;
use tokio::sync::Barrier;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_racing_uses_of_a_token_one_wins() {
    let server = TestServer::start().await;
    let (sid, hash) = (call_sid(0x30), [7; 32]);
    let store = server.app.store.clone();
    server.ring(&sid).await;
    let claim = StreamClaim {
        call_sid: sid.clone(),
        account_sid: crate::harness::ACCOUNT.to_owned(),
    };
    store
        .issue_token(hash, claim.clone(), Duration::from_mins(1))
        .await
        .expect("a write");
    let gate = Arc::new(Barrier::new(1_000));
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let (store, gate) = (store.clone(), gate.clone());
            tokio::spawn(async move {
                gate.wait().await;
                store.burn_token(hash).await.expect("a write")
            })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Burnt::Good(won) => {
                assert_eq!(won, claim);
                good += 1;
            }
            Burnt::Used => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(good, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sockets_with_one_token_one_is_opened() {
    let server = TestServer::start().await;
    let path = server.ring_for_stream(&call_sid(0x31)).await;
    let opening: Vec<_> = (0..50)
        .map(|_| {
            let (address, path) = (server.address, path.clone());
            tokio::spawn(async move { Stream::open(address, &path).await.map(drop) })
        })
        .collect();
    let mut opened = 0;
    for task in opening {
        match task.await.expect("no panic") {
            Ok(()) => opened += 1,
            Err(status) => assert_eq!(status, 403),
        }
    }
    assert_eq!(opened, 1);
    assert_eq!(server.app.metrics.refused_count(Refusal::TokenUsed), 49);
}

#[tokio::test]
async fn foreign_and_missing_tokens_are_refused() {
    let server = TestServer::start().await;
    let invented = format!("/api/voice/stream/{}", "A".repeat(43));
    for path in [invented.as_str(), "/api/voice/stream/short", "/api/voice/stream"] {
        assert_eq!(Stream::open(server.address, path).await.err(), Some(403), "{path}");
    }
    assert_eq!(server.app.metrics.refused_count(Refusal::TokenUnknown), 3);
}

#[tokio::test]
async fn a_token_expires() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[], clock.clone()).await;
    let sid = call_sid(0x32);
    let path = server.ring_for_stream(&sid).await;
    clock.advance(Duration::from_secs(61));
    assert_eq!(Stream::open(server.address, &path).await.err(), Some(403));
    assert_eq!(server.app.metrics.refused_count(Refusal::TokenExpired), 1);
    // The call itself goes on: Twilio asks what to do next, and gets a new stream.
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert!(Stream::open(server.address, &stream_path(&answer.body)).await.is_ok());
}

#[tokio::test]
async fn the_token_of_a_call_that_is_over_is_worth_nothing() {
    let server = TestServer::start().await;
    let sid = call_sid(0x33);
    let path = server.ring_for_stream(&sid).await;
    server
        .post("/api/voice/status", &crate::harness::status_form(&sid, "completed"))
        .await;
    assert_eq!(Stream::open(server.address, &path).await.err(), Some(403));
    assert_eq!(server.app.metrics.refused_count(Refusal::TokenExpired), 1);
}

#[tokio::test]
async fn a_newer_token_makes_the_older_one_void() {
    let server = TestServer::start().await;
    let store = &server.app.store;
    let sid = call_sid(0x34);
    let at = server.app.clock.wall();
    let call = NewCall {
        call_sid: sid.clone(),
        account_sid: crate::harness::ACCOUNT.to_owned(),
        from: "anonymous".to_owned(),
        to: "+525587654321".to_owned(),
        direction: "inbound".to_owned(),
        assistant: None,
        status: talia_twilio::CallStatus::Ringing,
        at,
    };
    store.call_started(call).await.expect("a write");
    let claim = StreamClaim {
        call_sid: sid,
        account_sid: crate::harness::ACCOUNT.to_owned(),
    };
    for hash in [[1; 32], [2; 32]] {
        store
            .issue_token(hash, claim.clone(), Duration::from_mins(1))
            .await
            .expect("a write");
    }
    assert_eq!(store.burn_token([1; 32]).await.expect("a write"), Burnt::Unknown);
    assert_eq!(store.burn_token([2; 32]).await.expect("a write"), Burnt::Good(claim));
}

#[tokio::test]
async fn a_stream_must_be_the_one_that_its_token_is_good_for() {
    let server = TestServer::start().await;
    let (sid, other) = (call_sid(0x35), call_sid(0x36));
    let foreign_account = start(&sid).replace(crate::harness::ACCOUNT, "AC00000000000000000000000000000002");
    let cases = [
        (start(&other), Refusal::StartForeign),
        (foreign_account, Refusal::StartForeign),
        (with_format(&sid, "audio/x-l16", 8000, 1), Refusal::MediaFormat),
        (with_format(&sid, "audio/x-mulaw", 16000, 1), Refusal::MediaFormat),
        (with_format(&sid, "audio/x-mulaw", 8000, 2), Refusal::MediaFormat),
        ("{}".to_owned(), Refusal::StartBad),
        (crate::harness::media(1), Refusal::StartBad),
    ];
    let mut path = server.ring_for_stream(&sid).await;
    let resumes = usize::try_from(server.app.config.limits.resumes).expect("a small number");
    for (number, (message, reason)) in cases.into_iter().enumerate() {
        if number > resumes {
            break;
        }
        let before = server.app.metrics.refused_count(reason);
        let mut stream = Stream::open(server.address, &path).await.expect("a socket");
        stream.send(CONNECTED).await;
        stream.send(&message).await;
        assert_eq!(stream.closed().await, Some(1008), "{message}");
        assert_eq!(server.app.metrics.refused_count(reason), before + 1, "{message}");
        assert_eq!(server.app.live.count(), 0);
        let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
        if answer.body.contains("<Stream") {
            path = stream_path(&answer.body);
        }
    }
    assert_eq!(server.app.metrics.refused_count(Refusal::TooManyResumes), 1);
}

#[tokio::test]
async fn a_socket_that_says_nothing_or_never_starts_is_closed() {
    let limits = [
        ("TALIA_LIMITS__FIRST_MESSAGE_TIMEOUT_S", "1"),
        ("TALIA_LIMITS__START_TIMEOUT_S", "1"),
    ];
    let server = TestServer::start_with(&limits, Clock::real()).await;
    let path = server.ring_for_stream(&call_sid(0x37)).await;
    let mut silent = Stream::open(server.address, &path).await.expect("a socket");
    assert_eq!(silent.closed().await, Some(1008));
    let path = server.ring_for_stream(&call_sid(0x38)).await;
    let mut greeted = Stream::open(server.address, &path).await.expect("a socket");
    greeted.send(CONNECTED).await;
    assert_eq!(greeted.closed().await, Some(1008));
    let refused = |reason| server.app.metrics.refused_count(reason);
    assert_eq!(
        refused(Refusal::FirstMessageTimeout) + refused(Refusal::StartTimeout),
        2
    );
    assert!(refused(Refusal::StartTimeout) >= 1);
}

#[tokio::test]
async fn a_stream_that_broke_is_begun_again_and_the_old_socket_given_up() {
    let server = TestServer::start().await;
    let sid = call_sid(0x39);
    let mut first = server.ring_and_stream(&sid).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    let path = stream_path(&answer.body);
    // Asked again, the same answer.
    assert_eq!(
        server.post("/api/voice/after", &inbound_form(&sid)).await.body,
        answer.body
    );
    let mut second = Stream::open(server.address, &path).await.expect("a socket");
    second.send(CONNECTED).await;
    second.send(&start(&sid)).await;
    assert_eq!(first.closed().await, Some(1000));
    eventually("one stream is left", async || server.app.live.count() == 1).await;
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!((row.status.as_str(), row.streams), ("in-progress", 2));
    second.stop(2, &sid).await;
    eventually("the call is over", async || {
        server
            .app
            .store
            .call(&sid)
            .await
            .expect("a read")
            .expect("a row")
            .ended_at
            .is_some()
    })
    .await;
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert!(
        answer.body.contains("<Hangup/>") && !answer.body.contains("<Say"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_stopping_server_takes_no_calls_and_lets_live_ones_end() {
    let server = TestServer::start().await;
    let sid = call_sid(0x3A);
    let mut stream = server.ring_and_stream(&sid).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    assert_eq!(server.get("/readyz", &[]).await.status, 200);
    server.begin_stop();
    eventually("not ready", async || server.get("/readyz", &[]).await.status == 503).await;
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
    let answer = server.ring(&call_sid(0x3B)).await;
    assert!(
        answer.body.contains("<Say") && answer.body.contains("<Hangup/>"),
        "{}",
        answer.body
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::Draining), 1);
    // The live call is untouched, and the server ends as soon as it has.
    stream.send(&crate::harness::media(1)).await;
    stream.stop(3, &sid).await;
    let metrics = server.app.metrics.clone();
    let served = tokio::time::timeout(PATIENCE, server.stopped()).await.expect("in time");
    assert_eq!(served.cut_off, 0);
    assert_eq!(metrics.call_completed.get(), 1);
}

#[tokio::test]
async fn a_call_that_outlasts_the_stop_is_cut_off() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__DRAIN_S", "1")], Clock::real()).await;
    let mut stream = server.ring_and_stream(&call_sid(0x3C)).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    let (served, code) = tokio::join!(server.stopped(), stream.closed());
    assert_eq!((served.cut_off, code), (1, Some(1000)));
}
