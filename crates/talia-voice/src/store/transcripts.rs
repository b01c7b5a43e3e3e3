//! Table `voice_transcripts`: what was said and, for the assistant, heard.

use super::columns::{Id, Time};
use super::engine::{Connection, Pool};
use super::ids::BEFORE_ALL;
use super::outbox::{EventType, Events};
use super::sql::sql;
use super::{Store, StoreError, many, times};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use talia_dialogue::{Entry, Speaker, SpeechKind};

/// One line of a transcript to be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSegment {
    pub call_sid: String,
    pub entry: Entry,
    /// Wall time at which it began to be heard.
    pub at: Timestamp,
}

/// One line of a transcript as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct SegmentRow {
    /// UUID of version 7.
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: String,
    /// `caller` or `assistant`.
    pub speaker: String,
    pub text: String,
    /// ISO-8601 in UTC.
    #[sqlx(try_from = "Time")]
    pub timestamp: String,
    /// Milliseconds since the conversation began.
    pub began_ms: i64,
    pub ended_ms: i64,
    /// What the caller, having interrupted, didn't hear.
    pub unheard: Option<String>,
    /// The assistant's kind of sentence: `disclosure`, `answer`, `filler`, `nudge`, `goodbye`.
    pub kind: Option<String>,
}

fn speaker_word(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Caller => "caller",
        Speaker::Assistant => "assistant",
    }
}

fn kind_word(kind: SpeechKind) -> &'static str {
    match kind {
        SpeechKind::Disclosure => "disclosure",
        SpeechKind::Answer => "answer",
        SpeechKind::Filler => "filler",
        SpeechKind::Nudge => "nudge",
        SpeechKind::Goodbye => "goodbye",
    }
}

/// Appends lines in order; an `id` was made when its line was handed over, so that trying again can't double it.
pub(super) async fn append(
    connection: &mut Connection,
    lines: &[(&str, &NewSegment)],
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    for some in many::cut(lines) {
        let text = format!(
            "INSERT INTO voice_transcripts (id, call_sid, speaker, text, timestamp, began_ms, ended_ms, unheard, kind)
             VALUES {} ON CONFLICT (id) DO NOTHING",
            many::places(some.len(), 9)
        );
        let mut inserted = sql(sqlx::AssertSqlSafe(text));
        for (id, segment) in some {
            let row = row_of(id, segment);
            inserted = inserted
                .id(&row.id)
                .bind(&row.call_sid)
                .bind(&row.speaker)
                .bind(&row.text)
                .bind(segment.at)
                .bind(row.began_ms)
                .bind(row.ended_ms)
                .bind(&row.unheard)
                .bind(&row.kind);
            let subject = (EventType::TranscriptSegment, segment.call_sid.as_str(), *id);
            events.add(subject, segment.at, json!(row));
        }
        inserted.run(connection).await?;
    }
    Ok(())
}

fn row_of(id: &str, segment: &NewSegment) -> SegmentRow {
    let entry = &segment.entry;
    SegmentRow {
        id: id.to_owned(),
        call_sid: segment.call_sid.clone(),
        speaker: speaker_word(entry.speaker).to_owned(),
        text: entry.text.clone(),
        timestamp: times::text(segment.at),
        began_ms: entry.began.as_millis() as i64,
        ended_ms: entry.ended.as_millis() as i64,
        unheard: entry.unheard.clone(),
        kind: entry.kind.map(|kind| kind_word(kind).to_owned()),
    }
}

/// A call's lines in order.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<SegmentRow>, sqlx::Error> {
    sql("SELECT * FROM voice_transcripts WHERE call_sid = $1 ORDER BY id")
        .bind(call_sid)
        .all(pool)
        .await
}

impl Store {
    /// A call's lines in order: at most `limit` behind the one of this id, or from the first on.
    pub async fn lines_behind(
        &self,
        call_sid: &str,
        id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SegmentRow>, StoreError> {
        // Ids count up in time.
        let id = id.unwrap_or(BEFORE_ALL);
        let rows = sql("SELECT * FROM voice_transcripts WHERE call_sid = $1 AND id > $2 ORDER BY id LIMIT $3")
            .bind(call_sid)
            .id(id)
            .bind(limit)
            .all(self.readers())
            .await;
        self.read(rows)
    }
}
