//! Table `voice_recordings`: one row a recorded stream, with the sealed key without which no copy of its file opens.

use super::audit::{self, AuditKind, NewAudit};
use super::columns::{Id, MaybeTime, Time};
use super::constants::{self, Word};
use super::engine::{Connection, Pool};
use super::ids::BEFORE_ALL;
use super::outbox::{EventType, Events};
use super::pages::{Behind, Conditions, Table};
use super::sql::{Sql, Value, sql};
use super::write::{Write, Written};
use super::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A recording that begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecording {
    /// UUID of version 7.
    pub id: String,
    pub call_sid: String,
    /// The number of the call's media stream, from 1.
    pub stream: i64,
    /// The file's name.
    pub place: String,
    /// Whom the key is encrypted to.
    pub recipient: String,
    /// The file's private key, encrypted.
    pub key: String,
    /// On what ground it begins, as a word: `after_notice`, `given`.
    #[serde(deserialize_with = "constants::word")]
    pub consent: Word,
    pub at: Timestamp,
}

/// A recording that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingEnd {
    pub id: String,
    pub call_sid: String,
    /// Why it was not kept to its end.
    #[serde(deserialize_with = "constants::maybe_word")]
    pub fault: Option<Word>,
    /// Size of the file.
    pub bytes: i64,
    pub duration_ms: i64,
    pub missing_ms: i64,
    pub silenced_ms: i64,
    pub at: Timestamp,
}

/// A recording's key in another's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeal {
    pub id: String,
    /// The key as it was sealed: one that was changed meanwhile stays.
    pub before: String,
    pub sealed_key: String,
    pub recipient: String,
}

/// A recording as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct RecordingRow {
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: String,
    pub stream: i64,
    /// `recording`, `stored`, `failed`, `erased`.
    pub state: String,
    pub fault: Option<String>,
    pub place: String,
    pub recipient: String,
    #[serde(skip)]
    pub sealed_key: Option<String>,
    #[sqlx(try_from = "Time")]
    pub started_at: String,
    #[sqlx(try_from = "MaybeTime")]
    pub ended_at: Option<String>,
    pub bytes: Option<i64>,
    pub duration_ms: Option<i64>,
    pub missing_ms: Option<i64>,
    pub silenced_ms: Option<i64>,
    /// Where its copy in a bucket is, or may be: `s3://bucket/name`.
    pub object: Option<String>,
    /// When that copy was read back whole.
    #[sqlx(try_from = "MaybeTime")]
    pub uploaded_at: Option<String>,
}

/// Which recordings are listed: those to which all of it applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordingFilter {
    pub call_sid: Option<String>,
    /// `recording`, `stored`, `failed`, `erased`.
    pub state: Option<String>,
}

/// Writes down a recording and its key before the first byte of it is on disk.
pub(super) async fn begin(connection: &mut Connection, new: &NewRecording) -> Result<(), sqlx::Error> {
    let first = sql(
        "INSERT INTO voice_recordings (id, call_sid, stream, state, place, recipient, sealed_key, started_at)
         VALUES ($1, $2, $3, 'recording', $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
    )
    .id(&new.id)
    .bind(&new.call_sid)
    .bind(new.stream)
    .bind(&new.place)
    .bind(&new.recipient)
    .bind(&new.key)
    .bind(new.at)
    .run(connection)
    .await?;
    if first == 0 {
        return Ok(());
    }
    sql("UPDATE voice_calls SET recording_consent = COALESCE(recording_consent, $2) WHERE call_sid = $1")
        .bind(&new.call_sid)
        .bind(new.consent)
        .run(connection)
        .await?;
    let audited = NewAudit {
        kind: AuditKind::Recording,
        call_sid: Some(new.call_sid.clone()),
        detail: json!({ "recording": new.id, "consent": new.consent, "recipient": new.recipient }),
        at: new.at,
    };
    audit::add(connection, &audited).await
}

/// Writes down what became of it, with `recording_stored` where all of it is kept. One that was erased stays so.
pub(super) async fn end(
    connection: &mut Connection,
    end: &RecordingEnd,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let state = if end.fault.is_some() { "failed" } else { "stored" };
    let known = sql(
        "UPDATE voice_recordings SET state = $2, fault = $3, ended_at = $4, bytes = $5, duration_ms = $6,
             missing_ms = $7, silenced_ms = $8
         WHERE id = $1 AND state = 'recording'",
    )
    .id(&end.id)
    .bind(state)
    .bind(&end.fault.map(str::to_owned))
    .bind(end.at)
    .bind(end.bytes)
    .bind(end.duration_ms)
    .bind(end.missing_ms)
    .bind(end.silenced_ms)
    .run(connection)
    .await?;
    if known == 0 || end.fault.is_some() {
        return Ok(());
    }
    let row: RecordingRow = sql("SELECT * FROM voice_recordings WHERE id = $1")
        .id(&end.id)
        .one(&mut *connection)
        .await?;
    let data = json!({
        "call_sid": row.call_sid, "recording_id": row.id, "stream": row.stream, "place": row.place,
        "started_at": row.started_at, "ended_at": row.ended_at, "bytes": row.bytes, "duration_ms": row.duration_ms,
        "missing_ms": row.missing_ms, "silenced_ms": row.silenced_ms,
    });
    let of = (EventType::RecordingStored, end.call_sid.as_str(), end.id.as_str());
    events.add(of, end.at, data);
    Ok(())
}

/// Puts a key into another's hands; answers whether it was still as it had been.
pub(super) async fn seal(connection: &mut Connection, new: &NewSeal) -> Result<bool, sqlx::Error> {
    let changed = sql("UPDATE voice_recordings SET sealed_key = $3, recipient = $4 WHERE id = $1 AND sealed_key = $2")
        .id(&new.id)
        .bind(&new.before)
        .bind(&new.sealed_key)
        .bind(&new.recipient)
        .run(connection)
        .await?;
    Ok(changed > 0)
}

/// Forgets the keys of a call's recordings: no copy of their files can be opened any more.
pub(super) async fn erase(connection: &mut Connection, call_sid: &str) -> Result<bool, sqlx::Error> {
    let changed = sql("UPDATE voice_recordings SET sealed_key = NULL, state = 'erased' WHERE call_sid = $1")
        .bind(call_sid)
        .run(connection)
        .await?;
    Ok(changed > 0)
}

/// A call's recordings in order.
async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<RecordingRow>, sqlx::Error> {
    sql("SELECT * FROM voice_recordings WHERE call_sid = $1 ORDER BY stream, id")
        .bind(call_sid)
        .all(pool)
        .await
}

/// A page of recordings, the newest first.
pub(super) fn page(filter: &RecordingFilter, behind: Option<&Behind>, limit: u32) -> Sql {
    const TABLE: Table = Table {
        name: "voice_recordings",
        order: "started_at DESC, id DESC",
    };
    let mut all = Conditions::default();
    all.and_if("call_sid = ?", filter.call_sid.as_ref());
    all.and_if("state = ?", filter.state.as_ref());
    if let Some(Behind { at, id }) = behind {
        let id = Value::Id(Some(Id(id.clone())));
        all.and("(started_at, id) < (?, ?)", vec![(*at).into(), id]);
    }
    all.page(&TABLE, limit)
}

/// Recordings with a key, after the one of this id, in the order of their beginning.
async fn sealed_after(pool: &Pool, id: Option<&str>, limit: u32) -> Result<Vec<RecordingRow>, sqlx::Error> {
    // Ids count up in time.
    let id = id.unwrap_or(BEFORE_ALL);
    sql("SELECT * FROM voice_recordings WHERE id > $1 AND sealed_key IS NOT NULL ORDER BY id LIMIT $2")
        .id(id)
        .bind(limit)
        .all(pool)
        .await
}

impl Store {
    /// A call's recordings in order.
    pub async fn recordings(&self, call_sid: &str) -> Result<Vec<RecordingRow>, StoreError> {
        self.read(of_call(self.readers(), call_sid).await)
    }

    /// The recording of this id.
    pub async fn recording(&self, id: &str) -> Result<Option<RecordingRow>, StoreError> {
        let row = sql("SELECT * FROM voice_recordings WHERE id = $1").id(id);
        self.read(row.optional(self.readers()).await)
    }

    /// Recordings that are under way as far as is known, of calls that had ended before this moment.
    pub async fn unfinished_recordings(
        &self,
        ended_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        let rows = sql(
            "SELECT voice_recordings.* FROM voice_recordings JOIN voice_calls USING (call_sid)
             WHERE state = 'recording' AND voice_calls.ended_at < $1 ORDER BY voice_recordings.id LIMIT $2",
        )
        .bind(ended_before)
        .bind(limit)
        .all(self.readers())
        .await;
        self.read(rows)
    }

    /// Recordings whose key is there, after the one of this id.
    pub async fn sealed_recordings(&self, after: Option<&str>, limit: u32) -> Result<Vec<RecordingRow>, StoreError> {
        self.read(sealed_after(self.readers(), after, limit).await)
    }

    /// Puts a recording's key into another's hands; answers whether it was still as it had been.
    pub async fn seal_recording(&self, seal: NewSeal) -> Result<bool, StoreError> {
        self.changed(Write::Seal(seal)).await
    }

    /// Forgets the keys of a call's recordings for ever; answers whether there were any recordings.
    pub async fn erase_recordings(&self, call_sid: &str) -> Result<bool, StoreError> {
        self.changed(Write::EraseRecordings(call_sid.to_owned())).await
    }

    async fn changed(&self, write: Write) -> Result<bool, StoreError> {
        match self.write(write).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Closed),
        }
    }
}
