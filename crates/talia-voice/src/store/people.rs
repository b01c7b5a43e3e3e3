//! What is kept of a person, found by number: over all tables that hold one.

use super::columns::{Id, Json, MaybeJson, Time};
use super::sql::sql;
use super::{DoNotCallRow, Store, StoreError};
use serde::Serialize;

/// A call out to a number, and what was said and agreed about it.
#[derive(Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct DialledRow {
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: Option<String>,
    pub door: String,
    pub asked_by: String,
    pub to_number: String,
    pub purpose: Option<String>,
    /// JSON.
    #[sqlx(try_from = "Json")]
    pub variables: String,
    /// JSON.
    #[sqlx(try_from = "MaybeJson")]
    pub consent: Option<String>,
    pub state: String,
    #[sqlx(try_from = "Time")]
    pub created_at: String,
}

/// A wish to dial a number, and what was said to it.
#[derive(Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct WishRow {
    #[sqlx(try_from = "Time")]
    pub at: String,
    pub door: String,
    pub asked_by: String,
    pub verdict: String,
}

impl Store {
    /// The calls of a person at this number (E.164): who called from it, was called at it, or left it as their own. Oldest first.
    pub async fn calls_of_number(&self, number: &str) -> Result<Vec<String>, StoreError> {
        // The company's own number is the other side of each call: asking for it finds nobody.
        let rows: Result<Vec<(String,)>, _> = sql("SELECT call_sid FROM voice_calls WHERE call_sid IN (
                 SELECT call_sid FROM voice_calls WHERE from_number = $1 AND direction = 'inbound'
                 UNION SELECT call_sid FROM voice_calls WHERE to_number = $1 AND direction LIKE 'outbound%'
                 UNION SELECT call_sid FROM leads WHERE phone = $1 OR person = $1
                 UNION SELECT call_sid FROM outbound_calls WHERE to_number = $1 AND call_sid IS NOT NULL)
             ORDER BY started_at, call_sid")
        .bind(number)
        .all(self.readers())
        .await;
        Ok(self.read(rows)?.into_iter().map(|(call_sid,)| call_sid).collect())
    }

    /// Calls out to this number, oldest first.
    pub async fn dialled(&self, number: &str) -> Result<Vec<DialledRow>, StoreError> {
        let rows = sql(
            "SELECT id, call_sid, door, asked_by, to_number, purpose, variables, consent, state, created_at
             FROM outbound_calls WHERE to_number = $1 ORDER BY id",
        )
        .bind(number)
        .all(self.readers())
        .await;
        self.read(rows)
    }

    /// Wishes to dial this number, oldest first.
    pub async fn wishes(&self, number: &str) -> Result<Vec<WishRow>, StoreError> {
        let rows = sql("SELECT at, door, asked_by, verdict FROM dial_audit WHERE to_number = $1 ORDER BY id")
            .bind(number)
            .all(self.readers())
            .await;
        self.read(rows)
    }

    /// Whether and since when the number's owner doesn't want to be called.
    pub async fn do_not_call_entry(&self, number: &str) -> Result<Option<DoNotCallRow>, StoreError> {
        let row = sql("SELECT * FROM do_not_call WHERE number = $1")
            .bind(number)
            .optional(self.readers())
            .await;
        self.read(row)
    }

    /// Whether the number's owner doesn't want to be called.
    pub async fn is_on_do_not_call_list(&self, number: &str) -> Result<bool, StoreError> {
        Ok(self.do_not_call_entry(number).await?.is_some())
    }
}
