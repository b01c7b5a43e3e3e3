//! What is older than it may be is forgotten, each kind for itself, and nothing else is.

use super::rig::Lone;
use crate::harness::{Keeper, call_sid, noon, program};
use crate::sinks::rig::write_call;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::config::{Config, Retention, Sources};
use talia_voice::privacy::{Eraser, sweep};
use talia_voice::recordings::Folder;
use talia_voice::store::{NewRecording, Record};

const DAY: Duration = Duration::from_hours(24);

fn retention(settings: &[(&str, &str)]) -> Retention {
    let environment = [("TALIA_TWILIO_AUTH_TOKEN", crate::harness::TOKEN)];
    let sources = Sources {
        file: None,
        environment: environment
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    Config::load(&sources).expect("a good configuration").retention
}

/// A call with a recording whose file is there.
async fn recorded_call(lone: &Lone, number: u32) -> String {
    let sid = call_sid(number);
    write_call(&lone.store, &lone.clock, &sid, 2).await;
    let place = format!("{sid}.wav.age");
    std::fs::write(lone.home.path().join(&place), "sealed").expect("a file");
    let new = NewRecording {
        id: lone.store.new_id(lone.clock.wall()),
        call_sid: sid.clone(),
        stream: 1,
        place,
        recipient: "age1".to_owned(),
        key: "sealed".to_owned(),
        consent: "after_notice",
        at: lone.clock.wall(),
    };
    lone.store.keep(Record::RecordingBegun(new)).await.expect("a write");
    sid
}

/// Words, lead, recording, file, row and events of a call that are left.
async fn left(lone: &Lone, sid: &str) -> (usize, bool, bool, bool, bool, usize) {
    let store = &lone.store;
    let events = store.events_after(0, 1_000).await.expect("a read");
    (
        store.transcript(sid).await.expect("a read").len(),
        store.lead(sid).await.expect("a read").is_some(),
        store.recordings(sid).await.expect("a read")[0].sealed_key.is_some(),
        lone.home.path().join(format!("{sid}.wav.age")).exists(),
        store
            .call(sid)
            .await
            .expect("a read")
            .expect("a row")
            .erased_at
            .is_none(),
        events.iter().filter(|row| row.call_sid == sid).count(),
    )
}

async fn each_kind_is_forgotten_in_its_time(keeper: Keeper) {
    let lone = Lone::new(keeper, Clock::manual(noon())).await;
    let retention = retention(&[
        ("TALIA_RETENTION__RECORDINGS_DAYS", "10"),
        ("TALIA_RETENTION__WORDS_DAYS", "20"),
        ("TALIA_RETENTION__LEADS_DAYS", "30"),
        ("TALIA_RETENTION__CALLS_DAYS", "40"),
        ("TALIA_RETENTION__EVENTS_DAYS", "45"),
    ]);
    let folder = Folder::new(lone.home.path());
    let eraser = Eraser::new(lone.store.clone(), folder.clone(), &lone.url);
    let sweeps = async || {
        let now = lone.clock.wall();
        let swept = sweep((&eraser, &lone.store, &folder), &retention, now).await;
        swept.expect("a sweep")
    };
    let old = recorded_call(&lone, 1).await;
    lone.clock.advance(5 * DAY);
    let young = recorded_call(&lone, 2).await;
    let all = (2, true, true, true, true, 5);
    // Days after the older call: what is left of it, and of the younger one.
    for (day, of_old, of_young) in [
        (9, all, all),
        (11, (2, true, false, false, true, 5), all),
        (16, (2, true, false, false, true, 5), (2, true, false, false, true, 5)),
        (21, (0, true, false, false, true, 3), (2, true, false, false, true, 5)),
        (31, (0, false, false, false, true, 2), (0, true, false, false, true, 3)),
        // `call_erased` tells those outside.
        (
            41,
            (0, false, false, false, false, 1),
            (0, false, false, false, true, 2),
        ),
        (
            46,
            (0, false, false, false, false, 1),
            (0, false, false, false, false, 1),
        ),
    ] {
        let since = noon() + jiff::SignedDuration::from_hours(24 * day);
        let wait = since.duration_since(lone.clock.wall());
        lone.clock.advance(wait.try_into().expect("later"));
        sweeps().await;
        assert_eq!(left(&lone, &old).await, of_old, "day {day}, the older call");
        assert_eq!(left(&lone, &young).await, of_young, "day {day}, the younger call");
        assert_eq!(sweeps().await, 0, "nothing is forgotten twice");
    }
    // The events of the erasures are forgotten as well, but not what a sink has still to be told.
    lone.store.register_sink("crm").await.expect("a write");
    lone.store.replay_events("crm", 0).await.expect("a write");
    lone.clock.advance(100 * DAY);
    assert_eq!(sweeps().await, 0);
    assert_eq!(lone.store.events_after(0, 10).await.expect("a read").len(), 2);
    let rows = lone.store.audit_rows(0, 100).await.expect("a read");
    let by_retention = rows.iter().filter(|row| row.detail.contains(r#""reason":"retention""#));
    // Recordings, words, leads and calls: two each, as the calls grew old one after the other.
    assert_eq!(by_retention.count(), 8);
    assert_eq!(lone.store.verify_audit(None).await.expect("a read").faults, vec![]);
}

#[tokio::test]
async fn each_kind_is_forgotten_in_its_time_on_sqlite() {
    Box::pin(each_kind_is_forgotten_in_its_time(Keeper::Sqlite)).await;
}

#[tokio::test]
async fn each_kind_is_forgotten_in_its_time_on_postgres() {
    Box::pin(each_kind_is_forgotten_in_its_time(Keeper::Postgres)).await;
}

#[tokio::test]
async fn without_a_limit_everything_stays() {
    let lone = Lone::new(Keeper::Sqlite, Clock::manual(noon())).await;
    let sid = recorded_call(&lone, 1).await;
    lone.clock.advance(10_000 * DAY);
    let folder = Folder::new(lone.home.path());
    let eraser = Eraser::new(lone.store.clone(), folder.clone(), &lone.url);
    let limits = retention(&[]);
    assert!(limits.is_endless());
    let swept = sweep((&eraser, &lone.store, &folder), &limits, lone.clock.wall()).await;
    assert_eq!(swept.expect("a sweep"), 0);
    assert_eq!(left(&lone, &sid).await, (2, true, true, true, true, 5));
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_named() {
    let home = tempfile::TempDir::new().expect("a folder");
    let environment = [
        ("TALIA_TWILIO_AUTH_TOKEN", crate::harness::TOKEN),
        ("TALIA_RETENTION__WORDS_DAYS", "99999"),
    ];
    let said = program(home.path(), &["serve"], &environment, "").await;
    assert_eq!(said.code, 64);
    assert!(
        said.err
            .starts_with("talia-voice: retention.words_days: must be at most"),
        "{said:?}"
    );
}
