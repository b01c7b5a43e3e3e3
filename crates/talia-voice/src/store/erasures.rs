//! Erasing a call: nothing of it is left but its row in `voice_calls` without numbers, by which what comes late is refused.

use super::audit::{self, AuditKind, NewAudit};
use super::calls;
use super::columns::Id;
use super::engine::{Connection, Engine};
use super::outbox::{EventType, Events};
use super::sql::sql;
use super::write::{Write, Written};
use super::{Store, StoreError, leads, many};
use jiff::Timestamp;
use serde_json::json;
use std::collections::HashSet;

/// What was said. What stays of a call tells how long things took and what they cost.
pub(super) const WORDS: [&str; 5] = [
    "DELETE FROM voice_transcripts WHERE call_sid = $1",
    "DELETE FROM conversations WHERE call_sid = $1",
    "DELETE FROM tool_acts WHERE call_sid = $1",
    "DELETE FROM transfers WHERE call_sid = $1",
    "DELETE FROM stream_tokens WHERE call_sid = $1",
];
/// What was, or is still to be, told outside.
const TOLD: [&str; 2] = [
    "DELETE FROM event_deliveries WHERE call_sid = $1",
    "DELETE FROM outbox WHERE call_sid = $1",
];
const NUMBERS: [&str; 3] = [
    "UPDATE dial_audit SET to_number = '' WHERE outbound_id IN (SELECT id FROM outbound_calls WHERE call_sid = $1)",
    "UPDATE outbound_calls SET to_number = '', purpose = NULL, variables = '{}', consent = NULL WHERE call_sid = $1",
    "UPDATE voice_calls SET from_number = '', to_number = '' WHERE call_sid = $1",
];

/// A call that is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub call_sid: String,
    /// Why, as a word: `request`, `retention`.
    pub reason: &'static str,
    /// Who asked: the id of an API key, or `cli`.
    pub by: String,
}

/// What became of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erased {
    /// It is done; these files of recordings can't be opened any more and may go.
    Done { files: Vec<String> },
    /// It was done before; these files may still be somewhere.
    Before { files: Vec<String> },
    /// The call isn't over.
    Alive,
    /// There is no such call.
    Unknown,
}

/// Of these calls, those that are erased.
pub(super) async fn among(
    connection: &mut Connection,
    calls: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, sqlx::Error> {
    let calls: Vec<&str> = calls.collect::<HashSet<_>>().into_iter().collect();
    let mut erased = HashSet::new();
    for some in many::padded(&calls) {
        let text = format!(
            "SELECT call_sid FROM voice_calls WHERE erased_at IS NOT NULL AND call_sid IN {}",
            many::places(1, some.len())
        );
        let statement = some
            .iter()
            .fold(sql(sqlx::AssertSqlSafe(text)), |statement, call| statement.bind(*call));
        let rows: Vec<(String,)> = statement.all(&mut *connection).await?;
        erased.extend(rows.into_iter().map(|(call,)| call));
    }
    Ok(erased)
}

/// Erases a call that is over, and says so in the trail and in an event.
pub(super) async fn erase(
    connection: &mut Connection,
    (erasure, at): (&Erasure, Timestamp),
    events: &mut Events<'_>,
) -> Result<Erased, sqlx::Error> {
    let call_sid = erasure.call_sid.as_str();
    let Some(call) = calls::fetch(&mut *connection, call_sid).await? else {
        return Ok(Erased::Unknown);
    };
    let files: Vec<(String,)> = sql("SELECT place FROM voice_recordings WHERE call_sid = $1 ORDER BY stream, id")
        .bind(call_sid)
        .all(&mut *connection)
        .await?;
    let files: Vec<String> = files.into_iter().map(|(place,)| place).collect();
    if call.erased_at.is_some() {
        return Ok(Erased::Before { files });
    }
    if call.ended_at.is_none() {
        return Ok(Erased::Alive);
    }
    events.write(connection).await?;
    let told: Vec<(Id,)> = sql("SELECT id FROM outbox WHERE call_sid = $1 ORDER BY seq")
        .bind(call_sid)
        .all(&mut *connection)
        .await?;
    super::recordings::erase(connection, call_sid).await?;
    leads::forget(connection, call_sid).await?;
    for statement in TOLD.into_iter().chain(WORDS).chain(NUMBERS) {
        sql(statement).bind(call_sid).run(connection).await?;
    }
    sql("UPDATE voice_calls SET erased_at = $2 WHERE call_sid = $1")
        .bind(call_sid)
        .bind(at)
        .run(connection)
        .await?;
    let detail = json!({ "reason": erasure.reason, "by": erasure.by, "events": told.len(), "recordings": files.len() });
    let new = NewAudit {
        kind: AuditKind::Erasure,
        call_sid: Some(call_sid.to_owned()),
        detail,
        at,
    };
    audit::add(connection, &new).await?;
    let told: Vec<String> = told.into_iter().map(|(id,)| id.0).collect();
    let data = json!({
        "call_sid": call_sid, "reason": erasure.reason, "started_at": call.started_at, "erased_events": told,
    });
    events.add((EventType::CallErased, call_sid, ""), at, data);
    Ok(Erased::Done { files })
}

/// Takes a number out of what was dialled and wished for, also where no call came of it. Answers how many rows had it.
pub(super) async fn forget_number(connection: &mut Connection, number: &str) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for statement in [
        "UPDATE outbound_calls SET to_number = '', purpose = NULL, variables = '{}', consent = NULL
         WHERE to_number = $1 AND state IN ('dialled', 'failed')",
        "UPDATE dial_audit SET to_number = '' WHERE to_number = $1
         AND (outbound_id IS NULL OR outbound_id IN (SELECT id FROM outbound_calls WHERE state IN ('dialled', 'failed')))",
    ] {
        rows += sql(statement).bind(number).run(connection).await?;
    }
    Ok(rows)
}

/// Empties the log of SQLite's file, in which what was overwritten may still stand.
///
/// [`StoreError::Locked`]: somebody was reading in it all the time. PostgreSQL's server empties its own by itself, in time.
pub async fn empty_log(url: &str) -> Result<(), StoreError> {
    if let Connection::Sqlite(mut connection) = Engine::of_existing(url)?.connect().await? {
        let (busy, ..): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut connection)
            .await?;
        if busy != 0 {
            return Err(StoreError::Locked);
        }
    }
    Ok(())
}

impl Store {
    /// Erases a call: words, lead, numbers, what was to be told of it, and the keys of its recordings.
    pub async fn erase_call(&self, erasure: Erasure) -> Result<Erased, StoreError> {
        match self.write(Write::Erase(erasure, self.now())).await? {
            Written::Erased(answer) => Ok(answer),
            _ => Err(StoreError::Closed),
        }
    }

    /// Takes a number out of what was dialled and wished for; answers how many rows had it. Whether its owner may be called
    /// at all is asked of the do-not-call list, where it stays.
    pub async fn forget_number(&self, number: &str) -> Result<u64, StoreError> {
        match self.write(Write::ForgetNumber(number.to_owned())).await? {
            Written::Counted(rows) => Ok(rows),
            _ => Err(StoreError::Closed),
        }
    }
}
