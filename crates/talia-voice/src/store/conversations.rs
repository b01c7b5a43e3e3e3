//! Tables `conversations` and `nodes`: what a broken conversation needs to go on, and which node holds it.

use super::columns::{Id, MaybeJson, Time};
use super::engine::{Connection, Pool};
use super::sql::sql;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A conversation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ConversationRow {
    pub call_sid: String,
    /// The number of the stream whose node may write.
    pub fence: i64,
    #[sqlx(try_from = "Id")]
    pub node: String,
    /// ISO-8601 in UTC.
    #[sqlx(try_from = "Time")]
    pub began_at: String,
    /// JSON.
    #[sqlx(try_from = "MaybeJson")]
    pub memory: Option<String>,
    #[sqlx(try_from = "Time")]
    pub updated_at: String,
}

/// What a conversation remembers, as one stream's node knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemory {
    pub call_sid: String,
    /// The number of the stream, from 1; a newer stream's memory is never overwritten by an older one's.
    pub fence: i64,
    /// JSON.
    pub memory: String,
    pub at: Timestamp,
}

/// A node takes a conversation over with its call's newest stream.
pub(super) async fn take_over(
    connection: &mut Connection,
    (call_sid, node): (&str, &str),
    fence: i64,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sql(
        "INSERT INTO conversations (call_sid, fence, node, began_at, updated_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (call_sid) DO UPDATE SET fence = $2, node = $3, updated_at = $4 WHERE conversations.fence < $2",
    )
    .bind(call_sid)
    .bind(fence)
    .id(node)
    .bind(at)
    .run(connection)
    .await?;
    Ok(())
}

/// Keeps what is remembered, unless a newer stream has taken the conversation over.
pub(super) async fn remember(connection: &mut Connection, new: &NewMemory) -> Result<(), sqlx::Error> {
    sql("UPDATE conversations SET memory = $3, updated_at = $4 WHERE call_sid = $1 AND fence = $2")
        .bind(&new.call_sid)
        .bind(new.fence)
        .json(&new.memory)
        .bind(new.at)
        .run(connection)
        .await?;
    Ok(())
}

/// Says that a node is alive until then, and forgets those that haven't been for an hour.
pub(super) async fn alive(
    connection: &mut Connection,
    node: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<(), sqlx::Error> {
    sql("INSERT INTO nodes (node, alive_until) VALUES ($1, $2) ON CONFLICT (node) DO UPDATE SET alive_until = $2")
        .id(node)
        .bind(until)
        .run(connection)
        .await?;
    sql("DELETE FROM nodes WHERE alive_until < $1")
        .bind(now - jiff::SignedDuration::from_hours(1))
        .run(connection)
        .await?;
    Ok(())
}

/// Reads one conversation.
pub(super) async fn fetch(pool: &Pool, call_sid: &str) -> Result<Option<ConversationRow>, sqlx::Error> {
    sql("SELECT * FROM conversations WHERE call_sid = $1")
        .bind(call_sid)
        .optional(pool)
        .await
}
