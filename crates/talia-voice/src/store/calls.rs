//! Table `voice_calls`: one row a call, whose status never goes back.

use super::outbox::{EventType, NewEvent, OutboxRow};
use super::{outbox, times};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::{SqliteConnection, SqlitePool};
use talia_twilio::CallStatus;

/// A call as its first webhook tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    pub call_sid: String,
    pub account_sid: String,
    /// E.164, `client:…`, `sip:…`, or a word such as `anonymous`.
    pub from: String,
    pub to: String,
    /// `inbound`, `outbound-api`…
    pub direction: String,
    /// Which conversation answers.
    pub assistant: Option<String>,
    pub status: CallStatus,
    pub at: Timestamp,
}

/// What is known of a call after its first webhook was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Whether it was this webhook that began it, not a repetition.
    pub first: bool,
    /// Whether its conversation is over already.
    pub ended: bool,
    /// How many media streams it has had.
    pub streams: i64,
}

/// A call as it is kept. Times are ISO-8601 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct CallRow {
    pub call_sid: String,
    pub account_sid: String,
    pub direction: String,
    pub assistant: Option<String>,
    pub from_number: String,
    pub to_number: String,
    pub status: String,
    pub started_at: String,
    pub ended_at: Option<String>,
    pub ended_reason: Option<String>,
    pub disclosure_heard_at: Option<String>,
    pub duration_s: Option<i64>,
    pub streams: i64,
}

/// A call that has not ended, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct OpenCall {
    pub call_sid: String,
    pub status: String,
    pub streams: i64,
}

/// A report of a call's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusReport {
    pub(super) call_sid: String,
    pub(super) status: CallStatus,
    pub(super) duration_s: Option<i64>,
    pub(super) at: Timestamp,
}

/// The end of a call's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) call_sid: String,
    pub(super) reason: &'static str,
    pub(super) at: Timestamp,
}

/// Where new events' identifiers come from, and where the events are put until the commit.
pub(super) struct Events<'a> {
    pub(super) ids: &'a super::ids::Ids,
    pub(super) written: &'a mut Vec<OutboxRow>,
}

impl Events<'_> {
    pub(super) async fn add(
        &mut self,
        connection: &mut SqliteConnection,
        (kind, call_sid, of): (EventType, &str, &str),
        at: Timestamp,
        data: serde_json::Value,
    ) -> Result<(), sqlx::Error> {
        let event = NewEvent {
            id: self.ids.next(at),
            kind,
            call_sid,
            of,
            at,
            data,
        };
        self.written.extend(outbox::insert(connection, event).await?);
        Ok(())
    }
}

/// Writes the row of a call that begins, or completes one that a status report began.
pub(super) async fn start(
    connection: &mut SqliteConnection,
    call: &NewCall,
    events: &mut Events<'_>,
) -> Result<Started, sqlx::Error> {
    let known = fetch(&mut *connection, &call.call_sid).await?;
    sqlx::query(
        "INSERT INTO voice_calls
             (call_sid, account_sid, direction, assistant, from_number, to_number, status, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (call_sid) DO UPDATE SET
             account_sid = ?2, direction = ?3, assistant = COALESCE(assistant, ?4), from_number = ?5, to_number = ?6",
    )
    .bind(&call.call_sid)
    .bind(&call.account_sid)
    .bind(&call.direction)
    .bind(&call.assistant)
    .bind(&call.from)
    .bind(&call.to)
    .bind(call.status.as_str())
    .bind(times::text(call.at))
    .execute(&mut *connection)
    .await?;
    if let Some(row) = &known {
        move_to(connection, row, call.status).await?;
    }
    let before = events.written.len();
    let data = json!({
        "call_sid": call.call_sid, "from": call.from, "to": call.to, "direction": call.direction,
        "assistant": call.assistant,
    });
    events
        .add(connection, (EventType::CallStarted, &call.call_sid, ""), call.at, data)
        .await?;
    Ok(Started {
        first: events.written.len() > before,
        ended: known.as_ref().is_some_and(|row| row.ended_at.is_some()),
        streams: known.map_or(0, |row| row.streams),
    })
}

/// Moves a call to a reported state; a report about an unknown call begins its row.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    report: &StatusReport,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO voice_calls (call_sid, account_sid, direction, from_number, to_number, status, started_at)
         VALUES (?1, '', '', '', '', ?2, ?3) ON CONFLICT (call_sid) DO NOTHING",
    )
    .bind(&report.call_sid)
    .bind(report.status.as_str())
    .bind(times::text(report.at))
    .execute(&mut *connection)
    .await?;
    if let Some(row) = fetch(&mut *connection, &report.call_sid).await? {
        move_to(&mut *connection, &row, report.status).await?;
    }
    if !report.status.is_terminal() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE voice_calls SET ended_at = COALESCE(ended_at, ?2), duration_s = COALESCE(duration_s, ?3)
         WHERE call_sid = ?1",
    )
    .bind(&report.call_sid)
    .bind(times::text(report.at))
    .bind(report.duration_s)
    .execute(&mut *connection)
    .await?;
    completed(connection, &report.call_sid, report.at, events).await
}

/// Writes down that a conversation is over, and why.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    ending: &Ending,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    if let Some(row) = fetch(&mut *connection, &ending.call_sid).await? {
        move_to(&mut *connection, &row, CallStatus::Completed).await?;
    }
    sqlx::query(
        "UPDATE voice_calls SET ended_at = COALESCE(ended_at, ?2), ended_reason = COALESCE(ended_reason, ?3)
         WHERE call_sid = ?1",
    )
    .bind(&ending.call_sid)
    .bind(times::text(ending.at))
    .bind(ending.reason)
    .execute(&mut *connection)
    .await?;
    completed(connection, &ending.call_sid, ending.at, events).await
}

/// Writes down when the caller had heard that an AI is speaking; the first time stays.
pub(super) async fn disclosure_heard(
    connection: &mut SqliteConnection,
    call_sid: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE voice_calls SET disclosure_heard_at = COALESCE(disclosure_heard_at, ?2) WHERE call_sid = ?1")
        .bind(call_sid)
        .bind(times::text(at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn move_to(connection: &mut SqliteConnection, row: &CallRow, reported: CallStatus) -> Result<(), sqlx::Error> {
    let current = CallStatus::parse(&row.status).unwrap_or(CallStatus::Queued);
    let next = CallStatus::advance(current, reported);
    if next == current {
        return Ok(());
    }
    sqlx::query("UPDATE voice_calls SET status = ? WHERE call_sid = ?")
        .bind(next.as_str())
        .bind(&row.call_sid)
        .execute(connection)
        .await?;
    Ok(())
}

async fn completed(
    connection: &mut SqliteConnection,
    call_sid: &str,
    at: Timestamp,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let Some(row) = fetch(&mut *connection, call_sid).await? else {
        return Ok(());
    };
    let data = json!({
        "call_sid": row.call_sid, "status": row.status, "ended_reason": row.ended_reason,
        "started_at": row.started_at, "ended_at": row.ended_at, "disclosure_heard_at": row.disclosure_heard_at,
    });
    events
        .add(connection, (EventType::CallCompleted, call_sid, ""), at, data)
        .await
}

/// Reads one call.
pub(super) async fn fetch<'e, E>(executor: E, call_sid: &str) -> Result<Option<CallRow>, sqlx::Error>
where
    E: sqlx::Executor<'e, Database = sqlx::Sqlite>,
{
    sqlx::query_as("SELECT * FROM voice_calls WHERE call_sid = ?")
        .bind(call_sid)
        .fetch_optional(executor)
        .await
}

/// The newest calls first.
pub(super) async fn recent(pool: &SqlitePool, limit: u32) -> Result<Vec<CallRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM voice_calls ORDER BY started_at DESC, call_sid DESC LIMIT ?")
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// The calls that have not ended.
pub(super) async fn open(pool: &SqlitePool) -> Result<Vec<OpenCall>, sqlx::Error> {
    sqlx::query_as("SELECT call_sid, status, streams FROM voice_calls WHERE ended_at IS NULL")
        .fetch_all(pool)
        .await
}
