//! Table `call_usage`: what each provider did for a call, and what that costs.

use super::engine::{Connection, Pool};
use super::sql::sql;
use serde::{Deserialize, Serialize};

/// What one provider did in one stream of a call so far: later times replace it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
pub(super) async fn keep(connection: &mut Connection, new: &NewUsage) -> Result<(), sqlx::Error> {
    sql(
        "INSERT INTO call_usage (call_sid, stream, provider, requests, input_tokens, cached_tokens,
             output_tokens, characters, heard_ms, estimated, cost_micros)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (call_sid, stream, provider) DO UPDATE SET
             requests = $4, input_tokens = $5, cached_tokens = $6, output_tokens = $7, characters = $8,
             heard_ms = $9, estimated = $10, cost_micros = $11",
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
    .run(connection)
    .await?;
    sql(
        "UPDATE voice_calls SET
             cost_micros = (SELECT CAST(SUM(call_usage.cost_micros) AS BIGINT) FROM call_usage WHERE call_usage.call_sid = $1),
             tool_calls = CASE WHEN tool_calls > $2 THEN tool_calls ELSE $2 END
         WHERE call_sid = $1",
    )
    .bind(&new.call_sid)
    .bind(new.tool_calls)
    .run(connection)
    .await?;
    Ok(())
}

/// What each provider did for a call.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<UsageRow>, sqlx::Error> {
    sql(
        "SELECT provider, CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
             CAST(SUM(cached_tokens) AS BIGINT) AS cached_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
             CAST(SUM(characters) AS BIGINT) AS characters, CAST(SUM(heard_ms) AS BIGINT) AS heard_ms,
             MAX(CASE WHEN estimated THEN 1 ELSE 0 END) = 1 AS estimated,
             CAST(SUM(cost_micros) AS BIGINT) AS cost_micros
         FROM call_usage WHERE call_sid = $1 GROUP BY provider ORDER BY provider",
    )
    .bind(call_sid)
    .all(pool)
    .await
}
