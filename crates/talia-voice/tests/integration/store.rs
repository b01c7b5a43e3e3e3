//! What is kept when the database can't be written, and what is said then.

use crate::harness::{ACCOUNT, CONNECTED, Keeper, Stream, TestServer, call_sid, eventually, start, status_form};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{EndReason, Entry, Speaker};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::store::{Disclosed, Hold, NewCall, NewSegment, Record, Store, StoreError, StoreSettings};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::{Refusal, StoreFault};
use tempfile::TempDir;

pub(crate) fn new_call(sid: &str, clock: &Clock) -> NewCall {
    NewCall {
        call_sid: sid.to_owned(),
        account_sid: ACCOUNT.to_owned(),
        from: "anonymous".to_owned(),
        to: "+525587654321".to_owned(),
        direction: "inbound".to_owned(),
        assistant: None,
        status: CallStatus::Ringing,
        at: clock.wall(),
    }
}

pub(crate) fn disclosed(sid: &str, clock: &Clock) -> Disclosed {
    Disclosed {
        call_sid: sid.to_owned(),
        text: "Soy una inteligencia artificial.".to_owned(),
        language: "es",
        at: clock.wall(),
    }
}

pub(crate) fn segment(sid: &str, text: String, clock: &Clock) -> NewSegment {
    NewSegment {
        call_sid: sid.to_owned(),
        entry: Entry {
            speaker: Speaker::Caller,
            text,
            unheard: None,
            began: Duration::ZERO,
            ended: Duration::from_secs(1),
            kind: None,
            by_timer: false,
            own_voice: false,
        },
        at: clock.wall(),
    }
}

/// Each of these on both engines.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Sqlite).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Postgres).await; })+
        }
    };
}

on_both! {
    while_the_database_is_locked_words_wait_in_order_and_new_calls_are_answered
    words_of_an_unknown_call_are_refused_and_hurt_no_other
    what_was_handed_over_before_the_end_is_written_and_the_rest_refused
    more_than_memory_allows_is_refused_and_counted
}

/// A server whose database this engine keeps.
async fn server_on(keeper: Keeper, more: &[(&str, &str)]) -> TestServer {
    let url = keeper.new_database(&TempDir::new().expect("a folder"));
    let mut settings = more.to_vec();
    // SQLite's file is in the server's own folder.
    if keeper == Keeper::Postgres {
        settings.push(("TALIA_DATABASE_URL", &url));
    }
    TestServer::start_with(&settings, Clock::real()).await
}

/// Another process that holds a server's database.
async fn hold(server: &TestServer) -> Hold {
    Hold::take(&server.app.config.database.url).await.expect("held")
}

pub(crate) async fn texts(store: &Store, sid: &str) -> Vec<String> {
    store
        .transcript(sid)
        .await
        .expect("a read")
        .into_iter()
        .map(|row| row.text)
        .collect()
}

async fn while_the_database_is_locked_words_wait_in_order_and_new_calls_are_answered(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    let (store, clock, metrics) = (&server.app.store, &server.app.clock, &server.app.metrics);
    let sid = call_sid(0x80);
    server.ring_and_keep(&sid).await;
    store
        .append_segment(segment(&sid, "0".to_owned(), clock))
        .await
        .expect("a write");
    // On a busy machine the first row may have taken longer than its webhook waits.
    let unkept = metrics.answered_unkept.get();
    let other = hold(&server).await;

    for number in 1..=20 {
        let kept = store.append_segment(segment(&sid, number.to_string(), clock)).await;
        // On disk, in the spool.
        assert_eq!(kept, Ok(()));
        if number == 1 {
            break;
        }
    }
    for number in 2..=20 {
        store
            .record(Record::Segment(segment(&sid, number.to_string(), clock)))
            .expect("room in the queue");
    }
    // Who rings now is answered and talked with, by a token that is good once.
    let path = server.ring_for_stream(&call_sid(0x81)).await;
    assert_eq!(metrics.answered_unkept.get() - unkept, 1);
    let mut stream = Stream::open(server.address, &path).await.expect("a socket");
    stream.send(CONNECTED).await;
    stream.send(&start(&call_sid(0x81))).await;
    stream.first_media().await;
    assert!(
        Stream::open(server.address, &path).await.is_err(),
        "the token is used up"
    );
    // A repeated webhook doesn't make it good again.
    assert_eq!(server.ring_for_stream(&call_sid(0x81)).await, path);
    assert!(
        Stream::open(server.address, &path).await.is_err(),
        "the repetition made it good again"
    );
    assert_eq!(metrics.refused_count(Refusal::TokenUsed), 2);
    assert_eq!(
        server
            .post("/api/voice/status", &status_form(&sid, "completed"))
            .await
            .status,
        204
    );
    assert_eq!(server.get("/readyz", &[]).await.status, 503);
    assert_eq!(server.get("/healthz", &[]).await.status, 200);
    assert!(metrics.store_error_count(StoreFault::Locked) > 0);
    // What was acknowledged is there all the while.
    assert_eq!(texts(store, &sid).await, ["0"]);

    other.release().await.expect("let go");
    eventually("everything is written", async || metrics.store_backlog.get() == 0).await;
    let all: Vec<String> = (0..=20).map(|number| number.to_string()).collect();
    eventually("all words are there", async || texts(store, &sid).await == all).await;
    assert_eq!(
        store.call(&sid).await.expect("a read").expect("a row").status,
        "completed"
    );
    assert!(server.ring(&call_sid(0x82)).await.body.contains("<Connect"));
    // What was answered in between is as if the database had been there all the time.
    eventually("the call of that time is written", async || {
        let row = store.call(&call_sid(0x81)).await.expect("a read");
        row.is_some_and(|row| row.streams == 1 && row.status == "in-progress")
    })
    .await;
    assert!(Stream::open(server.address, &path).await.is_err(), "still used up");
    assert!(store.conversation(&call_sid(0x81)).await.expect("a read").is_some());
    assert!(metrics.transcript_segment.get() >= 21);
}

#[tokio::test]
async fn a_full_database_loses_nothing_that_was_acknowledged_and_recovers() {
    let directory = TempDir::new().expect("a folder");
    let url = Keeper::Sqlite.new_database(&directory);
    let server = TestServer::start_with(
        &[
            ("TALIA_DATABASE__MAX_SIZE_MIB", "1"),
            ("TALIA_DATABASE__SPOOL_MAX_MIB", "0"),
            ("TALIA_DATABASE_URL", &url),
        ],
        Clock::real(),
    )
    .await;
    let (store, clock, metrics) = (&server.app.store, &server.app.clock, &server.app.metrics);
    let sid = call_sid(0x83);
    server.ring(&sid).await;
    let mut acknowledged = Vec::new();
    let refused = loop {
        let text = format!("{:05}{}", acknowledged.len(), "x".repeat(20_000));
        match store.append_segment(segment(&sid, text.clone(), clock)).await {
            Ok(()) => acknowledged.push(text),
            Err(error) => break (error, text),
        }
        assert!(acknowledged.len() < 1_000, "the limit does nothing");
    };
    assert_eq!(refused.0, StoreError::Deferred);
    assert!(metrics.store_error_count(StoreFault::Full) > 0);
    assert_eq!(texts(store, &sid).await, acknowledged);

    // Somebody makes room.
    let mut other = SqliteConnectOptions::from_str(&url)
        .expect("a URL")
        .connect()
        .await
        .expect("a connection");
    sqlx::query("DELETE FROM outbox WHERE type = 'transcript_segment'")
        .execute(&mut other)
        .await
        .expect("room");
    acknowledged.push(refused.1);
    eventually("the waiting words are written", async || {
        texts(store, &sid).await == acknowledged
    })
    .await;
}

#[tokio::test]
async fn a_database_that_can_t_be_written_or_read_stops_the_start() {
    let directory = TempDir::new().expect("a folder");
    let path = directory.path().join("talia.db");
    let open = |url: String| Store::open(StoreSettings::new(url), Clock::real(), Arc::new(Metrics::default()));
    let message = |result: Result<Store, StoreError>| result.expect_err("no store").to_string();

    std::fs::write(&path, "this is no database, whatever its name says").expect("a file");
    let no_database = message(open(format!("sqlite:{}", path.display())).await);
    assert!(
        no_database.contains("talia.db") && no_database.lines().count() == 1,
        "{no_database}"
    );
    std::fs::remove_file(&path).expect("the file");
    let read_only = message(open(format!("sqlite:{}?mode=ro", path.display())).await);
    assert!(read_only.contains("readonly"), "{read_only}");
    let nowhere = message(open(format!("sqlite:{}/no/talia.db", directory.path().display())).await);
    assert!(nowhere.contains("No such file"), "{nowhere}");
}

#[tokio::test]
async fn the_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().expect("a folder");
    let url = Keeper::Sqlite.new_database(&directory);
    let server = TestServer::start_with(&[("TALIA_DATABASE_URL", &url)], Clock::real()).await;
    server.ring(&call_sid(0x84)).await;
    for name in ["talia.db", "talia.db-wal", "talia.db-shm"] {
        let mode = std::fs::metadata(directory.path().join(name))
            .expect(name)
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

async fn words_of_an_unknown_call_are_refused_and_hurt_no_other(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    let sid = call_sid(0x85);
    server.ring(&sid).await;
    let writes = (0..40).map(|number| {
        let owner = if number % 4 == 3 { call_sid(0x86) } else { sid.clone() };
        store.append_segment(segment(&owner, number.to_string(), clock))
    });
    let results = futures::future::join_all(writes).await;
    for (number, result) in results.iter().enumerate() {
        match result {
            Ok(()) => assert_ne!(number % 4, 3),
            Err(error) => {
                assert!(matches!(error, StoreError::Rejected(_)), "{error}");
                assert_eq!(number % 4, 3);
            }
        }
    }
    assert_eq!(texts(store, &sid).await.len(), 30);
    assert_eq!(server.app.metrics.store_error_count(StoreFault::Rejected), 10);
}

async fn what_was_handed_over_before_the_end_is_written_and_the_rest_refused(keeper: Keeper) {
    let directory = TempDir::new().expect("a folder");
    let url = keeper.new_database(&directory);
    let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
    let store = Store::open(StoreSettings::new(&url), clock.clone(), metrics.clone())
        .await
        .expect("a store");
    let sid = call_sid(0x87);
    store.call_started(new_call(&sid, &clock)).await.expect("a write");
    for number in 0..500 {
        store
            .record(Record::Segment(segment(&sid, number.to_string(), &clock)))
            .expect("room");
    }
    store.close().await;
    assert_eq!(
        store.call_ended(&sid, EndReason::Finished).await,
        Err(StoreError::Closed)
    );
    let again = Store::open(StoreSettings::new(&url), clock, metrics)
        .await
        .expect("a store");
    let all: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(texts(&again, &sid).await, all);
}

async fn more_than_memory_allows_is_refused_and_counted(keeper: Keeper) {
    let settings = [("TALIA_DATABASE__BACKLOG", "3"), ("TALIA_DATABASE__SPOOL_MAX_MIB", "0")];
    let server = server_on(keeper, &settings).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    let sid = call_sid(0x88);
    server.ring(&sid).await;
    let other = hold(&server).await;
    let writes = (0..5).map(|number| store.append_segment(segment(&sid, number.to_string(), clock)));
    let results = futures::future::join_all(writes).await;
    assert_eq!(
        results
            .iter()
            .filter(|result| **result == Err(StoreError::Deferred))
            .count(),
        3
    );
    assert_eq!(
        results
            .iter()
            .filter(|result| **result == Err(StoreError::Overflow))
            .count(),
        2
    );
    assert_eq!(server.app.metrics.store_error_count(StoreFault::Overflow), 2);
    other.release().await.expect("let go");
    eventually("three are written", async || texts(store, &sid).await.len() == 3).await;
}
