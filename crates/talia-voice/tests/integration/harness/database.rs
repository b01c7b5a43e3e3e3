//! Which engine keeps a test's database, and what happens to that behind the program's back.

use super::Cluster;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Which engine keeps a test's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    Sqlite,
    Postgres,
}

impl Keeper {
    /// The one that servers of tests use which don't name another: PostgreSQL where `TALIA_TEST_DATABASE` says so.
    pub(crate) fn of_this_run() -> Self {
        match std::env::var("TALIA_TEST_DATABASE").as_deref() {
            Ok("postgres") => Self::Postgres,
            Ok("sqlite" | "") | Err(_) => Self::Sqlite,
            Ok(_) => panic!("TALIA_TEST_DATABASE is sqlite or postgres"),
        }
    }

    /// The address of an empty database; SQLite's is in this folder.
    pub(crate) fn new_database(self, directory: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", directory.path().join("talia.db").display()),
            Self::Postgres => Cluster::shared().new_database(),
        }
    }
}

/// Does something to a database behind the program's back; answers how many rows that touched.
pub(crate) async fn execute(url: &str, text: &str) -> u64 {
    let text = sqlx::AssertSqlSafe(text.to_owned());
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        let done = sqlx::raw_sql(text).execute(&mut connection).await;
        done.expect("done").rows_affected()
    } else {
        let mut connection = SqliteConnection::connect(url).await.expect("a connection");
        let done = sqlx::raw_sql(text).execute(&mut connection).await;
        done.expect("done").rows_affected()
    }
}

/// Moves a database's files, so that whoever opens it finds none.
pub(crate) fn rename(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if with(from).exists() {
            std::fs::rename(with(from), with(to)).expect("a moved file");
        }
    }
}
