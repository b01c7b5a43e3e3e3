//! What a media socket puts up with, and where that ends.

use crate::harness::{STREAM_SID, Stream, TestServer, call_sid, eventually, media, noon, start};
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::BadFrame;
use tokio_tungstenite::tungstenite::Message;

async fn live(server: &TestServer, number: u32) -> Stream {
    let stream = server.ring_and_stream(&call_sid(number)).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    stream
}

#[tokio::test]
async fn bad_messages_are_counted_and_skipped_and_the_call_goes_on() {
    let server = TestServer::start().await;
    let sid = call_sid(0x40);
    let mut stream = live(&server, 0x40).await;
    let deep = "[".repeat(10_000);
    let base64 = media(1).replace("////", "?///");
    let cases = [
        (Message::text("not JSON"), BadFrame::Json),
        (Message::text(deep), BadFrame::Json),
        (Message::text(r#"{"event":"media"}"#), BadFrame::Json),
        (Message::text(base64), BadFrame::Base64),
        (Message::binary(vec![1, 2, 3]), BadFrame::Binary),
        (Message::text(start(&sid)), BadFrame::SecondStart),
        (
            Message::text(media(1).replace(STREAM_SID, "MZ00000000000000000000000000000002")),
            BadFrame::Stream,
        ),
        (Message::text(media(1).replace("inbound", "outbound")), BadFrame::Track),
        (
            Message::text(r#"{"event":"news","sequenceNumber":"2"}"#),
            BadFrame::UnknownEvent,
        ),
    ];
    for (message, kind) in cases {
        let before = server.app.metrics.bad_frame_count(kind);
        stream.send_message(message).await;
        eventually("counted", async || {
            server.app.metrics.bad_frame_count(kind) == before + 1
        })
        .await;
    }
    assert_eq!(server.app.live.count(), 1);
    stream.send(&media(1)).await;
    stream.stop(3, &sid).await;
    eventually("the call has ended as it should", async || {
        server
            .app
            .store
            .call(&sid)
            .await
            .expect("a read")
            .expect("a row")
            .ended_reason
            .as_deref()
            == Some("caller-hung-up")
    })
    .await;
}

#[tokio::test]
async fn too_many_bad_messages_close_the_socket() {
    let server = TestServer::start().await;
    let mut stream = live(&server, 0x41).await;
    for _ in 0..49 {
        stream.send("nonsense").await;
    }
    eventually("49 counted", async || {
        server.app.metrics.bad_frame_count(BadFrame::Json) == 49
    })
    .await;
    assert_eq!(server.app.live.count(), 1);
    stream.send("nonsense").await;
    assert_eq!(stream.closed().await, Some(1008));
    eventually("the call is gone", async || server.app.live.count() == 0).await;
    // The conversation isn't over: Twilio comes back for it.
    let row = server
        .app
        .store
        .call(&call_sid(0x41))
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!(row.ended_at, None);
}

#[tokio::test]
async fn messages_faster_than_any_line_are_skipped_and_then_close_the_socket() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[], clock.clone()).await;
    let count = |kind| server.app.metrics.bad_frame_count(kind);
    let mut stream = live(&server, 0x45).await;
    // Ten seconds of audio at once: a connection that stalled.
    for chunk in 1..=500 {
        stream.send(&media(chunk)).await;
    }
    stream.send("nonsense").await;
    eventually("the 501st is too much", async || count(BadFrame::TooFast) == 1).await;
    assert_eq!(count(BadFrame::Json), 0, "it was not looked at");
    clock.advance(Duration::from_millis(10));
    stream.send("nonsense").await;
    eventually("there is room for one again", async || count(BadFrame::Json) == 1).await;
    assert_eq!((count(BadFrame::TooFast), server.app.live.count()), (1, 1));
    for chunk in 501..549 {
        stream.send(&media(chunk)).await;
    }
    assert_eq!(stream.closed().await, Some(1008));
    eventually("the call is gone", async || server.app.live.count() == 0).await;
    assert_eq!(count(BadFrame::TooFast), 49);
}

#[tokio::test]
async fn gaps_are_filled_and_repetitions_dropped() {
    let server = TestServer::start().await;
    let mut stream = live(&server, 0x42).await;
    stream.send(&media(1)).await;
    stream.send(&media(5)).await;
    eventually("three frames of silence", async || {
        server.app.metrics.gap_frames.get() == 3
    })
    .await;
    for chunk in [5, 1, 2] {
        stream.send(&media(chunk)).await;
    }
    eventually("three dropped", async || {
        server.app.metrics.bad_frame_count(BadFrame::Repeated) == 3
    })
    .await;
    // A gap of ten seconds gets one second of silence.
    stream.send(&media(506)).await;
    eventually("fifty frames of silence", async || {
        server.app.metrics.gap_frames.get() == 53
    })
    .await;
    assert_eq!(server.app.live.count(), 1);
}

#[tokio::test]
async fn messages_up_to_the_limit_pass_and_larger_ones_end_the_socket() {
    let server = TestServer::start().await;
    let mut stream = live(&server, 0x43).await;
    let of_size = |size: usize| {
        let head = r#"{"event":"news","text":""#;
        format!("{head}{}\"}}", "x".repeat(size - head.len() - 2))
    };
    for size in [16 * 1024 - 1, 16 * 1024] {
        stream.send(&of_size(size)).await;
    }
    eventually("both read", async || {
        server.app.metrics.bad_frame_count(BadFrame::UnknownEvent) == 2
    })
    .await;
    stream.send(&of_size(16 * 1024 + 1)).await;
    let _ = stream.closed().await;
    eventually("the call is gone", async || server.app.live.count() == 0).await;
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_call_open() {
    let server = TestServer::start().await;
    let stream = live(&server, 0x44).await;
    drop(stream);
    eventually("the call is gone", async || server.app.live.count() == 0).await;
    let row = server
        .app
        .store
        .call(&call_sid(0x44))
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!((row.status.as_str(), row.ended_at), ("in-progress", None));
}
