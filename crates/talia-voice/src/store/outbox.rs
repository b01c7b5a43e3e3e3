//! Table `outbox`: events, written in the same transaction as what they tell of.

use super::columns::{Id, Json, Time};
use super::engine::{Connection, Pool};
use super::ids::Ids;
use super::sql::sql;
use super::{many, times};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What kind of thing happened. The names are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    CallStarted,
    CallCompleted,
    /// The caller has heard the last word of the disclosure.
    DisclosureHeard,
    TranscriptSegment,
    LeadCreated,
    LeadUpdated,
    /// A person is about to be rung for the caller.
    TransferAsked,
    /// A person took the caller over.
    CallTransferred,
    /// Nobody took the caller over.
    TransferUnanswered,
    RecordingStored,
    CallErased,
}

impl EventType {
    /// The name in events, metrics and the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallStarted => "call_started",
            Self::CallCompleted => "call_completed",
            Self::DisclosureHeard => "disclosure_heard",
            Self::TranscriptSegment => "transcript_segment",
            Self::LeadCreated => "lead_created",
            Self::LeadUpdated => "lead_updated",
            Self::TransferAsked => "transfer_asked",
            Self::CallTransferred => "call_transferred",
            Self::TransferUnanswered => "transfer_unanswered",
            Self::RecordingStored => "recording_stored",
            Self::CallErased => "call_erased",
        }
    }
}

/// What kind of thing an event that is read tells of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKind {
    Known(EventType),
    /// By its name: a node of a later version, beside this one, tells of more.
    Later(String),
}

impl EventKind {
    /// That of the table's name.
    pub(super) fn of(name: String) -> Self {
        let known = serde_json::from_value(serde_json::Value::String(name.clone()));
        known.map_or(Self::Later(name), Self::Known)
    }

    /// That of this version, if it has it.
    pub fn known(&self) -> Option<EventType> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Later(_) => None,
        }
    }

    /// The name in events and the table.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(kind) => kind.as_str(),
            Self::Later(name) => name,
        }
    }
}

impl PartialEq<EventType> for EventKind {
    fn eq(&self, other: &EventType) -> bool {
        self.known() == Some(*other)
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
    pub kind: EventKind,
    /// The call it happened in.
    pub call_sid: String,
    /// When it happened.
    pub at: Timestamp,
    /// The envelope as JSON text.
    pub event: String,
}

/// The events of a transaction: gathered while it goes on, and written together.
pub(super) struct Events<'a> {
    ids: &'a Ids,
    gathered: Vec<NewEvent>,
    written: &'a mut Vec<OutboxRow>,
}

/// An event to be written.
struct NewEvent {
    id: String,
    kind: EventType,
    call_sid: String,
    /// Names what happened.
    once: String,
    at: Timestamp,
    data: serde_json::Value,
}

impl<'a> Events<'a> {
    /// None yet. Their identifiers come from `ids`; what was written goes to `written`.
    pub(super) fn new(ids: &'a Ids, written: &'a mut Vec<OutboxRow>) -> Self {
        Self {
            ids,
            gathered: Vec::new(),
            written,
        }
    }

    /// One more; `of` tells it from the others of its kind and call, and is empty where there is only one.
    pub(super) fn add(
        &mut self,
        (kind, call_sid, of): (EventType, &str, &str),
        at: Timestamp,
        data: serde_json::Value,
    ) {
        self.gathered.push(NewEvent {
            id: self.ids.next(at),
            kind,
            call_sid: call_sid.to_owned(),
            once: format!("{}/{call_sid}/{of}", kind.as_str()),
            at,
            data,
        });
    }

    /// Writes what was gathered, in order, beside what was written before. Answers how many were new.
    pub(super) async fn write(&mut self, connection: &mut Connection) -> Result<usize, sqlx::Error> {
        if self.gathered.is_empty() {
            return Ok(0);
        }
        let gathered = std::mem::take(&mut self.gathered);
        // Not `ON CONFLICT`: that would use up a number for nothing, and leave a gap in the feed (on PostgreSQL only a failed
        // commit does). Nobody else writes between the question and the answer.
        let mut there = written_before(connection, &gathered).await?;
        let new: Vec<_> = gathered
            .into_iter()
            .filter(|event| there.insert(event.once.clone()))
            .collect();
        let before = self.written.len();
        for events in many::cut(&new) {
            self.written.extend(insert(connection, events).await?);
        }
        Ok(self.written.len() - before)
    }
}

/// What happened and was written before.
async fn written_before(connection: &mut Connection, events: &[NewEvent]) -> Result<HashSet<String>, sqlx::Error> {
    let names: Vec<&str> = events.iter().map(|event| event.once.as_str()).collect();
    let mut there = HashSet::new();
    for some in many::padded(&names) {
        let text = format!("SELECT once FROM outbox WHERE once IN {}", many::places(1, some.len()));
        let asked = sql(sqlx::AssertSqlSafe(text));
        let asked = some.iter().fold(asked, |asked, once| asked.bind(*once));
        let rows: Vec<(String,)> = asked.all(&mut *connection).await?;
        there.extend(rows.into_iter().map(|(once,)| once));
    }
    Ok(there)
}

async fn insert(connection: &mut Connection, new: &[NewEvent]) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let text = format!(
        "INSERT INTO outbox (id, once, type, call_sid, time, event) VALUES {} RETURNING id, seq",
        many::places(new.len(), 6)
    );
    let mut inserted = sql(sqlx::AssertSqlSafe(text));
    let mut rows = Vec::with_capacity(new.len());
    for NewEvent {
        id,
        kind,
        call_sid,
        once,
        at,
        data,
    } in new
    {
        let envelope = CloudEvent {
            specversion: "1.0".to_owned(),
            id: id.clone(),
            source: "/talia/voice".to_owned(),
            kind: *kind,
            subject: call_sid.clone(),
            time: times::text(*at),
            datacontenttype: "application/json".to_owned(),
            data: data.clone(),
        };
        let event = serde_json::to_string(&envelope).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        inserted = inserted
            .id(id)
            .bind(once)
            .bind(kind.as_str())
            .bind(call_sid)
            .bind(*at)
            .json(&event);
        rows.push(OutboxRow {
            seq: 0,
            id: id.clone(),
            kind: EventKind::Known(*kind),
            call_sid: call_sid.clone(),
            at: *at,
            event,
        });
    }
    // An engine may answer in any order; it counts in the order of the rows.
    let numbers: Vec<(Id, i64)> = inserted.all(&mut *connection).await?;
    let numbers: HashMap<String, i64> = numbers.into_iter().map(|(Id(id), seq)| (id, seq)).collect();
    for row in &mut rows {
        row.seq = *numbers.get(&row.id).ok_or(sqlx::Error::RowNotFound)?;
    }
    Ok(rows)
}

/// Events after a cursor, oldest first.
pub(super) async fn after(pool: &Pool, seq: i64, limit: u32) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let rows: Vec<Raw> =
        sql("SELECT seq, id, type, call_sid, time, event FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq)
            .bind(limit)
            .all(pool)
            .await?;
    Ok(rows.into_iter().map(row).collect())
}

/// `seq, id, type, call_sid, time, event`.
pub(super) type Raw = (i64, Id, String, String, Time, Json);

/// A row as it was read.
pub(super) fn row((seq, id, kind, call_sid, at, event): Raw) -> OutboxRow {
    OutboxRow {
        seq,
        id: id.0,
        kind: EventKind::of(kind),
        call_sid,
        at: at.0,
        event: event.0,
    }
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
