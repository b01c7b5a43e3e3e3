//! What we say, as it arrives at the other end of a real socket.

use super::*;
use crate::line::LiveCalls;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use futures::StreamExt;
use std::future::Future;
use std::sync::Mutex;
use talia_audio::frame::FRAME_SAMPLES;
use talia_twilio::CallSid;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message as Wire;
use tokio_tungstenite::{WebSocketStream, client_async};

const CALL: &str = "CA00000000000000000000000000000001";
const STREAM: &str = "MZ00000000000000000000000000000001";

fn start_text() -> String {
    format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"{STREAM}","start":{{"streamSid":"{STREAM}",
        "accountSid":"AC00000000000000000000000000000001","callSid":"{CALL}","tracks":["inbound"],
        "mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}}}}"#
    )
}

/// Runs `call` with a started socket, and hands out Twilio's end of it and what `call` returns.
async fn with_call<F, T>(
    call: impl FnOnce(MediaSocket) -> F + Send + 'static,
) -> (WebSocketStream<TcpStream>, oneshot::Receiver<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (done, result) = oneshot::channel();
    let run = Arc::new(Mutex::new(Some((call, done))));
    let handler = move |upgrade: WebSocketUpgrade| {
        let (call, done) = run.lock().expect("no panic").take().expect("one connection");
        async move {
            upgrade
                .write_buffer_size(8 * 1024)
                .max_write_buffer_size(64 * 1024)
                .on_upgrade(async |mut socket| {
                    let limits = SocketLimits {
                        first_message: Duration::from_secs(5),
                        start: Duration::from_secs(5),
                        write_stall: Duration::from_millis(200),
                        bad_frames: 50,
                        clock: Clock::real(),
                    };
                    let start = await_start(&mut socket, &limits, |_| Ok(())).await.expect("a start");
                    let metrics = Arc::new(Metrics::default());
                    let live = LiveCalls::new(metrics.clone())
                        .enter(CallSid::new(CALL).expect("an id"), start.stream_sid.clone())
                        .place;
                    let socket = MediaSocket::new(socket, &start, live, limits, metrics);
                    let _ = done.send(call(socket).await);
                })
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, axum::Router::new().route("/", get(handler))).await });
    // A small window, so that a client which doesn't read is felt soon.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a size");
    let tcp = socket.connect(address).await.expect("a connection");
    let (mut twilio, _) = client_async(format!("ws://{address}/"), tcp)
        .await
        .expect("a handshake");
    twilio
        .send(Wire::text(
            r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
        ))
        .await
        .expect("sent");
    twilio.send(Wire::text(start_text())).await.expect("sent");
    (twilio, result)
}

#[tokio::test]
async fn commands_arrive_in_twilio_s_words_and_order() {
    let (mut twilio, result) = with_call(async |mut socket: MediaSocket| {
        let commands = [
            LineCommand::Frame([0xFF; FRAME_SAMPLES]),
            LineCommand::Mark("t.0.1.160".to_owned()),
            LineCommand::Clear,
            LineCommand::Close,
            LineCommand::Clear,
        ];
        let sent = socket.send(&commands).await;
        (sent, socket.next().await, socket.send(&[LineCommand::Clear]).await)
    })
    .await;
    let mut texts = Vec::new();
    let mut code = None;
    while let Some(Ok(message)) = twilio.next().await {
        match message {
            Wire::Text(text) => texts.push(text.to_string()),
            Wire::Close(frame) => code = frame.map(|frame| u16::from(frame.code)),
            _ => {}
        }
    }
    let payload = format!("{}w==", "/".repeat(213));
    assert_eq!(
        texts,
        [
            format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"{payload}"}}}}"#),
            format!(r#"{{"event":"mark","streamSid":"{STREAM}","mark":{{"name":"t.0.1.160"}}}}"#),
            format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#),
        ]
    );
    assert_eq!(code, Some(1000));
    let (sent, next, late) = result.await.expect("no panic");
    assert_eq!(sent, Ok(()));
    assert_eq!(next, LineEvent::Closed(CloseCause::Ours));
    assert_eq!(late, Err(LineClosed(CloseCause::Ours)));
}

/// Twilio sends a frame each 20 ms, also those that nobody reads any more: it must find our goodbye, and no reset.
#[tokio::test]
async fn a_goodbye_is_not_overtaken_by_a_reset() {
    let (mut twilio, result) =
        with_call(async |mut socket: MediaSocket| socket.send(&[LineCommand::Close]).await).await;
    let mut pulse = tokio::time::interval(Duration::from_millis(2));
    for _ in 0..50 {
        pulse.tick().await;
        let media = Wire::text(r#"{"event":"media"}"#);
        twilio
            .send(media)
            .await
            .expect("the connection takes frames until we have answered");
    }
    let code = match twilio.next().await {
        Some(Ok(Wire::Close(frame))) => frame.map(|frame| u16::from(frame.code)),
        other => panic!("{other:?}"),
    };
    assert_eq!(code, Some(1000));
    // The answer is written with the next read.
    assert!(twilio.next().await.is_none_or(|end| end.is_err()));
    assert_eq!(result.await.expect("no panic"), Ok(()));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let (twilio, result) = with_call(async |mut socket: MediaSocket| {
        let second = vec![LineCommand::Frame([0x55; FRAME_SAMPLES]); 50];
        let mut sent = 0_u32;
        loop {
            match socket.send(&second).await {
                Ok(()) => sent += 1,
                Err(closed) => return (closed, socket.next().await, sent),
            }
            // An hour of audio would be more than any buffer between us may hold.
            assert!(sent < 3_600, "nothing ever stalls");
        }
    })
    .await;
    let (closed, next, _) = result.await.expect("no panic");
    assert_eq!(closed, LineClosed(CloseCause::Slow));
    assert_eq!(next, LineEvent::Closed(CloseCause::Slow));
    drop(twilio);
}

#[tokio::test]
async fn events_come_out_in_order_however_often_waiting_is_given_up() {
    let (mut twilio, result) = with_call(async |mut socket: MediaSocket| {
        let mut events = Vec::new();
        loop {
            // Every second wait is dropped as soon as it isn't ready.
            let event = tokio::select! {
                biased;
                event = socket.next() => event,
                () = tokio::task::yield_now() => continue,
            };
            let last = matches!(event, LineEvent::Closed(_));
            events.push(event);
            if last {
                return events;
            }
        }
    })
    .await;
    let message = |event: &str, sequence: u32, rest: &str| {
        Wire::text(format!(
            r#"{{"event":"{event}","sequenceNumber":"{sequence}","streamSid":"{STREAM}",{rest}}}"#
        ))
    };
    let payload = format!("{}w==", "/".repeat(213));
    for sequence in 2..102 {
        let chunk = sequence - 1;
        let timestamp = (chunk - 1) * 20;
        let rest = format!(
            r#""media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp}","payload":"{payload}"}}"#
        );
        twilio.send(message("media", sequence, &rest)).await.expect("sent");
    }
    twilio
        .send(message("mark", 102, r#""mark":{"name":"t.0.1.160"}"#))
        .await
        .expect("sent");
    twilio
        .send(message("dtmf", 103, r#""dtmf":{"track":"inbound_track","digit":"5"}"#))
        .await
        .expect("sent");
    twilio
        .send(message(
            "stop",
            104,
            &format!(r#""stop":{{"accountSid":"AC00000000000000000000000000000001","callSid":"{CALL}"}}"#),
        ))
        .await
        .expect("sent");
    twilio.close(None).await.expect("closed");
    let events = result.await.expect("no panic");
    let times: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            LineEvent::Media { timestamp_ms, .. } => Some(*timestamp_ms),
            _ => None,
        })
        .collect();
    assert_eq!(times, (0..100).map(|frame| frame * 20).collect::<Vec<u64>>());
    assert_eq!(
        events[100..],
        [
            LineEvent::Mark("t.0.1.160".to_owned()),
            LineEvent::Digit('5'),
            LineEvent::Stopped,
            LineEvent::Closed(CloseCause::Peer)
        ]
    );
}
