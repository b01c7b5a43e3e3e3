//! The Twilio Function of `deploy/twilio-function`, run by Node against the real server.

use crate::harness::{ACCOUNT, PATIENCE, TestServer, call_sid, raw};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use talia_simulator::twiml::{self, Verb};
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::Refusal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECRET_OF_SERVER: (&str, &str) = ("TALIA_VOICE_WEBHOOK_SECRET", SECRET);

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs one of the handlers with this origin, secret and event, and more in its context.
async fn function(name: &str, origin: &str, secret: &str, event: &Value, more: &[(&str, &str)]) -> Value {
    let mut context = json!({"TALIA_PUBLIC_URL": origin, "TALIA_VOICE_WEBHOOK_SECRET": secret});
    for (key, value) in more {
        context[*key] = json!(value);
    }
    let mut node = Command::new("node")
        .arg(repository(
            "crates/talia-voice/tests/integration/fixtures/twilio_function.cjs",
        ))
        .arg(repository("deploy/twilio-function"))
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node 18 or newer runs: scripts/setup.sh installs it");
    let input = json!({"context": context, "event": event}).to_string();
    let mut stdin = node.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).await.expect("a write");
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, node.wait_with_output())
        .await
        .expect("in time")
        .expect("an end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("+5255"), "a number was logged: {said}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&answer["error"], &answer["answered"]),
        (&Value::Null, &json!(1)),
        "{answer}"
    );
    answer
}

/// The event of an inbound call, with what Twilio's runtime adds.
fn inbound(call_sid: &str) -> Value {
    json!({
        "request": {"headers": {"i-twilio-idempotency-token": "token-1"}, "cookies": {}},
        "CallSid": call_sid, "AccountSid": ACCOUNT, "From": "+525512345678", "To": "+525587654321",
        "CallStatus": "ringing", "ApiVersion": "2010-04-01", "Direction": "inbound",
        "CallerCity": "México & Tlalnepantla=1", "CallerZip": "", "Twice": ["a", "b"],
    })
}

async fn server() -> (TestServer, String) {
    let server = TestServer::start_with(&[SECRET_OF_SERVER], Clock::real()).await;
    let origin = format!("http://{}", server.address);
    (server, origin)
}

/// What the caller hears of a document.
fn verbs(answer: &Value) -> Vec<Verb> {
    twiml::check_content_type(answer["headers"]["content-type"].as_str()).expect("XML");
    let document = twiml::parse(answer["body"].as_str().expect("a body").as_bytes(), "https://x/").expect("TwiML");
    assert_eq!(document.warnings, Vec::<String>::new());
    document.verbs
}

#[track_caller]
fn assert_apology(answer: &Value) {
    assert_eq!(answer["status"], 200);
    let verbs = verbs(answer);
    assert!(
        matches!(&verbs[..], [Verb::Say { text, .. }, Verb::Hangup] if text.starts_with("Disculpa")),
        "{verbs:?}"
    );
}

#[tokio::test]
async fn a_call_through_the_function_is_told_where_to_stream() {
    let (server, origin) = server().await;
    let sid = call_sid(0x901);
    let answer = function("inbound", &origin, SECRET, &inbound(&sid), &[]).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert!(
        matches!(&verbs(&answer)[..], [Verb::Connect { .. }, Verb::Redirect(_)]),
        "{answer}"
    );
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(
        (row.from_number.as_str(), row.to_number.as_str()),
        ("+525512345678", "+525587654321")
    );
    // Twilio's retry runs the Function again: a new message, the same answer.
    let again = function("inbound", &origin, SECRET, &inbound(&sid), &[]).await;
    assert_eq!(again["body"], answer["body"]);

    let status = json!({"CallSid": sid, "AccountSid": ACCOUNT, "CallStatus": "completed", "CallDuration": "7"});
    let answer = function("status", &origin, SECRET, &status, &[]).await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(204), &Value::Null));
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!((row.status.as_str(), row.duration_s), ("completed", Some(7)));
}

#[tokio::test]
async fn when_the_server_is_gone_the_caller_hears_an_apology() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let sid = call_sid(0x902);
    assert_apology(&function("inbound", &origin, SECRET, &inbound(&sid), &[]).await);
    assert_apology(&function("outbound", &origin, SECRET, &inbound(&sid), &[]).await);
    let answer = function("status", &origin, SECRET, &inbound(&sid), &[]).await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(502), &Value::Null));
    // The settings may be missing altogether.
    assert_apology(&function("inbound", "", SECRET, &inbound(&sid), &[]).await);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_before_twilio_gives_us_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let clock = Clock::real();
    let answer = function("inbound", &origin, SECRET, &inbound(&call_sid(0x903)), &[]).await;
    assert_apology(&answer);
    let took = clock.elapsed();
    assert!(
        took > Duration::from_secs(7) && took < Duration::from_secs(10),
        "{took:?}"
    );
    // The same when it stops in the middle of its answer.
    let halting = tokio::spawn(async move {
        // The first connection is that of the question above.
        let _first = listener.accept().await.expect("a connection");
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 999\r\n\r\n<?xml";
        stream.write_all(head).await.expect("a write");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let soon = [("TALIA_PATIENCE_MS", "500")];
    assert_apology(&function("inbound", &origin, SECRET, &inbound(&call_sid(0x904)), &soon).await);
    halting.await.expect("no panic");
}

#[tokio::test]
async fn a_function_with_another_secret_is_refused_and_apologises() {
    let (server, origin) = server().await;
    let sid = call_sid(0x905);
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    assert_apology(&function("inbound", &origin, other, &inbound(&sid), &[]).await);
    assert_eq!(server.app.metrics.refused_count(Refusal::OwnSignatureWrong), 1);
    assert_eq!(server.app.store.call(&sid).await.expect("a read"), None);
}

/// Takes one request, byte for byte, and answers nothing.
async fn capture(listener: TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some((_, rest)) = head.split_once("content-length: ")
        {
            let length: usize = rest.lines().next().expect("a line").parse().expect("a number");
            if body.len() >= length {
                return request;
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.expect("a read");
        assert_ne!(read, 0, "the request ended early");
        request.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test]
async fn what_the_function_sends_is_believed_once() {
    let (server, _) = server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let sid = call_sid(0x906);
    let event = inbound(&sid);
    let plain = "a plain secret of our own";
    let (request, _) = tokio::join!(capture(listener), function("inbound", &origin, plain, &event, &[]));
    let text = String::from_utf8(request.clone()).expect("text").to_lowercase();
    assert!(text.contains("i-twilio-idempotency-token: token-1\r\n"), "{text}");
    for fields in [
        "callercity=m%c3%a9xico+%26+tlalnepantla%3d1&callerzip=&",
        "&twice=a&twice=b",
    ] {
        assert!(text.contains(fields), "{text}");
    }
    assert!(!text.contains("request="), "{text}");
    let closing = |request: &[u8]| {
        let text = String::from_utf8(request.to_vec()).expect("text");
        text.replace("connection: keep-alive", "connection: close").into_bytes()
    };
    // Signed with another secret than the server's…
    assert_eq!(raw(server.address, &closing(&request)).await.status, 403);
    // …and with the right one.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (request, _) = tokio::join!(capture(listener), function("inbound", &origin, SECRET, &event, &[]));
    let request = closing(&request);
    assert_eq!(raw(server.address, &request).await.status, 200);
    assert_eq!(raw(server.address, &request).await.status, 403);
    assert_eq!(server.app.metrics.refused_count(Refusal::OwnSignatureReplayed), 1);
}
