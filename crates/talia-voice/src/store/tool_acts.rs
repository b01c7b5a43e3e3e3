//! Table `tool_acts`: what models' tools did, each act written before it happens and at most once by its key.

use super::columns::{MaybeTime, Time};
use super::constants::{self, Word};
use super::engine::{Connection, Pool};
use super::sql::sql;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An act that is about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToolAct {
    pub call_sid: String,
    pub key: String,
    pub tool: String,
    pub at: Timestamp,
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolActEnd {
    pub call_sid: String,
    pub key: String,
    /// `done`, `failed`, `unknown`.
    #[serde(deserialize_with = "constants::word")]
    pub state: Word,
    pub at: Timestamp,
}

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ToolActRow {
    pub call_sid: String,
    pub key: String,
    pub tool: String,
    pub state: String,
    #[sqlx(try_from = "Time")]
    pub begun_at: String,
    #[sqlx(try_from = "MaybeTime")]
    pub ended_at: Option<String>,
}

/// Writes an act down. `None`: it is new, or the earlier one surely did not happen; else the earlier one's state.
pub(super) async fn begin(connection: &mut Connection, new: &NewToolAct) -> Result<Option<String>, sqlx::Error> {
    let written = sql(
        "INSERT INTO tool_acts (call_sid, key, tool, state, begun_at) VALUES ($1, $2, $3, 'begun', $4)
         ON CONFLICT (call_sid, key) DO UPDATE SET state = 'begun', begun_at = $4, ended_at = NULL
         WHERE tool_acts.state = 'failed'",
    )
    .bind(&new.call_sid)
    .bind(&new.key)
    .bind(&new.tool)
    .bind(new.at)
    .run(connection)
    .await?;
    if written > 0 {
        return Ok(None);
    }
    let (state,): (String,) = sql("SELECT state FROM tool_acts WHERE call_sid = $1 AND key = $2")
        .bind(&new.call_sid)
        .bind(&new.key)
        .one(&mut *connection)
        .await?;
    Ok(Some(state))
}

/// Writes down what became of an act; the first word stays.
pub(super) async fn end(connection: &mut Connection, end: &ToolActEnd) -> Result<(), sqlx::Error> {
    sql("UPDATE tool_acts SET state = $3, ended_at = $4 WHERE call_sid = $1 AND key = $2 AND state = 'begun'")
        .bind(&end.call_sid)
        .bind(&end.key)
        .bind(end.state)
        .bind(end.at)
        .run(connection)
        .await?;
    Ok(())
}

/// A call's acts in order.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<ToolActRow>, sqlx::Error> {
    sql("SELECT * FROM tool_acts WHERE call_sid = $1 ORDER BY begun_at, key")
        .bind(call_sid)
        .all(pool)
        .await
}
