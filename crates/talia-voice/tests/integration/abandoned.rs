//! Calls that Twilio never comes back for.

use crate::harness::{Reply, Stream, TestServer, TwilioApi, call_sid, eventually, noon, status_form};
use proptest::prelude::*;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::line::abandoned::{Abandoned, Step, sweep};
use talia_voice::store::{CallRow, OpenCall};

const AFTER: Duration = Duration::from_mins(2);
const RECALL: Duration = Duration::from_secs(3);
/// The server's own sweeper looks every five seconds then: too late to come between a test's looks.
const SELDOM: (&str, &str) = ("TALIA_LIMITS__RESUME_AFTER_S", "60");

fn open(number: u32, streams: i64) -> OpenCall {
    OpenCall {
        call_sid: call_sid(number),
        status: "in-progress".to_owned(),
        streams,
        transferred: false,
        held_elsewhere: false,
    }
}

/// What is due, by step.
fn due(abandoned: &mut Abandoned, now: u64, calls: Vec<OpenCall>, step: Step) -> Vec<OpenCall> {
    let due = abandoned.due(seconds(now), calls);
    due.into_iter()
        .filter(|(_, of)| *of == step)
        .map(|(call, _)| call)
        .collect()
}

fn overdue(abandoned: &mut Abandoned, now: u64, calls: Vec<OpenCall>) -> Vec<OpenCall> {
    due(abandoned, now, calls, Step::Close)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_call_is_overdue_when_nothing_was_heard_of_it_for_long_enough() {
    let mut abandoned = Abandoned::new(RECALL, AFTER);
    assert_eq!(overdue(&mut abandoned, 10, vec![open(1, 1)]), []);
    assert_eq!(overdue(&mut abandoned, 129, vec![open(1, 1)]), []);
    assert_eq!(overdue(&mut abandoned, 130, vec![open(1, 1)]), [open(1, 1)]);
}

#[test]
fn a_lost_stream_is_recalled_once_and_only_where_there_was_one() {
    let mut abandoned = Abandoned::new(RECALL, AFTER);
    let with_a_person = OpenCall {
        transferred: true,
        ..open(3, 1)
    };
    let all = || vec![open(1, 1), open(2, 0), with_a_person.clone()];
    assert_eq!(due(&mut abandoned, 0, all(), Step::Recall), []);
    assert_eq!(due(&mut abandoned, 2, all(), Step::Recall), []);
    assert_eq!(due(&mut abandoned, 3, all(), Step::Recall), [open(1, 1)]);
    assert_eq!(due(&mut abandoned, 4, all(), Step::Recall), []);
    // Lost again after it had come back.
    let again = || vec![open(1, 2)];
    assert_eq!(due(&mut abandoned, 10, again(), Step::Recall), []);
    assert_eq!(due(&mut abandoned, 13, again(), Step::Recall), [open(1, 2)]);
    // Of who may be talking with a person Twilio is asked, every minute.
    let looks = |abandoned: &mut Abandoned, now| due(abandoned, now, vec![with_a_person.clone()], Step::Look).len();
    let mut other = Abandoned::new(RECALL, AFTER);
    let looked: Vec<usize> = [0, 2, 3, 4, 62, 63, 64, 123].map(|now| looks(&mut other, now)).into();
    assert_eq!(looked, [0, 0, 1, 0, 0, 1, 0, 1]);
    // Who talks with a person for long isn't cut off.
    assert_eq!(overdue(&mut abandoned, 3_600, vec![with_a_person.clone()]), []);
}

#[test]
fn a_call_that_had_a_stream_meanwhile_begins_to_wait_anew() {
    let mut abandoned = Abandoned::new(RECALL, AFTER);
    assert_eq!(overdue(&mut abandoned, 0, vec![open(1, 1)]), []);
    // Its stream was back, and then gone again.
    assert_eq!(overdue(&mut abandoned, 100, vec![]), []);
    assert_eq!(overdue(&mut abandoned, 110, vec![open(1, 1)]), []);
    assert_eq!(overdue(&mut abandoned, 200, vec![open(1, 1)]), []);
    // A stream came and went between two looks: only the row tells.
    assert_eq!(overdue(&mut abandoned, 229, vec![open(1, 2)]), []);
    assert_eq!(overdue(&mut abandoned, 348, vec![open(1, 2)]), []);
    assert_eq!(overdue(&mut abandoned, 349, vec![open(1, 2)]), [open(1, 2)]);
}

proptest! {
    /// However the looks are spaced, no call is given up before its time, and every one at the first look after it.
    #[test]
    fn nobody_is_given_up_early_or_late(steps in proptest::collection::vec((1_u64..90, any::<bool>()), 1..40)) {
        let mut abandoned = Abandoned::new(RECALL, AFTER);
        let (mut now, mut since) = (0, None);
        for (step, without_stream) in steps {
            now += step;
            let calls = if without_stream { vec![open(1, 1)] } else { vec![] };
            let overdue = overdue(&mut abandoned, now, calls);
            since = without_stream.then(|| since.unwrap_or(now));
            let is_due = since.is_some_and(|since| now - since >= AFTER.as_secs());
            prop_assert_eq!(overdue.len(), usize::from(is_due));
        }
    }
}

async fn row(server: &TestServer, number: u32) -> CallRow {
    server
        .app
        .store
        .call(&call_sid(number))
        .await
        .expect("a read")
        .expect("a row")
}

#[tokio::test]
async fn a_stream_that_never_comes_back_closes_its_call_and_no_other() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[SELDOM], clock.clone()).await;
    let app = &server.app;
    let _live: Stream = server.ring_and_stream(&call_sid(0xA0)).await;
    drop(server.ring_and_stream(&call_sid(0xA1)).await);
    server.ring_and_keep(&call_sid(0xA2)).await;
    server.ring_and_keep(&call_sid(0xA3)).await;
    server
        .post("/api/voice/status", &status_form(&call_sid(0xA3), "completed"))
        .await;
    eventually("both streams were there and one is left", async || {
        app.live.count() == 1 && row(&server, 0xA1).await.streams == 1
    })
    .await;

    let mut abandoned = Abandoned::new(RECALL, AFTER);
    assert_eq!(sweep(app, &mut abandoned).await.expect("a sweep"), 0);
    clock.advance(seconds(119));
    assert_eq!(sweep(app, &mut abandoned).await.expect("a sweep"), 0);
    clock.advance(seconds(1));
    // The one that broke, and the one whose stream never came at all.
    assert_eq!(sweep(app, &mut abandoned).await.expect("a sweep"), 2);
    for number in [0xA1, 0xA2] {
        let row = row(&server, number).await;
        assert_eq!(
            (row.status.as_str(), row.ended_reason.as_deref()),
            ("completed", Some("failure"))
        );
        assert!(row.ended_at.is_some());
    }
    assert_eq!(row(&server, 0xA0).await.ended_at, None);
    assert_eq!(row(&server, 0xA3).await.ended_reason, None);
    assert_eq!(app.metrics.call_completed.get(), 3);
    assert_eq!(sweep(app, &mut abandoned).await.expect("a sweep"), 0);
}

#[tokio::test]
async fn the_server_sweeps_by_itself() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__ABANDONED_S", "1")], Clock::real()).await;
    server.ring_and_keep(&call_sid(0xA4)).await;
    eventually("the call is closed", async || {
        row(&server, 0xA4).await.ended_reason.as_deref() == Some("failure")
    })
    .await;
}

/// A call of which no report came is closed by what Twilio says of it: its status, its end, its length.
#[tokio::test]
async fn what_twilio_says_of_a_call_without_news_stands() {
    let over = format!(
        r#"{{"sid":"{}","status":"no-answer","end_time":"Tue, 24 Nov 2026 18:00:30 +0000","duration":"7"}}"#,
        call_sid(0xB0)
    );
    let api = TwilioApi::start([Reply::Answer(200, over)]).await;
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[SELDOM, ("TALIA_TWILIO__API_URL", api.url.as_str())], clock.clone()).await;
    server.ring_and_keep(&call_sid(0xB0)).await;
    let mut abandoned = Abandoned::new(RECALL, AFTER);
    assert_eq!(sweep(&server.app, &mut abandoned).await.expect("a sweep"), 0);
    clock.advance(AFTER);
    assert_eq!(sweep(&server.app, &mut abandoned).await.expect("a sweep"), 1);
    let row = row(&server, 0xB0).await;
    assert_eq!((row.status.as_str(), row.duration_s), ("no-answer", Some(7)));
    assert_eq!(row.ended_at.as_deref(), Some("2026-11-24T18:00:30.000Z"));
    let asked = api.journal();
    assert!(asked.iter().all(|asked| asked.what.starts_with("GET ")), "{asked:?}");
}

/// A live call that nobody streams is ended at Twilio too: no line stays open for nobody.
#[tokio::test]
async fn a_live_call_that_was_abandoned_is_ended_at_twilio() {
    let answer = |status: &str| {
        let body = format!(r#"{{"sid":"{}","status":"{status}"}}"#, call_sid(0xB1));
        Reply::Answer(200, body)
    };
    let api = TwilioApi::start([answer("in-progress"), answer("completed")]).await;
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[SELDOM, ("TALIA_TWILIO__API_URL", api.url.as_str())], clock.clone()).await;
    server.ring_and_keep(&call_sid(0xB1)).await;
    let mut abandoned = Abandoned::new(RECALL, AFTER);
    assert_eq!(sweep(&server.app, &mut abandoned).await.expect("a sweep"), 0);
    clock.advance(AFTER);
    assert_eq!(sweep(&server.app, &mut abandoned).await.expect("a sweep"), 1);
    let row = row(&server, 0xB1).await;
    assert_eq!(
        (row.status.as_str(), row.ended_reason.as_deref()),
        ("completed", Some("failure"))
    );
    let asked = api.journal();
    assert!(asked.iter().any(|asked| asked.body == "Status=completed"), "{asked:?}");
}
