//! Table `transfers`: callers handed to a person.

use super::times;
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

/// A transfer that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    pub call_sid: String,
    /// An id of the configuration.
    pub destination: String,
    /// One sentence for the person who answers.
    pub summary: String,
    pub at: Timestamp,
}

/// What became of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) call_sid: String,
    pub(super) answered: bool,
    /// Twilio's `DialCallStatus`.
    pub(super) word: String,
    pub(super) at: Timestamp,
}

/// A transfer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TransferRow {
    pub id: String,
    pub call_sid: String,
    pub destination: String,
    /// `asked`, `answered`, `unanswered`.
    pub state: String,
    pub summary: String,
    pub outcome: Option<String>,
    pub asked_at: String,
    pub ended_at: Option<String>,
}

/// Writes down that a caller is handed to a person.
pub(super) async fn ask(connection: &mut SqliteConnection, (id, new): (&str, &NewTransfer)) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO transfers (id, call_sid, destination, state, summary, asked_at) VALUES (?, ?, ?, 'asked', ?, ?)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(&new.call_sid)
    .bind(&new.destination)
    .bind(&new.summary)
    .bind(times::text(new.at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down what became of the transfer that is under way; a repetition finds none.
pub(super) async fn end(connection: &mut SqliteConnection, outcome: &Outcome) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE transfers SET state = ?2, outcome = ?3, ended_at = ?4 WHERE call_sid = ?1 AND state = 'asked'")
        .bind(&outcome.call_sid)
        .bind(if outcome.answered { "answered" } else { "unanswered" })
        .bind(&outcome.word)
        .bind(times::text(outcome.at))
        .execute(connection)
        .await?;
    Ok(())
}

/// A call's transfers in order.
pub(super) async fn of_call(pool: &SqlitePool, call_sid: &str) -> Result<Vec<TransferRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM transfers WHERE call_sid = ? ORDER BY id")
        .bind(call_sid)
        .fetch_all(pool)
        .await
}
