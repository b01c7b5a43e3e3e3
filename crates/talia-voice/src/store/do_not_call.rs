//! Table `do_not_call`: numbers whose owners don't want to be called.

use super::columns::Time;
use super::engine::Connection;
use super::sql::sql;
use super::write::{Write, Written};
use super::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A change of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoNotCallChange {
    /// From now on not to be called; who said so first, and why, stays.
    Add {
        number: String,
        reason: String,
        added_by: String,
    },
    /// May be called again.
    Remove { number: String },
}

/// A number of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct DoNotCallRow {
    pub number: String,
    pub reason: String,
    pub added_by: String,
    #[sqlx(try_from = "Time")]
    pub added_at: String,
}

/// Changes the list; answers whether anything changed.
pub(super) async fn change(
    connection: &mut Connection,
    change: &DoNotCallChange,
    at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = match change {
        DoNotCallChange::Add {
            number,
            reason,
            added_by,
        } => {
            sql(
                "INSERT INTO do_not_call (number, reason, added_by, added_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (number) DO NOTHING",
            )
            .bind(number)
            .bind(reason)
            .bind(added_by)
            .bind(at)
            .run(connection)
            .await?
        }
        DoNotCallChange::Remove { number } => {
            sql("DELETE FROM do_not_call WHERE number = $1")
                .bind(number)
                .run(connection)
                .await?
        }
    };
    Ok(done > 0)
}

/// Whether a number is on the list.
pub(super) async fn has(connection: &mut Connection, number: &str) -> Result<bool, sqlx::Error> {
    let (found,): (bool,) = sql("SELECT EXISTS (SELECT 1 FROM do_not_call WHERE number = $1)")
        .bind(number)
        .one(connection)
        .await?;
    Ok(found)
}

impl Store {
    /// Changes the do-not-call list; answers whether anything changed.
    pub async fn change_do_not_call(&self, change: DoNotCallChange) -> Result<bool, StoreError> {
        match self.write(Write::DoNotCall(change, self.now())).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Closed),
        }
    }

    /// The list, the newest first.
    pub async fn do_not_call(&self, limit: u32) -> Result<Vec<DoNotCallRow>, StoreError> {
        let rows = sql("SELECT * FROM do_not_call ORDER BY added_at DESC, number LIMIT $1")
            .bind(limit)
            .all(self.readers())
            .await;
        self.read(rows)
    }
}
