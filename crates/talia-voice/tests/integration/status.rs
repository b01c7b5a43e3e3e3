//! A call's state never goes back, whatever the order in which reports come.

use crate::harness::{TestServer, call_sid, status_form};
use talia_twilio::CallStatus;
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

#[tokio::test]
async fn every_order_of_reports_ends_the_same() {
    let server = TestServer::start().await;
    let store = &server.app.store;
    let reports = [
        CallStatus::Initiated,
        CallStatus::Ringing,
        CallStatus::InProgress,
        CallStatus::Completed,
    ];
    let at = server.app.clock.wall();
    for (number, order) in permutations(&reports).into_iter().enumerate() {
        let sid = call_sid(0x1000 + number as u32);
        let mut seen = Vec::new();
        for (step, status) in order.iter().enumerate() {
            // Each comes twice, as Twilio may repeat it.
            for _ in 0..2 {
                store.advance_status(&sid, *status, at, Some(7)).await.expect("a write");
            }
            let row = store.call(&sid).await.expect("a read").expect("a row");
            let now = CallStatus::parse(&row.status).expect("a known word");
            seen.push(now);
            let furthest = order[..=step].iter().copied().reduce(CallStatus::advance).expect("one");
            assert_eq!(now, furthest, "{order:?} after {step}");
            assert_eq!(row.ended_at.is_some(), now.is_terminal());
        }
        assert_eq!(seen.last(), Some(&CallStatus::Completed));
    }
    assert_eq!(server.app.metrics.call_completed.get(), 24);
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
