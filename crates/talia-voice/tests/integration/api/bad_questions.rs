//! What can't be asked is refused with a word and counted; whatever stands in a filter is a value, and nothing else.

use super::rig::{ask, call, each, json, lead, reason, recording, server_on, write};
use crate::harness::{Keeper, TestServer, call_sid};
use std::io::Write;
use std::sync::{Arc, Mutex};
use talia_voice::telemetry::labels::Refusal;

const LISTS: [(&str, &[&str]); 4] = [
    (
        "/api/voice/calls",
        &["status", "direction", "assistant", "number", "since", "until", "ended"],
    ),
    ("/api/voice/leads", &["since", "until", "phone", "email", "call_sid"]),
    ("/api/voice/recordings", &["call_sid", "state"]),
    ("/api/voice/calls/live", &[]),
];
const ATTACKS: [&str; 12] = [
    "'",
    "' OR 1=1 --",
    "x'; DROP TABLE voice_calls; --",
    "$1",
    "?",
    "%",
    "solara\0",
    "\\",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: s=1",
    "\u{202e}\u{1f4a5}",
];

on_both! {
    what_is_not_known_is_refused_and_counted
    whatever_stands_in_a_filter_is_a_value
}

/// Percent-encodes every byte.
fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

async fn what_is_not_known_is_refused_and_counted(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    let long = format!("/api/voice/calls?assistant={}", "x".repeat(255));
    let mut questions = vec![
        ("/api/voice/calls?state=completed", "filter-unknown"),
        ("/api/voice/calls?STATUS=completed", "filter-unknown"),
        ("/api/voice/calls?status%5B%5D=completed", "filter-unknown"),
        ("/api/voice/calls?=1", "filter-unknown"),
        ("/api/voice/calls?offset=1", "filter-unknown"),
        ("/api/voice/leads?name=Ana", "filter-unknown"),
        ("/api/voice/calls/live?limit=2&status=ringing", "filter-unknown"),
        ("/api/voice/calls?status=completed&status=failed", "filter"),
        ("/api/voice/calls?limit=1&limit=2", "filter"),
        ("/api/voice/calls?status=", "filter"),
        ("/api/voice/calls?status=Completed", "filter"),
        ("/api/voice/calls?direction=in", "filter"),
        ("/api/voice/calls?assistant=", "filter"),
        (long.as_str(), "filter"),
        ("/api/voice/calls?number=5512345678", "filter"),
        ("/api/voice/calls?number=%2B52%2055", "filter"),
        ("/api/voice/calls?number=%2B1234567890123456", "filter"),
        ("/api/voice/calls?ended=yes", "filter"),
        ("/api/voice/calls?since=yesterday", "filter"),
        ("/api/voice/calls?since=2026-11-20", "filter"),
        ("/api/voice/calls?since=2026-11-20T16:00:00", "filter"),
        ("/api/voice/calls?since=-009999-01-02T00:00:00Z", "filter"),
        ("/api/voice/calls?until=1969-12-31T23:59:59Z", "filter"),
        ("/api/voice/leads?phone=ana", "filter"),
        ("/api/voice/leads?call_sid=CA1", "filter"),
        ("/api/voice/recordings?state=lost", "filter"),
        ("/api/voice/calls?limit=0", "limit"),
        ("/api/voice/calls?limit=501", "limit"),
        ("/api/voice/calls?limit=-1", "limit"),
        ("/api/voice/calls?limit=1.5", "limit"),
        ("/api/voice/calls?limit=99999999999999999999", "limit"),
        ("/api/voice/calls?limit=", "limit"),
    ];
    questions.push(("/api/voice/events?before=1", "filter-unknown"));
    for (target, word) in questions {
        let before = server.app.metrics.refused_count(Refusal::ApiQuery);
        let answer = server.get(target, &[]).await;
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (400, word),
            "{target}: {answer:?}"
        );
        assert!(json(&answer)["detail"].is_string(), "{target}: {answer:?}");
        assert_eq!(
            server.app.metrics.refused_count(Refusal::ApiQuery),
            before + 1,
            "{target}"
        );
    }
    let answer = server.get("/api/voice/events?after=x", &[]).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (400, "cursor"));
    // Times that no clock shows are times all the same.
    for query in [
        "since=1970-01-01T00:00:00Z",
        "until=9999-12-30T22:00:00Z",
        "since=9999-12-30T22:00:00Z",
    ] {
        ask(&server, &format!("/api/voice/calls?{query}")).await;
    }
}

async fn whatever_stands_in_a_filter_is_a_value(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    let store = &server.app.store;
    for number in 1..=3 {
        write(store, call(number, i64::from(number))).await;
        lead(
            store,
            number,
            i64::from(number),
            (Some("+525511112222"), Some("ana@ejemplo.mx")),
        )
        .await;
        recording(store, number, i64::from(number)).await;
    }
    // A caller is on the line all the while.
    let live = call_sid(0x500);
    let mut stream = server.ring_and_stream(&live).await;
    stream.first_media().await;
    for (list, filters) in LISTS {
        for attack in ATTACKS {
            for name in filters.iter().chain(&["limit", "cursor"]) {
                let answer = server.get(&format!("{list}?{name}={}", encoded(attack)), &[]).await;
                match answer.status {
                    200 => assert_eq!(json(&answer)["items"], serde_json::json!([]), "{list} {name} {attack}"),
                    400 => assert!(
                        ["filter", "limit", "cursor"].contains(&reason(&answer).as_str()) || filters.is_empty(),
                        "{list} {name} {attack}: {answer:?}"
                    ),
                    _ => panic!("{list} {name} {attack}: {answer:?}"),
                }
                let said = format!("{}{}", answer.head, answer.body);
                assert!(attack.len() < 3 || !said.contains(attack), "it is repeated: {answer:?}");
                assert!(!answer.head.contains("set-cookie"), "{answer:?}");
            }
            let answer = server.get(&format!("{list}?{}=1", encoded(attack)), &[]).await;
            assert_eq!(
                (answer.status, reason(&answer).as_str()),
                (400, "filter-unknown"),
                "{answer:?}"
            );
        }
    }
    for attack in ATTACKS {
        let attack = encoded(attack);
        for target in [
            format!("/api/voice/calls/{attack}"),
            format!("/api/voice/calls/{attack}/transcript"),
            format!("/api/voice/leads/{attack}"),
            format!("/api/voice/recordings/{attack}"),
            format!("/api/voice/recordings/{attack}/file"),
        ] {
            let answer = server.get(&target, &[]).await;
            assert_eq!(
                (answer.status, reason(&answer).as_str()),
                (404, "not-found"),
                "{target}: {answer:?}"
            );
        }
    }
    // What is no text at all.
    for target in ["/api/voice/calls/%FF%FE", "/api/voice/leads/%C3"] {
        let answer = server.get(target, &[]).await;
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (404, "not-found"),
            "{target}: {answer:?}"
        );
    }
    assert_eq!(each(&ask(&server, "/api/voice/calls").await, "call_sid").len(), 4);
    assert_eq!(each(&ask(&server, "/api/voice/leads").await, "call_sid").len(), 3);
    assert_eq!(each(&ask(&server, "/api/voice/recordings").await, "call_sid").len(), 3);
    stream.first_media().await;
    assert!(server.app.live.has(&live));
}

/// Where log lines go in a test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_holds_what_was_asked() {
    let lines = Lines::default();
    let written = lines.clone();
    // Everything runs on this thread, and everything that anybody says is written.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || written.clone())
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    let server = TestServer::start().await;
    let _stream = server.ring_and_stream(&call_sid(0x501)).await;
    for target in [
        "/api/voice/calls?number=%2B525598765432",
        "/api/voice/leads?phone=%2B525598765432&email=zoraida%40ejemplo.mx",
        "/api/voice/leads?email=zoraida%40ejemplo.mx&nombre=zoraida",
        "/api/voice/calls?cursor=zoraida&number=525598765432",
        "/api/voice/calls/zoraida",
    ] {
        assert_ne!(server.get(target, &[]).await.status, 0);
    }
    server.app.store.close().await;
    let refused = server.get("/api/voice/calls?number=%2B525598765432", &[]).await;
    assert_eq!((refused.status, reason(&refused).as_str()), (503, "store"));
    drop(listening);
    let text = String::from_utf8_lossy(&lines.0.lock().expect("no panic")).into_owned();
    assert!(text.contains("a read failed"), "nothing was written: {text}");
    assert!(!text.contains("5598765432") && !text.contains("zoraida"), "{text}");
}
