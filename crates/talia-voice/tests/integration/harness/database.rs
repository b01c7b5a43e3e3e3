//! What happens to a database: another process holds it, or its files are gone.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Another process that holds the database for writing, until it lets it go.
pub(crate) async fn lock(file: &Path) -> SqliteConnection {
    let url = format!("sqlite:{}", file.display());
    let mut other = SqliteConnectOptions::from_str(&url)
        .expect("a URL")
        .connect()
        .await
        .expect("a connection");
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut other)
        .await
        .expect("the lock");
    other
}

/// Lets it go.
pub(crate) async fn unlock(mut other: SqliteConnection) {
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("the lock is given up");
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
