//! Tables `conversations` and `nodes`: what a broken conversation needs to go on, and which node holds it.

use super::times;
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

/// A conversation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ConversationRow {
    pub call_sid: String,
    /// The number of the stream whose node may write.
    pub fence: i64,
    pub node: String,
    /// ISO-8601 in UTC.
    pub began_at: String,
    /// JSON.
    pub memory: Option<String>,
    pub updated_at: String,
}

/// What a conversation remembers, as one stream's node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    connection: &mut SqliteConnection,
    (call_sid, node): (&str, &str),
    fence: i64,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO conversations (call_sid, fence, node, began_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (call_sid) DO UPDATE SET fence = ?2, node = ?3, updated_at = ?4 WHERE fence < ?2",
    )
    .bind(call_sid)
    .bind(fence)
    .bind(node)
    .bind(times::text(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what is remembered, unless a newer stream has taken the conversation over.
pub(super) async fn remember(connection: &mut SqliteConnection, new: &NewMemory) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE conversations SET memory = ?3, updated_at = ?4 WHERE call_sid = ?1 AND fence = ?2")
        .bind(&new.call_sid)
        .bind(new.fence)
        .bind(&new.memory)
        .bind(times::text(new.at))
        .execute(connection)
        .await?;
    Ok(())
}

/// Says that a node is alive until then, and forgets those that haven't been for an hour.
pub(super) async fn alive(
    connection: &mut SqliteConnection,
    node: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO nodes (node, alive_until) VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET alive_until = ?2",
    )
    .bind(node)
    .bind(times::text(until))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM nodes WHERE alive_until < ?")
        .bind(times::text(now - jiff::SignedDuration::from_hours(1)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Reads one conversation.
pub(super) async fn fetch(pool: &SqlitePool, call_sid: &str) -> Result<Option<ConversationRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM conversations WHERE call_sid = ?")
        .bind(call_sid)
        .fetch_optional(pool)
        .await
}
