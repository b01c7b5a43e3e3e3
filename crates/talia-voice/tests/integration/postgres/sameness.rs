//! The same is kept by both engines, on PostgreSQL by its own types.

use crate::conversation::HAPPY;
use crate::harness::{CallServer, Cluster, Keeper, TestServer, call_sid, config, eventually};
use crate::resume::{check, patient};
use crate::store::{new_call, segment};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use std::collections::BTreeSet;
use std::sync::Arc;
use talia_simulator::cut::{Cut, CutAt};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::dialing::Door;
use talia_voice::store::{
    CloudEvent, DialAnswer, LeadFields, NewDial, NewTransfer, NewUsage, StatusReport, Store, StoreSettings,
};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

async fn open(url: &str, clock: &Clock) -> Store {
    Store::open(StoreSettings::new(url), clock.clone(), Arc::new(Metrics::default()))
        .await
        .expect("a store")
}

/// Puts words in the place of what differs between two calls: identifiers and times.
fn plain(value: &mut Value, sid: &str) {
    const TIMES: [&str; 8] = [
        "time",
        "timestamp",
        "started_at",
        "ended_at",
        "created_at",
        "updated_at",
        "disclosure_heard_at",
        "asked_at",
    ];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.ends_with("_ms") || name == "duration_s" {
                    assert!(value.is_null() || value.is_i64(), "{name}: {value}");
                    *value = "[number]".into();
                } else if TIMES.contains(&name.as_str()) && !value.is_null() {
                    let text = value.as_str().expect("text");
                    // The one form of a time, whichever engine it came from.
                    let time: jiff::Timestamp = text.parse().expect("a time");
                    assert_eq!(text, format!("{time:.3}"));
                    *value = "[time]".into();
                } else if ["id", "lead_id", "segment_id", "transfer_id"].contains(&name.as_str()) && !value.is_null() {
                    value.as_str().expect("text").parse::<uuid::Uuid>().expect("a UUID");
                    *value = "[uuid]".into();
                } else {
                    plain(value, sid);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| plain(value, sid)),
        Value::String(text) if text == sid => "[sid]".clone_into(text),
        _ => {}
    }
}

/// Everything that is kept of a call.
async fn kept(store: &Store, sid: &str) -> Value {
    let events = store.events_after(0, 1_000).await.expect("a read");
    let events: Vec<CloudEvent> = events
        .iter()
        .filter(|row| row.call_sid == sid)
        .map(|row| serde_json::from_str(&row.event).expect("an event"))
        .collect();
    let mut all = json!({
        "call": store.call(sid).await.expect("a read"),
        "lines": store.transcript(sid).await.expect("a read"),
        "lead": store.whole_lead(sid).await.expect("a read"),
        "turns": store.turns(sid).await.expect("a read"),
        "acts": store.tool_acts(sid).await.expect("a read"),
        "memory": store.conversation(sid).await.expect("a read").map(|row| row.memory.is_some()),
        "events": events,
    });
    plain(&mut all, sid);
    all
}

async fn a_whole_call(keeper: Keeper) -> Value {
    let folder = TempDir::new().expect("a folder");
    let url = keeper.new_database(&folder);
    let calls = CallServer::start_with(&[("TALIA_DATABASE_URL", &url)]).await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let store = &calls.server.app.store;
    eventually("everything is written", async || {
        let row = store.call(outcome.call_sid.as_str()).await.expect("a read");
        row.is_some_and(|row| row.duration_s.is_some()) && calls.server.app.metrics.store_backlog.get() == 0
    })
    .await;
    kept(store, outcome.call_sid.as_str()).await
}

#[tokio::test]
async fn both_keep_the_same_of_a_whole_call() {
    let (ours, theirs) = tokio::join!(a_whole_call(Keeper::Sqlite), a_whole_call(Keeper::Postgres));
    assert!(
        ours["lead"]["name"] == "Carlos Herrera" && ours["lines"].as_array().expect("lines").len() > 6,
        "{ours:#}"
    );
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn a_call_whose_stream_is_cut_goes_on_and_ends_as_one() {
    let url = Cluster::shared().new_database();
    let calls = CallServer::start_with(&[("TALIA_DATABASE_URL", &url)]).await;
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut]).await;
    check(&calls, &outcome, "cut").await;
}

/// Columns by table: name and type.
type Columns = BTreeSet<(String, String, String)>;

async fn of_postgres(url: &str) -> Columns {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let rows = sqlx::query(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("columns");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn of_sqlite(url: &str) -> Columns {
    let mut connection = SqliteConnection::connect(url).await.expect("a connection");
    let rows = sqlx::query(
        "SELECT m.name, c.name, c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("columns");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Whoever adds a column to one engine adds it to the other.
#[tokio::test]
async fn both_have_the_same_tables_and_columns_and_postgres_its_own_types() {
    let (folder, clock) = (TempDir::new().expect("a folder"), Clock::real());
    let (ours, theirs) = (
        Keeper::Sqlite.new_database(&folder),
        Keeper::Postgres.new_database(&folder),
    );
    open(&ours, &clock).await.close().await;
    open(&theirs, &clock).await.close().await;
    // What is there already is not made again.
    open(&theirs, &clock).await.close().await;
    let (sqlite, postgres) = (of_sqlite(&ours).await, of_postgres(&theirs).await);
    let names = |columns: &Columns| -> BTreeSet<_> {
        let names = columns.iter().map(|(table, column, _)| (table.clone(), column.clone()));
        // SQLite has one by itself.
        names.filter(|(_, column)| column != "rowid").collect()
    };
    assert_eq!(names(&sqlite), names(&postgres));
    for (table, column, kind) in &postgres {
        let expected = match column.as_str() {
            "id" | "node" | "outbound_id" | "lead_id" | "segment_id" | "first_lead_id" | "written_id" => "uuid",
            "timestamp" | "time" | "at" | "alive_until" | "lease_until" | "upload_until" => "timestamp with time zone",
            column if column.ends_with("_at") => "timestamp with time zone",
            "event" | "memory" | "variables" | "consent" => "jsonb",
            "name_confirmed" | "email_confirmed" | "phone_confirmed" | "estimated" | "read_back" | "confirmed" => {
                "boolean"
            }
            "token_sha256" | "request_sha256" | "sha256" => "bytea",
            _ if kind == "bigint" => "bigint",
            _ => "text",
        };
        assert_eq!(kind, expected, "{table}.{column}");
        let number = sqlite.contains(&(table.clone(), column.clone(), "INTEGER".to_owned()));
        assert_eq!(
            number,
            matches!(expected, "bigint" | "boolean") && column != "rowid",
            "{table}.{column}"
        );
    }
}

/// What an operator asks of the tables by hand.
#[tokio::test]
async fn what_is_kept_can_be_asked_for_in_sql() {
    let (url, clock) = (Cluster::shared().new_database(), Clock::real());
    let store = open(&url, &clock).await;
    let sid = call_sid(0x1a0);
    store.call_started(new_call(&sid, &clock)).await.expect("a write");
    // A character that PostgreSQL's texts can't hold, in a text and in a document.
    store
        .append_segment(segment(&sid, "uno\0dos\\u0000".to_owned(), &clock))
        .await
        .expect("a write");
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    let row = sqlx::query(
        "SELECT t.text, t.timestamp <= now() + interval '1 minute' AND t.timestamp > now() - interval '1 minute',
             o.event -> 'data' ->> 'text', o.time = t.timestamp, o.event ->> 'id' = o.id::text
         FROM voice_transcripts t JOIN outbox o ON o.event -> 'data' ->> 'id' = t.id::text",
    )
    .fetch_one(&mut connection)
    .await
    .expect("one row");
    assert_eq!(row.get::<String, _>(0), "uno\u{FFFD}dos\\u0000");
    assert_eq!(row.get::<String, _>(2), "uno\u{FFFD}dos\\u0000");
    for column in [1, 3, 4] {
        assert!(row.get::<bool, _>(column), "{column}");
    }
    // What is no UUID is found nowhere, and breaks nothing.
    assert!(
        store
            .outbound("'; DROP TABLE leads; --")
            .await
            .expect("a read")
            .is_none()
    );
}

/// Every kind of write and read that a whole call doesn't have.
async fn everything_else(keeper: Keeper) -> Value {
    let (folder, clock) = (TempDir::new().expect("a folder"), Clock::real());
    let store = open(&keeper.new_database(&folder), &clock).await;
    let (sid, at) = (call_sid(0x1a1), clock.wall());
    let report = StatusReport {
        call_sid: sid.clone(),
        status: CallStatus::InProgress,
        sequence: Some(1),
        duration_s: None,
        at,
    };
    // A report that overtakes its call, twice, and one of an earlier moment behind it.
    let mut new = vec![store.advance_status(report.clone()).await.expect("a write")];
    new.push(store.advance_status(report.clone()).await.expect("a write"));
    let earlier = StatusReport {
        status: CallStatus::Ringing,
        sequence: Some(0),
        at: at - jiff::SignedDuration::from_secs(3),
        ..report.clone()
    };
    new.push(store.advance_status(earlier.clone()).await.expect("a write"));
    let started = store.call_started(new_call(&sid, &clock)).await.expect("a write");
    let began = store.call(&sid).await.expect("a read").expect("a row").started_at;
    assert_eq!(began, format!("{:.3}", earlier.at));
    for email in [None, Some("ana@ejemplo.mx".to_owned())] {
        let fields = LeadFields {
            name: email.is_none().then(|| "Ana".to_owned()),
            name_confirmed: true,
            email,
            ..LeadFields::default()
        };
        store.save_lead(&sid, fields).await.expect("a write");
    }
    let transfer = NewTransfer {
        call_sid: sid.clone(),
        destination: "ventas".to_owned(),
        summary: "Quiere paneles.".to_owned(),
        at,
    };
    store.transfer_asked(transfer).await.expect("a write");
    let transferred = store.open_calls().await.expect("a read");
    store.transfer_ended(&sid, false, "no-answer").await.expect("a write");
    for (stream, requests) in [(1, 2), (1, 5), (2, 1)] {
        let usage = NewUsage {
            call_sid: sid.clone(),
            stream,
            provider: "deepgram".to_owned(),
            requests,
            estimated: stream == 2,
            cost_micros: Some(7),
            tool_calls: requests,
            ..NewUsage::default()
        };
        store
            .keep(talia_voice::store::Record::Usage(usage))
            .await
            .expect("a write");
    }
    let states: Vec<_> = store.transfers(&sid).await.expect("a read");
    let all = json!({
        "new": new,
        "started": [started.first, started.ended],
        "open": transferred.iter().map(|call| (call.transferred, call.held_elsewhere)).collect::<Vec<_>>(),
        "transfers": states.iter().map(|row| (&row.state, &row.outcome)).collect::<Vec<_>>(),
        "usage": store.usage(&sid).await.expect("a read"),
        "kept": kept(&store, &sid).await,
    });
    store.close().await;
    all
}

#[tokio::test]
async fn both_answer_the_same_to_all_other_writes() {
    let ours = everything_else(Keeper::Sqlite).await;
    assert_eq!(ours["kept"]["call"]["cost_micros"], 14);
    assert_eq!(ours, everything_else(Keeper::Postgres).await);
}

/// Two nodes on one database: a cap that both count at once is not exceeded, and a token is good at one of them.
#[tokio::test]
async fn two_nodes_never_exceed_a_cap_together() {
    let (url, clock) = (Cluster::shared().new_database(), Clock::real());
    let settings = [
        ("TALIA_DIALING__COUNTRIES", "MX"),
        ("TALIA_DIALING__HOURS_FROM", "00:00"),
        ("TALIA_DIALING__HOURS_UNTIL", "23:59:59.999999999"),
        ("TALIA_DIALING__DAYS", "mon,tue,wed,thu,fri,sat,sun"),
        ("TALIA_DIALING__MAX_PER_HOUR", "4"),
        ("TALIA_DIALING__MAX_PER_PREFIX_PER_DAY", "100"),
        ("TALIA_DIALING__PRICE_PER_MINUTE", "1"),
        ("TALIA_DIALING__MAX_COST_PER_DAY", "10000"),
        ("TALIA_DATABASE_URL", url.as_str()),
    ];
    let policy = config(&TempDir::new().expect("a folder"), &settings).dialing.policy;
    let (one, other) = (open(&url, &clock).await, open(&url, &clock).await);
    let now = clock.wall();
    let asked = (0..40).map(|number| {
        let wish = NewDial {
            door: Door::Api,
            asked_by: "crm".to_owned(),
            key: Some(number.to_string()),
            request_sha256: [0; 32],
            to: "+525512345678".to_owned(),
            verdict: policy.judge("+525512345678", now),
            from: "+525500000000".to_owned(),
            assistant: None,
            purpose: None,
            variables: r#"{"nombre":"Ana"}"#.to_owned(),
            consent: None,
            call_sid: None,
            at: now,
        };
        if number % 2 == 0 {
            one.ask_to_dial(wish)
        } else {
            other.ask_to_dial(wish)
        }
    });
    let answers = futures::future::join_all(asked).await;
    let admitted = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(DialAnswer::Admitted(_))));
    assert_eq!(admitted.count(), 4, "{answers:?}");
    assert_eq!(one.dial_verdicts("+525512345678").await.expect("a read").len(), 40);
    one.close().await;
    other.close().await;
}

/// A newer node has added its tables; an older one starts and works.
#[tokio::test]
async fn an_older_node_works_where_a_newer_one_has_been() {
    let (url, clock) = (Cluster::shared().new_database(), Clock::real());
    open(&url, &clock).await.close().await;
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    for statement in [
        "ALTER TABLE voice_calls ADD COLUMN of_tomorrow text",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'tomorrow', true, '', 0)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .expect("a migration");
    }
    let server = TestServer::start_with(&[("TALIA_DATABASE_URL", &url)], Clock::real()).await;
    server.ring_and_keep(&call_sid(0x1a2)).await;
}
