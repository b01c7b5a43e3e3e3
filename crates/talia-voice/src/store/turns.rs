//! Table `voice_turns`: how fast each turn was.

use super::engine::{Connection, Pool};
use super::sql::sql;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use talia_dialogue::TurnTiming;

/// The stages of a turn to be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewTurn {
    pub call_sid: String,
    pub timing: TurnTiming,
}

/// The stages of a turn as they are kept: milliseconds since the conversation began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TurnRow {
    /// The caller's last sound.
    pub speech_ended_ms: i64,
    /// The words were there.
    pub transcribed_ms: i64,
    /// The turn was judged to be over, and the brain asked.
    pub decided_ms: i64,
    /// The brain's first sentence.
    pub first_text_ms: i64,
    /// Its first audio.
    pub first_audio_ms: i64,
    /// Its first frame sent.
    pub first_frame_ms: i64,
    /// The first mark of it that came back.
    pub first_heard_ms: i64,
}

/// Appends a turn; `id` was made when it was handed over, so that trying again can't double it.
pub(super) async fn append(connection: &mut Connection, (id, new): (&str, &NewTurn)) -> Result<(), sqlx::Error> {
    let ms = |at: Duration| at.as_millis() as i64;
    let timing = &new.timing;
    sql(
        "INSERT INTO voice_turns (id, call_sid, speech_ended_ms, transcribed_ms, decided_ms, first_text_ms,
                                  first_audio_ms, first_frame_ms, first_heard_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
    )
    .id(id)
    .bind(&new.call_sid)
    .bind(ms(timing.speech_ended))
    .bind(ms(timing.transcribed))
    .bind(ms(timing.decided))
    .bind(ms(timing.first_text))
    .bind(ms(timing.first_audio))
    .bind(ms(timing.first_frame))
    .bind(ms(timing.first_heard))
    .run(connection)
    .await?;
    Ok(())
}

/// A call's turns in order.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<TurnRow>, sqlx::Error> {
    sql("SELECT * FROM voice_turns WHERE call_sid = $1 ORDER BY id")
        .bind(call_sid)
        .all(pool)
        .await
}
