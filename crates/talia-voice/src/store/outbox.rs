//! Table `outbox`: events, written in the same transaction as what they tell of.

use super::columns::{Id, Json, Time};
use super::engine::{Connection, Pool};
use super::sql::sql;
use super::times;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What kind of thing happened. The names are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    CallStarted,
    CallCompleted,
    TranscriptSegment,
    LeadCreated,
    LeadUpdated,
    RecordingStored,
    CallErased,
}

impl EventType {
    /// The name in events, metrics and the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallStarted => "call_started",
            Self::CallCompleted => "call_completed",
            Self::TranscriptSegment => "transcript_segment",
            Self::LeadCreated => "lead_created",
            Self::LeadUpdated => "lead_updated",
            Self::RecordingStored => "recording_stored",
            Self::CallErased => "call_erased",
        }
    }
}

/// The envelope of an event: CloudEvents 1.0, structured JSON
/// (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    pub specversion: String,
    /// UUID of version 7; with `source` it names the event for ever.
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The CallSid.
    pub subject: String,
    pub time: String,
    pub datacontenttype: String,
    pub data: serde_json::Value,
}

/// One event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Counts up in the order of commits: the cursor of the live feed.
    pub seq: i64,
    /// The event's own id, a UUID of version 7.
    pub id: String,
    /// What happened.
    pub kind: EventType,
    /// The call it happened in.
    pub call_sid: String,
    /// When it happened.
    pub at: Timestamp,
    /// The envelope as JSON text.
    pub event: String,
}

/// An event to be written.
pub(super) struct NewEvent<'a> {
    pub(super) id: String,
    pub(super) kind: EventType,
    pub(super) call_sid: &'a str,
    /// What tells this event from the others of its kind and call; empty where there is only one.
    pub(super) of: &'a str,
    pub(super) at: Timestamp,
    pub(super) data: serde_json::Value,
}

/// Writes an event unless it was written before.
pub(super) async fn insert(connection: &mut Connection, new: NewEvent<'_>) -> Result<Option<OutboxRow>, sqlx::Error> {
    let envelope = CloudEvent {
        specversion: "1.0".to_owned(),
        id: new.id,
        source: "/talia/voice".to_owned(),
        kind: new.kind,
        subject: new.call_sid.to_owned(),
        time: times::text(new.at),
        datacontenttype: "application/json".to_owned(),
        data: new.data,
    };
    let event = serde_json::to_string(&envelope).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    // Not `ON CONFLICT`: that would use up a number for nothing, and leave a gap in the feed (on PostgreSQL only a failed
    // commit does).
    let seq: Option<(i64,)> = sql(
        "INSERT INTO outbox (id, once, type, call_sid, time, event) SELECT $1, $2, $3, $4, $5, $6
         WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE once = $2) RETURNING seq",
    )
    .id(&envelope.id)
    .bind(format!("{}/{}/{}", new.kind.as_str(), new.call_sid, new.of))
    .bind(new.kind.as_str())
    .bind(new.call_sid)
    .bind(new.at)
    .json(&event)
    .optional(&mut *connection)
    .await?;
    Ok(seq.map(|(seq,)| OutboxRow {
        seq,
        id: envelope.id,
        kind: new.kind,
        call_sid: new.call_sid.to_owned(),
        at: new.at,
        event,
    }))
}

/// Events after a cursor, oldest first.
pub(super) async fn after(pool: &Pool, seq: i64, limit: u32) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let rows: Vec<Raw> =
        sql("SELECT seq, id, type, call_sid, time, event FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq)
            .bind(limit)
            .all(pool)
            .await?;
    rows.into_iter().map(row).collect()
}

/// `seq, id, type, call_sid, time, event`.
pub(super) type Raw = (i64, Id, String, String, Time, Json);

/// A row as it was read.
pub(super) fn row((seq, id, of_kind, call_sid, at, event): Raw) -> Result<OutboxRow, sqlx::Error> {
    Ok(OutboxRow {
        seq,
        id: id.0,
        kind: kind(of_kind)?,
        call_sid,
        at: at.0,
        event: event.0,
    })
}

/// The kind of its name.
pub(super) fn kind(name: String) -> Result<EventType, sqlx::Error> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The cursor of the newest event; 0 when there is none.
pub(super) async fn newest(pool: &Pool) -> Result<i64, sqlx::Error> {
    let (seq,): (i64,) = sql("SELECT COALESCE(MAX(seq), 0) FROM outbox").one(pool).await?;
    Ok(seq)
}

/// Whether an event is there. A number that a failed commit used up is never given to another.
pub(super) async fn has(connection: &mut Connection, seq: i64) -> Result<bool, sqlx::Error> {
    let (there,): (bool,) = sql("SELECT EXISTS (SELECT 1 FROM outbox WHERE seq = $1)")
        .bind(seq)
        .one(connection)
        .await?;
    Ok(there)
}
