//! A call's state never goes back, whatever the order in which reports come.

use crate::harness::{ACCOUNT, TestServer, call_sid, eventually, noon, status_form};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::store::{CallRow, NewCall, StatusReport, Store};
use talia_voice::telemetry::labels::Refusal;

/// All orders of these.
fn permutations<T: Copy>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() <= 1 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for (place, first) in items.iter().enumerate() {
        let rest: Vec<T> = items
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|(_, item)| *item)
            .collect();
        for mut order in permutations(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

/// When each step of a call's life happened: the n-th, n seconds after noon.
fn happened(step: usize) -> Timestamp {
    noon() + SignedDuration::from_secs(step as i64)
}

fn report(sid: &str, (step, status): (usize, CallStatus)) -> StatusReport {
    StatusReport {
        call_sid: sid.to_owned(),
        status,
        sequence: Some(step as u64),
        duration_s: status.is_terminal().then_some(7),
        at: happened(step),
    }
}

#[tokio::test]
async fn every_order_of_reports_ends_in_the_same_row() {
    let server = TestServer::start().await;
    let store = &server.app.store;
    let reports = [
        (0, CallStatus::Initiated),
        (1, CallStatus::Ringing),
        (2, CallStatus::InProgress),
        (3, CallStatus::Completed),
    ];
    for (number, order) in permutations(&reports).into_iter().enumerate() {
        let sid = call_sid(0x1000 + number as u32);
        for (step, (_, furthest)) in order.iter().enumerate() {
            // Each comes twice, as Twilio may repeat it.
            assert!(store.advance_status(report(&sid, order[step])).await.expect("a write"));
            assert!(!store.advance_status(report(&sid, order[step])).await.expect("a write"));
            let row = store.call(&sid).await.expect("a read").expect("a row");
            let now = CallStatus::parse(&row.status).expect("a known word");
            let so_far = order[..=step].iter().map(|(_, status)| *status);
            assert_eq!(
                Some(now),
                so_far.reduce(CallStatus::advance),
                "{order:?} after {furthest}"
            );
            assert_eq!(row.ended_at.is_some(), now.is_terminal());
        }
        let row = store.call(&sid).await.expect("a read").expect("a row");
        assert_eq!((row.status.as_str(), row.duration_s), ("completed", Some(7)));
        assert_eq!(row.started_at, "2026-11-24T18:00:00.000Z", "{order:?}");
        assert_eq!(row.ended_at.as_deref(), Some("2026-11-24T18:00:03.000Z"), "{order:?}");
    }
    assert_eq!(server.app.metrics.call_completed.get(), 24);
}

/// What Twilio sends of one call that we make: the four events that were asked for, numbered and dated; the answer's own
/// webhook; and the end once more as callbacks without a subscription tell it, without a number or a time.
const SIX: [&str; 6] = [
    "initiated 0",
    "ringing 1",
    "in-progress 2",
    "completed 3",
    "answer",
    "completed",
];

/// One of [`SIX`], as it arrives.
async fn arrives(store: &Store, sid: &str, what: &str, at: Timestamp) {
    let (word, sequence) = what
        .split_once(' ')
        .map_or((what, None), |(word, number)| (word, Some(number)));
    if word == "answer" {
        let call = NewCall {
            call_sid: sid.to_owned(),
            account_sid: ACCOUNT.to_owned(),
            from: "+525587654321".to_owned(),
            to: "+525512345678".to_owned(),
            direction: "outbound-api".to_owned(),
            assistant: Some("breve".to_owned()),
            status: CallStatus::InProgress,
            at,
        };
        store.call_started(call).await.expect("a write");
        return;
    }
    let status = CallStatus::parse(word).expect("a status");
    let sequence: Option<u64> = sequence.map(|number| number.parse().expect("a number"));
    let report = StatusReport {
        call_sid: sid.to_owned(),
        status,
        sequence,
        duration_s: status.is_terminal().then_some(7),
        at: sequence.map_or(at, |step| happened(step as usize)),
    };
    store.advance_status(report).await.expect("a write");
}

/// All 720 orders of six reports, each of which comes twice: at once, or again when all have come.
#[tokio::test]
async fn all_orders_and_repetitions_of_six_reports_end_in_the_same_row() {
    let server = TestServer::start().await;
    let store = &server.app.store;
    let orders = permutations(&SIX);
    assert_eq!(orders.len(), 720);
    let one = async |number: usize, order: Vec<&'static str>| {
        let sid = call_sid(0x3000 + number as u32);
        let twice: Vec<&str> = if number.is_multiple_of(2) {
            order.iter().flat_map(|what| [*what, *what]).collect()
        } else {
            order.iter().chain(&order).copied().collect()
        };
        for (step, what) in twice.into_iter().enumerate() {
            // Everything arrives behind the end.
            arrives(store, &sid, what, happened(60 + step)).await;
        }
        let row = store.call(&sid).await.expect("a read").expect("a row");
        let row = CallRow {
            call_sid: String::new(),
            ..row
        };
        (format!("{row:?}"), order)
    };
    let all = orders.into_iter().enumerate().map(|(number, order)| one(number, order));
    let rows: BTreeMap<String, Vec<&str>> = futures::future::join_all(all).await.into_iter().collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let (row, _) = rows.first_key_value().expect("one");
    for part in [
        "status: \"completed\"",
        "started_at: \"2026-11-24T18:00:00.000Z\"",
        "ended_at: Some(\"2026-11-24T18:00:03.000Z\")",
        "duration_s: Some(7)",
        "assistant: Some(\"breve\")",
    ] {
        assert!(row.contains(part), "{part} in {row}");
    }
    let metrics = &server.app.metrics;
    assert_eq!((metrics.call_started.get(), metrics.call_completed.get()), (720, 720));
}

/// A report as Twilio posts it.
fn reported<'a>(sid: &'a str, status: &'a str, sequence: &'a str, at: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("CallSid", sid),
        ("AccountSid", ACCOUNT),
        ("CallStatus", status),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", sequence),
        ("Timestamp", at),
    ];
    if status == "completed" {
        form.push(("CallDuration", "5"));
    }
    form
}

/// Six requests: four reports, one of them twice, and the first webhook of the call among them. Every order of theirs
/// ends in the same row.
#[tokio::test]
async fn reports_and_the_first_webhook_end_in_the_same_row_in_any_order() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[], clock).await;
    let requests = ["ringing 1", "in-progress 2", "in-progress 2", "completed 3", "inbound"];
    let at = |sequence: &str| format!("Tue, 24 Nov 2026 17:59:5{sequence} +0000");
    let mut orders: Vec<Vec<&str>> = permutations(&requests);
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 60);
    let mut rows = BTreeSet::new();
    for (number, order) in orders.iter().enumerate() {
        let sid = call_sid(0x2000 + number as u32);
        for request in order {
            let Some((status, sequence)) = request.split_once(' ') else {
                assert_eq!(server.ring(&sid).await.status, 200);
                continue;
            };
            let at = at(sequence);
            let form = reported(&sid, status, sequence, &at);
            assert_eq!(server.post("/api/voice/status", &form).await.status, 204);
        }
        let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
        rows.insert(format!(
            "{:?}",
            CallRow {
                call_sid: String::new(),
                ..row
            }
        ));
    }
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let row = rows.first().expect("one");
    for part in [
        "completed",
        "17:59:51.000Z",
        "17:59:53.000Z",
        "duration_s: Some(5)",
        "+525512345678",
    ] {
        assert!(row.contains(part), "{part} in {row}");
    }
    // Every call began and ended once, and each repeated report was seen to be one.
    let metrics = &server.app.metrics;
    assert_eq!((metrics.call_started.get(), metrics.call_completed.get()), (60, 60));
    assert_eq!(metrics.refused_count(Refusal::Replayed), 60);
}

#[tokio::test]
async fn the_first_terminal_state_stays() {
    let server = TestServer::start().await;
    let sid = call_sid(0x20);
    for status in ["busy", "completed", "in-progress", "failed"] {
        assert_eq!(
            server
                .post("/api/voice/status", &status_form(&sid, status))
                .await
                .status,
            204
        );
    }
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!((row.status.as_str(), row.duration_s), ("busy", Some(42)));
    assert_eq!(server.app.metrics.call_completed.get(), 1);
}

#[tokio::test]
async fn a_report_before_the_first_webhook_is_kept() {
    let server = TestServer::start().await;
    let sid = call_sid(0x21);
    assert_eq!(
        server
            .post("/api/voice/status", &status_form(&sid, "in-progress"))
            .await
            .status,
        204
    );
    assert_eq!(server.app.metrics.call_started.get(), 0);
    assert!(server.ring(&sid).await.body.contains("<Connect"));
    eventually("the webhook is written down", async || {
        let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
        !row.from_number.is_empty()
    })
    .await;
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(
        (row.status.as_str(), row.from_number.as_str()),
        ("in-progress", "+525512345678")
    );
    assert_eq!(server.app.metrics.call_started.get(), 1);
    assert_eq!(server.app.metrics.refused_count(Refusal::Replayed), 0);
}

#[tokio::test]
async fn a_report_that_the_call_is_over_closes_its_stream() {
    let server = TestServer::start().await;
    let sid = call_sid(0x22);
    let mut stream = server.ring_and_stream(&sid).await;
    crate::harness::eventually("the call is live", async || server.app.live.count() == 1).await;
    server.post("/api/voice/status", &status_form(&sid, "completed")).await;
    assert_eq!(stream.closed().await, Some(1000));
    crate::harness::eventually("the call is gone", async || server.app.live.count() == 0).await;
}
