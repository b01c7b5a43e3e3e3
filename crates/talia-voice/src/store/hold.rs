//! Holding a database as another process would, to see what its users do meanwhile.

use super::StoreError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::str::FromStr;
use std::time::Duration;

/// How long to wait for whoever is writing.
const BUSY: Duration = Duration::from_secs(5);

/// A database that nobody else can write until it is let go.
#[derive(Debug)]
pub struct Hold(SqliteConnection);

impl Hold {
    /// Takes the database at `url` (`sqlite:` and a path), which must exist.
    pub async fn take(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?.busy_timeout(BUSY);
        let mut connection = options.connect().await?;
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await?;
        Ok(Self(connection))
    }

    /// Lets it go.
    pub async fn release(mut self) -> Result<(), StoreError> {
        sqlx::query("ROLLBACK").execute(&mut self.0).await?;
        Ok(())
    }
}
