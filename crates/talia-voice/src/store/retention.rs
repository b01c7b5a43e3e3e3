//! What is older than it may be, and forgetting it: over all tables that hold a kind of thing.

use super::audit::{self, AuditKind, NewAudit};
use super::columns::Time;
use super::engine::Connection;
use super::erasures::WORDS;
use super::sql::sql;
use super::write::{Write, Written};
use super::{Store, StoreError, leads};
use jiff::Timestamp;
use serde_json::json;

/// A kind of thing with a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call with everything that is kept of it.
    Calls,
    /// What was said: transcripts, what conversations remember, what persons were told at a transfer, what tools did.
    Words,
    Leads,
    /// The keys of recordings, and so the recordings.
    Recordings,
    /// Events that every sink has taken.
    Events,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Recordings, Self::Words, Self::Leads, Self::Calls, Self::Events];

    /// Its word, in the configuration and in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Words => "words",
            Self::Leads => "leads",
            Self::Recordings => "recordings",
            Self::Events => "events",
        }
    }

    /// Calls that ended, or recordings that began, before `$1`; at most `$2`.
    fn due(self) -> Option<&'static str> {
        match self {
            Self::Calls => Some(
                "SELECT call_sid FROM voice_calls WHERE erased_at IS NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2",
            ),
            Self::Words => Some(
                "SELECT call_sid FROM voice_calls WHERE words_erased_at IS NULL AND erased_at IS NULL AND ended_at < $1
                 ORDER BY ended_at LIMIT $2",
            ),
            Self::Leads => Some(
                "SELECT call_sid FROM voice_calls WHERE lead_erased_at IS NULL AND erased_at IS NULL AND ended_at < $1
                 ORDER BY ended_at LIMIT $2",
            ),
            Self::Recordings => Some(
                "SELECT call_sid FROM voice_recordings WHERE sealed_key IS NOT NULL AND started_at < $1
                 ORDER BY started_at LIMIT $2",
            ),
            Self::Events => None,
        }
    }
}

/// A kind of thing of these calls is to be forgotten, because it is from before `cutoff`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forgetting {
    pub(super) kind: Kind,
    pub(super) call_sids: Vec<String>,
    pub(super) cutoff: Timestamp,
    pub(super) at: Timestamp,
}

/// Events of a call that hold what is forgotten with it.
const TOLD_WORDS: &str = "type IN ('transcript_segment', 'transfer_asked')";
const TOLD_LEADS: &str = "type IN ('lead_created', 'lead_updated')";

/// Forgets it, and says in the trail how much it was.
pub(super) async fn forget(connection: &mut Connection, forgetting: &Forgetting) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for call_sid in &forgetting.call_sids {
        let statements: Vec<String> = match forgetting.kind {
            Kind::Words => {
                let tables = WORDS.into_iter().map(str::to_owned);
                tables
                    .chain(told(TOLD_WORDS))
                    .chain(["UPDATE voice_calls SET words_erased_at = $2 WHERE call_sid = $1".to_owned()])
                    .collect()
            }
            Kind::Leads => {
                rows += leads::forget(connection, call_sid).await?;
                let marked = "UPDATE voice_calls SET lead_erased_at = $2 WHERE call_sid = $1".to_owned();
                told(TOLD_LEADS).into_iter().chain([marked]).collect()
            }
            Kind::Recordings => {
                vec![
                    "UPDATE voice_recordings SET sealed_key = NULL, state = 'erased' WHERE call_sid = $1 AND sealed_key IS NOT NULL"
                        .to_owned(),
                ]
            }
            Kind::Calls | Kind::Events => Vec::new(),
        };
        for statement in statements {
            let has_time = statement.contains("$2");
            let statement = sql(sqlx::AssertSqlSafe(statement)).bind(call_sid);
            let statement = if has_time {
                statement.bind(forgetting.at)
            } else {
                statement
            };
            rows += statement.run(connection).await?;
        }
    }
    if forgetting.kind == Kind::Events {
        // Beside what a sink has still to be told.
        rows = sql(
            "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox o WHERE o.time < $1
                 AND o.seq <= (SELECT COALESCE(MIN(cursor), 9223372036854775807) FROM event_sinks)
                 AND NOT EXISTS (SELECT 1 FROM event_deliveries d WHERE d.seq = o.seq) ORDER BY o.time LIMIT 1000)",
        )
        .bind(forgetting.cutoff)
        .run(connection)
        .await?;
    }
    if rows > 0 {
        let new = NewAudit {
            kind: AuditKind::Erasure,
            call_sid: None,
            detail: json!({
                "reason": "retention", "what": forgetting.kind.as_str(), "calls": forgetting.call_sids.len(),
                "rows": rows, "from_before": String::from(Time(forgetting.cutoff)),
            }),
            at: forgetting.at,
        };
        audit::add(connection, &new).await?;
    }
    Ok(rows)
}

/// Takes such events out, and what sinks still had to be told of them.
fn told(which: &str) -> [String; 2] {
    [
        format!("DELETE FROM event_deliveries WHERE seq IN (SELECT seq FROM outbox WHERE call_sid = $1 AND {which})"),
        format!("DELETE FROM outbox WHERE call_sid = $1 AND {which}"),
    ]
}

impl Store {
    /// Calls of which this kind of thing is from before `cutoff`, at most so many.
    pub async fn older_than(&self, kind: Kind, cutoff: Timestamp, limit: u32) -> Result<Vec<String>, StoreError> {
        let Some(due) = kind.due() else {
            return Ok(Vec::new());
        };
        let rows: Result<Vec<(String,)>, _> = sql(due).bind(cutoff).bind(limit).all(self.readers()).await;
        Ok(self.read(rows)?.into_iter().map(|(call_sid,)| call_sid).collect())
    }

    /// Forgets this kind of thing of these calls; answers how many rows that were. Whole calls are erased one by one
    /// ([`Store::erase_call`]), and events need no calls: some of those that are from before `cutoff` go.
    pub async fn forget(&self, kind: Kind, call_sids: Vec<String>, cutoff: Timestamp) -> Result<u64, StoreError> {
        let forgetting = Forgetting {
            kind,
            call_sids,
            cutoff,
            at: self.now(),
        };
        match self.write(Write::Forget(forgetting)).await? {
            Written::Counted(rows) => Ok(rows),
            _ => Err(StoreError::Closed),
        }
    }

    /// Of these files of recordings, those whose key is erased.
    pub async fn erased_files(&self, places: &[String]) -> Result<Vec<String>, StoreError> {
        let rows = self.recordings_named(places).await?;
        let erased = rows.into_iter().filter(|row| row.state == "erased");
        Ok(erased.map(|row| row.place).collect())
    }
}
