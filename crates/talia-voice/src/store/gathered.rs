//! What a transaction gathers and writes in one piece: lines of transcripts, and the events.

use super::engine::Connection;
use super::ids::Ids;
use super::outbox::{Events, OutboxRow};
use super::transcripts::{self, NewSegment};

/// What isn't written yet.
pub(super) struct Gathered<'a> {
    /// With their identifiers.
    pub(super) lines: Vec<(&'a str, &'a NewSegment)>,
    pub(super) events: Events<'a>,
}

impl<'a> Gathered<'a> {
    /// Nothing yet. Identifiers of events come from `ids`; the events that were written go to `written`.
    pub(super) fn new(ids: &'a Ids, written: &'a mut Vec<OutboxRow>) -> Self {
        Self {
            lines: Vec::new(),
            events: Events::new(ids, written),
        }
    }

    /// Writes the lines; their events are behind those of before, and before those of what comes.
    pub(super) async fn write_lines(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        transcripts::append(connection, &std::mem::take(&mut self.lines), &mut self.events).await
    }

    /// Writes everything.
    pub(super) async fn write(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        self.write_lines(connection).await?;
        self.events.write(connection).await?;
        Ok(())
    }
}
