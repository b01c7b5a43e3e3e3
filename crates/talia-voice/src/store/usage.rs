//! Table `call_usage`: what each provider did for a call, and what that costs.

use serde::Serialize;
use sqlx::{SqliteConnection, SqlitePool};

/// What one provider did in one stream of a call so far: later times replace it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUsage {
    pub call_sid: String,
    /// The number of the call's media stream, from 1.
    pub stream: i64,
    /// A name of the configuration.
    pub provider: String,
    pub requests: i64,
    /// Those from a cache included.
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// Characters spoken.
    pub characters: i64,
    /// Audio listened to, milliseconds.
    pub heard_ms: i64,
    pub estimated: bool,
    /// Millionths of the operator's currency.
    pub cost_micros: Option<i64>,
    /// Wishes of models to use a tool, in all streams of the call.
    pub tool_calls: i64,
}

/// What one provider did for a call, all its streams together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct UsageRow {
    pub provider: String,
    pub requests: i64,
    /// Those from a cache included.
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// Characters spoken.
    pub characters: i64,
    /// Audio listened to, milliseconds.
    pub heard_ms: i64,
    /// Some of the tokens were not told by the provider, but counted by the length of texts.
    pub estimated: bool,
    /// Millionths of the operator's currency; none where the configuration has no price.
    pub cost_micros: Option<i64>,
}

/// Keeps what a provider did so far, and the call's sums with it.
pub(super) async fn keep(connection: &mut SqliteConnection, new: &NewUsage) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO call_usage (call_sid, stream, provider, requests, input_tokens, cached_tokens,
             output_tokens, characters, heard_ms, estimated, cost_micros)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&new.call_sid)
    .bind(new.stream)
    .bind(&new.provider)
    .bind(new.requests)
    .bind(new.input_tokens)
    .bind(new.cached_tokens)
    .bind(new.output_tokens)
    .bind(new.characters)
    .bind(new.heard_ms)
    .bind(new.estimated)
    .bind(new.cost_micros)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE voice_calls SET
             cost_micros = (SELECT SUM(cost_micros) FROM call_usage WHERE call_usage.call_sid = ?1),
             tool_calls = MAX(COALESCE(tool_calls, 0), ?2)
         WHERE call_sid = ?1",
    )
    .bind(&new.call_sid)
    .bind(new.tool_calls)
    .execute(connection)
    .await?;
    Ok(())
}

/// What each provider did for a call.
pub(super) async fn of_call(pool: &SqlitePool, call_sid: &str) -> Result<Vec<UsageRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT provider, SUM(requests) AS requests, SUM(input_tokens) AS input_tokens,
             SUM(cached_tokens) AS cached_tokens, SUM(output_tokens) AS output_tokens, SUM(characters) AS characters,
             SUM(heard_ms) AS heard_ms, MAX(estimated) AS estimated, SUM(cost_micros) AS cost_micros
         FROM call_usage WHERE call_sid = ? GROUP BY provider ORDER BY provider",
    )
    .bind(call_sid)
    .fetch_all(pool)
    .await
}
