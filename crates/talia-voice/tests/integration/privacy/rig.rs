//! A database that is looked into, and changed, behind the program's back.

use crate::harness::{Keeper, execute};
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use talia_voice::clock::Clock;
use talia_voice::store::{Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

/// A store with nothing around it.
pub(crate) struct Lone {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) home: TempDir,
}

impl Lone {
    pub(crate) async fn new(keeper: Keeper, clock: Clock) -> Self {
        let home = TempDir::new().expect("a folder");
        let url = keeper.new_database(&home);
        let metrics = Arc::new(Metrics::default());
        let store = Store::open(StoreSettings::new(&url), clock.clone(), metrics.clone()).await;
        Self {
            store: store.expect("a store"),
            url,
            clock,
            metrics,
            home,
        }
    }
}

/// Does what somebody does who has got at the database.
pub(super) async fn tamper(url: &str, statement: &str) {
    assert!(execute(url, statement).await > 0, "{statement}");
}

/// The tables in which any of these texts stands.
pub(super) async fn tables_with(url: &str, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(url).await.expect("a connection");
        let tables = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'table'");
        for table in tables.fetch_all(&mut connection).await.expect("tables") {
            let table: String = table.get(0);
            let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM \"{table}\"")));
            for row in rows.fetch_all(&mut connection).await.expect("rows") {
                let texts = (0..row.len()).map(|at| row.try_get_unchecked::<String, _>(at).unwrap_or_default());
                if texts
                    .into_iter()
                    .any(|text| needles.iter().any(|needle| text.contains(needle)))
                {
                    found.push(table.clone());
                }
            }
        }
    } else {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        let tables = sqlx::query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'");
        for table in tables.fetch_all(&mut connection).await.expect("tables") {
            let table: String = table.get(0);
            let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t")));
            for row in rows.fetch_all(&mut connection).await.expect("rows") {
                let text: String = row.get(0);
                if needles.iter().any(|needle| text.contains(needle)) {
                    found.push(table.clone());
                }
            }
        }
    }
    found.dedup();
    found
}

/// The files below a folder in which any of these texts stands, byte for byte.
pub(super) fn files_with(folder: &Path, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // A file may go while it is looked for.
            let bytes = std::fs::read(&path).unwrap_or_default();
            let has = |needle: &&str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            found.extend(
                needles
                    .iter()
                    .filter(|needle| has(needle))
                    .map(|needle| format!("{} has {needle}", path.display())),
            );
        }
    }
    found
}
