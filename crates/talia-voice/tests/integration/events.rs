//! Events: written with what they tell of, once, in order, and shown to whoever watches.

use crate::harness::{ACCOUNT, PATIENCE, TestServer, call_sid, noon};
use crate::store::disclosed;
use prometheus_client::metrics::counter::Counter;
use std::time::Duration;
use talia_dialogue::{EndReason, Entry, Speaker, SpeechKind};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::events::Feed;
use talia_voice::store::{LeadFields, NewCall, NewSegment, StatusReport, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn entry(text: &str, speaker: Speaker) -> Entry {
    Entry {
        speaker,
        text: text.to_owned(),
        unheard: (speaker == Speaker::Assistant).then(|| "el resto".to_owned()),
        began: Duration::from_secs(1),
        ended: Duration::from_millis(2_500),
        kind: (speaker == Speaker::Assistant).then_some(SpeechKind::Answer),
        by_timer: false,
        own_voice: false,
    }
}

/// Checks that identifiers are UUIDs of version 7 and puts a word in their place.
fn without_ids(mut event: serde_json::Value) -> serde_json::Value {
    for place in ["/id", "/data/id"] {
        if let Some(id) = event.pointer_mut(place) {
            let uuid: uuid::Uuid = id.as_str().expect("text").parse().expect("a UUID");
            assert_eq!(uuid.get_version_num(), 7);
            *id = "[uuid]".into();
        }
    }
    event
}

/// A whole call, as the call's task writes it down.
async fn a_call(store: &Store, clock: &Clock, sid: &str) {
    let call = NewCall {
        call_sid: sid.to_owned(),
        account_sid: ACCOUNT.to_owned(),
        from: "+525512345678".to_owned(),
        to: "+525587654321".to_owned(),
        direction: "inbound".to_owned(),
        assistant: Some("talia".to_owned()),
        status: CallStatus::Ringing,
        at: clock.wall(),
    };
    store.call_started(call).await.expect("a write");
    store.disclosure_heard(disclosed(sid, clock)).await.expect("a write");
    for (text, speaker) in [
        ("¿A qué correo?", Speaker::Assistant),
        ("ana arroba ejemplo", Speaker::Caller),
    ] {
        let segment = NewSegment {
            call_sid: sid.to_owned(),
            entry: entry(text, speaker),
            at: clock.wall(),
        };
        store.append_segment(segment).await.expect("a write");
    }
    let fields = LeadFields {
        name: Some("Ana Pérez".to_owned()),
        email: Some("ana@ejemplo.mx".to_owned()),
        email_confirmed: true,
        ..LeadFields::default()
    };
    store.save_lead(sid, fields).await.expect("a write");
    let more = LeadFields {
        company: Some("Ejemplo".to_owned()),
        ..LeadFields::default()
    };
    store.save_lead(sid, more).await.expect("a write");
    store.call_ended(sid, EndReason::Finished).await.expect("a write");
    store
        .advance_status(StatusReport {
            call_sid: sid.to_owned(),
            status: CallStatus::Completed,
            sequence: Some(3),
            duration_s: Some(31),
            at: clock.wall(),
        })
        .await
        .expect("a write");
}

#[tokio::test]
async fn a_call_becomes_these_events() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[], clock.clone()).await;
    a_call(&server.app.store, &clock, &call_sid(1)).await;
    let events: Vec<serde_json::Value> = server
        .app
        .store
        .events_after(0, 100)
        .await
        .expect("a read")
        .iter()
        .map(|row| without_ids(serde_json::from_str(&row.event).expect("JSON")))
        .collect();
    insta::assert_json_snapshot!(events);
    let metrics = &server.app.metrics;
    let counted = [
        &metrics.call_started,
        &metrics.disclosure_heard,
        &metrics.transcript_segment,
        &metrics.lead_created,
        &metrics.lead_updated,
        &metrics.call_completed,
    ]
    .map(Counter::get);
    assert_eq!(counted, [1, 1, 2, 1, 1, 1]);
    let text = server.get("/metrics", &[]).await.body;
    for name in [
        "call_started_total 1",
        "disclosure_heard_total 1",
        "transcript_segment_total 2",
        "lead_created_total 1",
        "lead_updated_total 1",
        "call_completed_total 1",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }

    let lead = server
        .app
        .store
        .lead(&call_sid(1))
        .await
        .expect("a read")
        .expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Ana Pérez"));
    assert_eq!(lead.company.as_deref(), Some("Ejemplo"));
    assert!(lead.email_confirmed && !lead.phone_confirmed);
    let row = server
        .app
        .store
        .call(&call_sid(1))
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!(row.disclosure_heard_at.as_deref(), Some("2026-11-24T18:00:00.000Z"));
    assert_eq!(
        (row.ended_reason.as_deref(), row.duration_s),
        (Some("finished"), Some(31))
    );
    let words: Vec<_> = server
        .app
        .store
        .transcript(&call_sid(1))
        .await
        .expect("a read")
        .into_iter()
        .map(|row| (row.speaker, row.text))
        .collect();
    assert_eq!(words[1], ("caller".to_owned(), "ana arroba ejemplo".to_owned()));
}

#[tokio::test]
async fn a_feed_goes_from_the_past_into_the_present_without_gap_or_repetition() {
    let server = TestServer::start_with(&[("TALIA_EVENTS__FEED_BUFFER", "4")], Clock::real()).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    for number in 0..60 {
        a_call(store, clock, &call_sid(number)).await;
    }
    let mut feed = Feed::open(store, Some(7)).await.expect("a read");
    let mut seen = Vec::new();
    // The reader is slow: what the memory forgot meanwhile comes from the database.
    for number in 60..80 {
        seen.push(feed.next().await.expect("a read").expect("an event").seq);
        a_call(store, clock, &call_sid(number)).await;
    }
    while seen.last() < Some(&400) {
        seen.push(feed.next().await.expect("a read").expect("an event").seq);
    }
    assert_eq!(seen, (8..=400).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_live_feed_replays_from_the_last_event_and_goes_on() {
    let server = TestServer::start().await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    a_call(store, clock, &call_sid(1)).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream
        .write_all(b"GET /api/voice/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 3\r\n\r\n")
        .await
        .expect("a write");
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let mut read_until = async |wanted: &str| {
        while !text.contains(wanted) {
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer))
                .await
                .expect("in time");
            let read = read.expect("a read");
            assert!(read > 0, "the feed ended");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        text.clone()
    };
    let replayed = read_until("id: 5").await;
    assert!(replayed.contains("text/event-stream"));
    assert!(!replayed.contains("id: 3\n"), "{replayed}");
    assert!(replayed.contains("event: lead_created"), "{replayed}");
    assert!(replayed.contains("event: call_completed"), "{replayed}");
    a_call(store, clock, &call_sid(2)).await;
    let live = read_until("id: 10").await;
    assert!(live.contains("event: call_started"), "{live}");
}
