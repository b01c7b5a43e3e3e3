//! What all engines of others share: breakers, probes, and sockets that are known to be dead in time.

use futures::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::providers::{Breaker, Fault, FaultClass, Health, Received, Socket, Target, Verdict};
use talia_voice::telemetry::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const CLASSES: [FaultClass; 4] = [
    FaultClass::Transient,
    FaultClass::Quota,
    FaultClass::Terminal,
    FaultClass::Malformed,
];

#[test]
fn one_lost_connection_opens_nothing_and_a_refused_key_does_at_once() {
    let mut breaker = Breaker::default();
    let lost = Fault::transient("lost");
    breaker.failed(seconds(1), &lost, 0.0);
    assert_eq!(breaker.verdict(seconds(1)), Verdict::Closed);
    breaker.failed(seconds(2), &lost, 0.0);
    assert_eq!(breaker.verdict(seconds(2)), Verdict::Open { until: seconds(7) });
    assert_eq!(breaker.verdict(seconds(7)), Verdict::Due);
    breaker.failed(seconds(7), &lost, 0.0);
    assert_eq!(breaker.verdict(seconds(7)), Verdict::Open { until: seconds(17) });
    breaker.succeeded();
    assert_eq!(breaker.verdict(seconds(8)), Verdict::Closed);
    breaker.failed(seconds(8), &Fault::of_status(401, None), 0.0);
    assert_eq!(breaker.verdict(seconds(8)), Verdict::Open { until: seconds(68) });
}

#[test]
fn a_quota_is_asked_again_when_it_says() {
    let mut breaker = Breaker::default();
    breaker.failed(seconds(10), &Fault::of_status(429, Some(seconds(3))), 1.0);
    assert_eq!(breaker.verdict(seconds(12)), Verdict::Open { until: seconds(13) });
    let mut breaker = Breaker::default();
    breaker.failed(seconds(10), &Fault::of_status(429, None), 0.0);
    assert_eq!(breaker.verdict(seconds(12)), Verdict::Open { until: seconds(30) });
}

#[test]
fn every_status_has_its_class() {
    let class = |status| Fault::of_status(status, None).class;
    assert_eq!(
        (class(401), class(403), class(404), class(400)),
        (
            FaultClass::Terminal,
            FaultClass::Terminal,
            FaultClass::Terminal,
            FaultClass::Terminal
        )
    );
    assert_eq!((class(429), class(402)), (FaultClass::Quota, FaultClass::Quota));
    assert_eq!(
        (class(408), class(500), class(503), class(529)),
        (
            FaultClass::Transient,
            FaultClass::Transient,
            FaultClass::Transient,
            FaultClass::Transient
        )
    );
    assert!(Fault::of_status(503, None).is_worth_a_retry());
    assert!(!Fault::of_status(503, Some(seconds(1))).is_worth_a_retry());
}

proptest! {
    /// Whatever happens, a breaker is never open for more than its longest wait and its jitter, and a success closes it.
    #[test]
    fn a_breaker_never_gives_an_engine_up(
        faults in proptest::collection::vec((0_u64..120, 0_usize..4, proptest::option::of(0_u64..100_000), 0.0_f32..1.0), 1..60)
    ) {
        let mut breaker = Breaker::default();
        let mut now = Duration::ZERO;
        for (after, class, retry_after, jitter) in faults {
            now += seconds(after);
            let mut fault = Fault::new(CLASSES[class], "failed");
            fault.retry_after = retry_after.map(seconds);
            breaker.failed(now, &fault, jitter);
            if let Verdict::Open { until } = breaker.verdict(now) {
                prop_assert!(until <= now + seconds(375));
            }
        }
        prop_assert_eq!(breaker.verdict(now + seconds(376)) == Verdict::Due, breaker.verdict(now) != Verdict::Closed);
        breaker.succeeded();
        prop_assert_eq!(breaker.verdict(now), Verdict::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_lets_calls_use_an_engine_again() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    let metrics = Arc::new(Metrics::default());
    let health = Health::new(clock.clone(), metrics.clone());
    let watch = health.watch("deepgram");
    assert!(watch.is_available());
    watch.failed(&Fault::of_status(401, None));
    assert!(!watch.is_available() && health.watch("openai").is_available());
    assert_eq!(metrics.provider_fault_count("deepgram", FaultClass::Terminal), 1);
    let (stop, probes) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
    let counted = probes.clone();
    let probing = tokio::spawn(watch.clone().probe_when_due(stop.clone(), move || {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            if number == 0 {
                Err(Fault::of_status(401, None))
            } else {
                Ok(())
            }
        }
    }));
    tokio::time::sleep(seconds(5)).await;
    assert_eq!(probes.load(Ordering::Relaxed), 0, "not before its time");
    clock.advance(seconds(80));
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(probes.load(Ordering::Relaxed), 1);
    assert!(!watch.is_available());
    clock.advance(seconds(160));
    tokio::time::sleep(seconds(2)).await;
    assert!(watch.is_available());
    stop.cancel();
    probing.await.expect("ends with the server");
}

/// Accepts one WebSocket and then reads and says nothing, as a machine does whose network is gone.
async fn half_open() -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/v1/listen", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.expect("a request");
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
            .expect("a key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.trim().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
        std::future::pending::<()>().await;
        drop(stream);
    });
    Target {
        url,
        headers: Vec::new(),
    }
}

#[tokio::test]
async fn a_half_open_connection_is_found_in_three_seconds() {
    let target = half_open().await;
    let mut socket = Socket::open(&target, seconds(2)).await.expect("open");
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let fault = socket.receive().await.expect_err("dead");
    assert_eq!(fault, Fault::transient("the connection is half open"));
    assert_eq!(began.elapsed().as_millis() / 100, 30);
}

#[tokio::test]
async fn messages_come_whole_and_a_refused_key_is_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a socket");
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(_) | Message::Binary(_) => socket.send(message).await.expect("sent"),
                _ => {}
            }
        }
        let (mut stream, _) = listener.accept().await.expect("a second connection");
        let mut head = [0; 2048];
        let _ = stream.read(&mut head).await;
        let refusal = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal).await.expect("written");
    });
    let target = Target {
        url,
        headers: Vec::new(),
    };
    let mut socket = Socket::open(&target, seconds(2)).await.expect("open");
    socket.send_text("¿sí?".to_owned()).await.expect("sent");
    socket.send_binary(vec![1, 2].into()).await.expect("sent");
    assert_eq!(socket.receive().await, Ok(Received::Text("¿sí?".to_owned())));
    assert_eq!(socket.receive().await, Ok(Received::Binary(vec![1, 2].into())));
    socket.close().await;
    let refused = Socket::open(&target, seconds(2)).await.expect_err("refused");
    assert_eq!(
        (refused.class, refused.retry_after),
        (FaultClass::Quota, Some(seconds(7)))
    );
    serving.await.expect("served");
    let gone = Socket::open(&target, seconds(2)).await.expect_err("gone");
    assert_eq!(gone.class, FaultClass::Transient);
}
