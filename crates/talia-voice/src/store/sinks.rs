//! Tables `event_sinks` and `event_deliveries`: how far each place outside has been told of the outbox.

use super::columns::{Id, Json, Time};
use super::engine::Connection;
use super::outbox::{self, EventKind, OutboxRow};
use super::sql::sql;
use super::write::{Write, Written};
use super::{Store, StoreError};
use jiff::Timestamp;
use std::time::Duration;

/// The right to deliver to a sink, and where to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkClaim {
    /// Everything up to here is delivered, or waits or is dead.
    pub cursor: i64,
    /// Must be shown with each progress.
    pub epoch: i64,
    /// What waits for another try, oldest first.
    pub waiting: Vec<WaitingEvent>,
    /// Events after the cursor that wait or are dead already.
    pub noted: Vec<i64>,
}

/// An event that a sink has not taken yet.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingEvent {
    pub event: OutboxRow,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again; none: it waits behind an earlier one of its call.
    pub next_at: Option<Timestamp>,
}

/// What became of an event that was not delivered at the first try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Delivered after all.
    Done,
    /// It waits.
    Waiting {
        call_sid: String,
        tries: u32,
        next_at: Option<Timestamp>,
        reason: Option<&'static str>,
    },
    /// Given up.
    Dead {
        call_sid: String,
        tries: u32,
        reason: &'static str,
    },
}

/// How far a delivery has come.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkProgress {
    pub sink: String,
    /// Of the claim.
    pub epoch: i64,
    pub cursor: i64,
    /// By the events' `seq`.
    pub deliveries: Vec<(i64, Delivery)>,
}

/// What a sink has not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkLag {
    pub cursor: i64,
    /// Events that were not delivered yet, the waiting ones among them; where commits failed on PostgreSQL some fewer.
    pub events: i64,
    /// Of them, those that were tried and wait.
    pub waiting: i64,
    /// Events given up.
    pub dead: i64,
    /// When the oldest that is not delivered happened.
    pub oldest: Option<Timestamp>,
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadEvent {
    pub seq: i64,
    pub kind: EventKind,
    pub call_sid: String,
    pub tries: u32,
    pub reason: String,
    pub at: Timestamp,
}

/// A write of these tables.
#[derive(Debug)]
pub(super) enum SinkWrite {
    Register(String),
    Claim {
        sink: String,
        node: String,
        now: Timestamp,
        until: Timestamp,
    },
    Progress {
        node: String,
        now: Timestamp,
        /// None gives the right to deliver back.
        until: Option<Timestamp>,
        progress: SinkProgress,
    },
    Replay {
        sink: String,
        after: i64,
    },
    Revive {
        sink: String,
        now: Timestamp,
    },
}

/// Does it; a claim answers cursor and epoch, the others whether anything was changed.
pub(super) async fn apply(connection: &mut Connection, write: &SinkWrite) -> Result<Written, sqlx::Error> {
    let changed = match write {
        SinkWrite::Register(sink) => {
            // A sink is told from the moment on at which it was named: what happened before can be replayed.
            sql(
                "INSERT INTO event_sinks (sink, cursor) SELECT $1, (SELECT COALESCE(MAX(seq), 0) FROM outbox)
                 WHERE NOT EXISTS (SELECT 1 FROM event_sinks WHERE sink = $1)",
            )
            .bind(sink)
            .run(connection)
            .await?
        }
        SinkWrite::Claim { sink, node, now, until } => {
            let claimed: Option<(i64, i64)> = sql("UPDATE event_sinks SET node = $2, lease_until = $4
                 WHERE sink = $1 AND (node IS NULL OR node = $2 OR lease_until < $3) RETURNING cursor, epoch")
            .bind(sink)
            .id(node)
            .bind(*now)
            .bind(*until)
            .optional(connection)
            .await?;
            return Ok(Written::SinkClaimed(claimed));
        }
        SinkWrite::Progress {
            node,
            now,
            until,
            progress,
        } => advance(connection, (node, *now, *until), progress).await?,
        SinkWrite::Replay { sink, after } => {
            sql("DELETE FROM event_deliveries WHERE sink = $1 AND seq > $2")
                .bind(sink)
                .bind(*after)
                .run(connection)
                .await?;
            sql("UPDATE event_sinks SET cursor = $2, epoch = epoch + 1 WHERE sink = $1")
                .bind(sink)
                .bind(*after)
                .run(connection)
                .await?
        }
        SinkWrite::Revive { sink, now } => {
            let revived = sql(
                "UPDATE event_deliveries SET state = 'waiting', tries = 0, next_at = $2, updated_at = $2
                 WHERE sink = $1 AND state = 'dead'",
            )
            .bind(sink)
            .bind(*now)
            .run(connection)
            .await?;
            sql("UPDATE event_sinks SET epoch = epoch + 1 WHERE sink = $1")
                .bind(sink)
                .run(connection)
                .await?;
            return Ok(Written::Counted(revived));
        }
    };
    Ok(Written::Changed(changed > 0))
}

async fn advance(
    connection: &mut Connection,
    (node, now, until): (&str, Timestamp, Option<Timestamp>),
    progress: &SinkProgress,
) -> Result<u64, sqlx::Error> {
    let still_ours = match until {
        Some(until) => {
            sql("UPDATE event_sinks SET cursor = $4, lease_until = $5 WHERE sink = $1 AND node = $2 AND epoch = $3")
                .bind(&progress.sink)
                .id(node)
                .bind(progress.epoch)
                .bind(progress.cursor)
                .bind(until)
        }
        None => sql("UPDATE event_sinks SET cursor = $4, node = NULL, lease_until = NULL
             WHERE sink = $1 AND node = $2 AND epoch = $3")
        .bind(&progress.sink)
        .id(node)
        .bind(progress.epoch)
        .bind(progress.cursor),
    };
    let changed = still_ours.run(connection).await?;
    if changed == 0 {
        return Ok(0);
    }
    for (seq, delivery) in &progress.deliveries {
        note(connection, (&progress.sink, *seq), delivery, now).await?;
    }
    Ok(changed)
}

async fn note(
    connection: &mut Connection,
    (sink, seq): (&str, i64),
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (call_sid, state, tries, next_at, reason) = match delivery {
        Delivery::Done => {
            sql("DELETE FROM event_deliveries WHERE sink = $1 AND seq = $2")
                .bind(sink)
                .bind(seq)
                .run(connection)
                .await?;
            return Ok(());
        }
        Delivery::Waiting {
            call_sid,
            tries,
            next_at,
            reason,
        } => (call_sid, "waiting", *tries, *next_at, *reason),
        Delivery::Dead {
            call_sid,
            tries,
            reason,
        } => (call_sid, "dead", *tries, None, Some(*reason)),
    };
    sql(
        "INSERT INTO event_deliveries (sink, seq, call_sid, state, tries, next_at, reason, updated_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM outbox WHERE seq = $2)
         ON CONFLICT (sink, seq) DO UPDATE SET state = $4, tries = $5, next_at = $6, reason = $7, updated_at = $8",
    )
    .bind(sink)
    .bind(seq)
    .bind(call_sid)
    .bind(state)
    .bind(tries)
    .bind(next_at.map(Time))
    .bind(&reason.map(str::to_owned))
    .bind(now)
    .run(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Makes a sink known. A new one is told what happens from now on.
    pub async fn register_sink(&self, sink: &str) -> Result<(), StoreError> {
        self.write_sink(SinkWrite::Register(sink.to_owned())).await.map(drop)
    }

    /// Takes the right to deliver to a sink for so long, unless another node has it.
    pub async fn claim_sink(&self, sink: &str, lease: Duration) -> Result<Option<SinkClaim>, StoreError> {
        let now = self.now();
        let write = SinkWrite::Claim {
            sink: sink.to_owned(),
            node: self.node().to_owned(),
            now,
            until: now.saturating_add(lease).unwrap_or(Timestamp::MAX),
        };
        let Written::SinkClaimed(Some((cursor, epoch))) = self.write_sink(write).await? else {
            return Ok(None);
        };
        Ok(Some(SinkClaim {
            cursor,
            epoch,
            waiting: self.waiting_events(sink).await?,
            noted: self.noted_events(sink, cursor).await?,
        }))
    }

    /// Writes down how far a delivery has come, and keeps the right to deliver for so long; none gives it back. `false`:
    /// another node has it, or an operator has moved the cursor.
    pub async fn sink_progress(&self, progress: SinkProgress, lease: Option<Duration>) -> Result<bool, StoreError> {
        let now = self.now();
        let write = SinkWrite::Progress {
            node: self.node().to_owned(),
            now,
            until: lease.map(|lease| now.saturating_add(lease).unwrap_or(Timestamp::MAX)),
            progress,
        };
        Ok(matches!(self.write_sink(write).await?, Written::Changed(true)))
    }

    /// Delivers everything after this event once more. `false`: there is no such sink.
    pub async fn replay_events(&self, sink: &str, after: i64) -> Result<bool, StoreError> {
        // A cursor in the future would leave events out.
        let write = SinkWrite::Replay {
            sink: sink.to_owned(),
            after: after.clamp(0, self.newest_event().await?),
        };
        Ok(matches!(self.write_sink(write).await?, Written::Changed(true)))
    }

    /// Tries what was given up once more; answers how many these are.
    pub async fn revive_dead_events(&self, sink: &str) -> Result<u64, StoreError> {
        let write = SinkWrite::Revive {
            sink: sink.to_owned(),
            now: self.now(),
        };
        match self.write_sink(write).await? {
            Written::Counted(count) => Ok(count),
            _ => Err(StoreError::Closed),
        }
    }

    /// The sinks that are known, also those that the configuration names no more.
    pub async fn event_sinks(&self) -> Result<Vec<String>, StoreError> {
        let rows: Result<Vec<(String,)>, _> = sql("SELECT sink FROM event_sinks ORDER BY sink")
            .all(self.readers())
            .await;
        Ok(self.read(rows)?.into_iter().map(|(sink,)| sink).collect())
    }

    /// What a sink has not taken; none: it isn't known.
    pub async fn sink_lag(&self, sink: &str) -> Result<Option<SinkLag>, StoreError> {
        type Row = (i64, i64, i64, i64, Option<Time>, Option<Time>);
        let row: Result<Option<Row>, _> = sql("SELECT s.cursor, (SELECT COALESCE(MAX(seq), 0) FROM outbox),
                 (SELECT COUNT(*) FROM event_deliveries d WHERE d.sink = s.sink AND d.state = 'waiting'),
                 (SELECT COUNT(*) FROM event_deliveries d WHERE d.sink = s.sink AND d.state = 'dead'),
                 (SELECT o.time FROM outbox o WHERE o.seq > s.cursor ORDER BY o.seq LIMIT 1),
                 (SELECT o.time FROM event_deliveries d JOIN outbox o ON o.seq = d.seq
                  WHERE d.sink = s.sink AND d.state = 'waiting' ORDER BY d.seq LIMIT 1)
             FROM event_sinks s WHERE s.sink = $1")
        .bind(sink)
        .optional(self.readers())
        .await;
        Ok(self
            .read(row)?
            .map(|(cursor, newest, waiting, dead, new, parked)| SinkLag {
                cursor,
                events: (newest - cursor).max(0) + waiting,
                waiting,
                dead,
                oldest: [new, parked].into_iter().flatten().min().map(|time| time.0),
            }))
    }

    /// What was given up for a sink, oldest first.
    pub async fn dead_events(&self, sink: &str, limit: u32) -> Result<Vec<DeadEvent>, StoreError> {
        type Row = (i64, String, String, i64, Option<String>, Time);
        let rows: Result<Vec<Row>, _> = sql("SELECT d.seq, o.type, d.call_sid, d.tries, d.reason, d.updated_at
             FROM event_deliveries d JOIN outbox o ON o.seq = d.seq
             WHERE d.sink = $1 AND d.state = 'dead' ORDER BY d.seq LIMIT $2")
        .bind(sink)
        .bind(limit)
        .all(self.readers())
        .await;
        let dead = |(seq, kind, call_sid, tries, reason, at): Row| {
            Ok(DeadEvent {
                seq,
                kind: EventKind::of(kind),
                call_sid,
                tries: tries as u32,
                reason: reason.unwrap_or_default(),
                at: at.0,
            })
        };
        self.read(rows.and_then(|rows| rows.into_iter().map(dead).collect()))
    }

    async fn noted_events(&self, sink: &str, cursor: i64) -> Result<Vec<i64>, StoreError> {
        let rows: Result<Vec<(i64,)>, _> = sql("SELECT seq FROM event_deliveries WHERE sink = $1 AND seq > $2")
            .bind(sink)
            .bind(cursor)
            .all(self.readers())
            .await;
        Ok(self.read(rows)?.into_iter().map(|(seq,)| seq).collect())
    }

    async fn waiting_events(&self, sink: &str) -> Result<Vec<WaitingEvent>, StoreError> {
        type Row = (i64, Id, String, String, Time, Json, i64, Option<Time>);
        let rows: Result<Vec<Row>, _> = sql(
            "SELECT o.seq, o.id, o.type, o.call_sid, o.time, o.event, d.tries, d.next_at
             FROM event_deliveries d JOIN outbox o ON o.seq = d.seq
             WHERE d.sink = $1 AND d.state = 'waiting' ORDER BY d.seq",
        )
        .bind(sink)
        .all(self.readers())
        .await;
        let waiting = |(seq, id, kind, call_sid, time, event, tries, next_at): Row| {
            Ok(WaitingEvent {
                event: outbox::row((seq, id, kind, call_sid, time, event)),
                tries: tries as u32,
                next_at: next_at.map(|time| time.0),
            })
        };
        self.read(rows.and_then(|rows| rows.into_iter().map(waiting).collect()))
    }

    async fn write_sink(&self, write: SinkWrite) -> Result<Written, StoreError> {
        self.write(Write::Sink(write)).await
    }
}
