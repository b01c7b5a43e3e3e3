//! A database of before there were persons.

use crate::harness::{Keeper, call_sid};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use talia_voice::clock::Clock;
use talia_voice::store::{Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

on_both! {
    leads_of_before_are_put_in_order
}

/// Who rang, or was rung, and what they confirmed; in the order of their leads.
const LEADS: [(&str, &str, Option<&str>); 7] = [
    ("inbound", "+525511110000", None),
    ("inbound", "anonymous", None),
    ("inbound", "+525522220000", Some("+525511110000")),
    ("inbound", "+266696687", None),
    ("outbound-api", "+525522220000", None),
    ("inbound", "+525522220000", None),
    ("inbound", "+525511110000", None),
];

/// Rows as they stood, for either engine.
fn rows() -> String {
    let mut rows = String::new();
    for (number, (direction, line, confirmed)) in (0..).zip(LEADS) {
        let sid = call_sid(0x600 + number);
        let at = format!("2026-11-24T18:00:{:02}.000Z", number + 1);
        let (from, to) = if direction == "inbound" {
            (line, "+525599990000")
        } else {
            ("+525599990000", line)
        };
        write!(
            rows,
            "INSERT INTO voice_calls (call_sid, account_sid, direction, from_number, to_number, status, started_at)
             VALUES ('{sid}', 'AC', '{direction}', '{from}', '{to}', 'completed', '{at}');"
        )
        .expect("text");
        // A telephone that nobody agreed to names nobody.
        let (phone, is_confirmed) = confirmed.map_or(("+525533330000", "FALSE"), |phone| (phone, "TRUE"));
        write!(
            rows,
            "INSERT INTO leads (id, call_sid, phone, phone_confirmed, name_confirmed, email_confirmed, created_at, updated_at)
             VALUES ('0192f0a0-0000-7000-8000-{number:012}', '{sid}', '{phone}', {is_confirmed}, FALSE, FALSE, '{at}', '{at}');"
        )
        .expect("text");
    }
    rows
}

async fn leads_of_before_are_put_in_order(keeper: Keeper) {
    let folder = TempDir::new().expect("a folder");
    let url = keeper.new_database(&folder);
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    match keeper {
        Keeper::Sqlite => {
            let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc"))
                .await
                .expect("a file");
            let migrations = Migrator::new(migrations.join("sqlite")).await.expect("files");
            migrations
                .run_to(7, &mut connection)
                .await
                .expect("the tables of before");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows()))
                .execute(&mut connection)
                .await
                .expect("rows");
            connection.close().await.expect("an end");
        }
        Keeper::Postgres => {
            let mut connection = PgConnection::connect(&url).await.expect("a connection");
            let migrations = Migrator::new(migrations.join("postgres")).await.expect("files");
            migrations
                .run_to(3, &mut connection)
                .await
                .expect("the tables of before");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows()))
                .execute(&mut connection)
                .await
                .expect("rows");
            connection.close().await.expect("an end");
        }
    }
    let store = Store::open(StoreSettings::new(&url), Clock::real(), Arc::new(Metrics::default()))
        .await
        .expect("a store");
    let mut found = Vec::new();
    for number in 0..LEADS.len() as u32 {
        let lead = store
            .lead(&call_sid(0x600 + number))
            .await
            .expect("a read")
            .expect("a lead");
        let first = lead.first_lead_id.map(|id| id[35..].to_owned());
        found.push((lead.person, first));
    }
    let of = |person: Option<&str>, first: Option<&str>| (person.map(str::to_owned), first.map(str::to_owned));
    let (ana, eva) = (Some("+525511110000"), Some("+525522220000"));
    assert_eq!(
        found,
        [
            of(ana, None),
            of(None, None),
            of(ana, Some("0")),
            of(None, None),
            of(eva, None),
            of(eva, Some("4")),
            of(ana, Some("0")),
        ]
    );
    store.close().await;
}
