//! Slow, large and many: what the listener puts up with.

use crate::harness::{PATIENCE, TestServer, call_sid, encode, eventually, inbound_form, raw, signature};
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::Refusal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_header_that_never_ends_is_cut_off_while_calls_are_answered() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__HEADER_TIMEOUT_S", "1")], Clock::real()).await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream
            .write_all(b"POST /api/voice/inbound HTTP/1.1\r\nHost: a\r\nX-A: ")
            .await
            .expect("a write");
        slow.push(stream);
    }
    assert_eq!(server.ring(&call_sid(0x50)).await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a slow connection is still open");
    }
    eventually("no connection is left", async || {
        server.app.metrics.connections.get() == 0
    })
    .await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__BODY_TIMEOUT_S", "1")], Clock::real()).await;
    let answer = raw(
        server.address,
        b"POST /api/voice/inbound HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\nCall",
    )
    .await;
    assert_eq!(answer.status, 408);
    assert_eq!(server.app.metrics.refused_count(Refusal::BodyTimeout), 1);
}

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_a_larger_one_is_not() {
    let server = TestServer::start().await;
    let sid = call_sid(0x51);
    let form = inbound_form(&sid);
    let room = 64 * 1024 - encode(&form).len() - "&Pad=".len();
    for (more, status) in [(0, 200), (1, 413)] {
        let pad = "x".repeat(room + more);
        let padded: Vec<_> = form.iter().copied().chain([("Pad", pad.as_str())]).collect();
        assert_eq!(server.post("/api/voice/inbound", &padded).await.status, status);
    }
    assert_eq!(server.app.metrics.refused_count(Refusal::BodyTooLarge), 1);
}

#[tokio::test]
async fn http_2_and_noise_are_not_answered_as_requests() {
    let server = TestServer::start().await;
    let preface = raw(server.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_ne!(preface.status, 200);
    assert_ne!(
        raw(server.address, &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, 13, 10, 13, 10])
            .await
            .status,
        200
    );
    assert_eq!(server.ring(&call_sid(0x52)).await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__MAX_CONNECTIONS_PER_ADDRESS", "3")], Clock::real()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(server.address).await.expect("a connection"));
    }
    eventually("three held", async || server.app.metrics.connections.get() == 3).await;
    assert_eq!(
        raw(server.address, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .status,
        0
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::TooManyConnections), 1);
    drop(held);
    eventually("none held", async || server.app.metrics.connections.get() == 0).await;
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn open_media_sockets_take_no_place_from_webhooks() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__MAX_CONNECTIONS_PER_ADDRESS", "2")], Clock::real()).await;
    let mut streams = Vec::new();
    for number in 0..5 {
        streams.push(server.ring_and_stream(&call_sid(0x60 + number)).await);
        eventually("live", async || server.app.live.count() == streams.len()).await;
        eventually("no connection", async || server.app.metrics.connections.get() == 0).await;
    }
    let sid = call_sid(0x70);
    let form = inbound_form(&sid);
    let signature = signature("/api/voice/inbound", &form);
    let header = [("X-Twilio-Signature", signature.as_str())];
    assert_eq!(server.post_with("/api/voice/inbound", &form, &header).await.status, 200);
}
