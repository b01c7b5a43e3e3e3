//! What a caller said to being recorded: the word in `voice_calls.recording_consent`, and its proof in the audit trail.

use super::audit::{self, AuditKind, NewAudit};
use super::constants::{self, Word};
use super::engine::Connection;
use super::sql::sql;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A caller agreed to be recorded, didn't, or wants it no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecordingConsent {
    pub call_sid: String,
    /// The word for what holds from now on: `given`, `refused`, `not_given`, `withdrawn`.
    #[serde(deserialize_with = "constants::word")]
    pub consent: Word,
    /// What lets recordings begin: `after_notice`, `only_after_yes`.
    #[serde(deserialize_with = "constants::word")]
    pub mode: Word,
    /// What was asked; none where the caller spoke up unasked.
    pub question: Option<String>,
    /// What the caller said to it, as a word of ours: `yes`, `no`, `unclear`, `silence`, `other`, `unanswered`, `stop`.
    #[serde(deserialize_with = "constants::word")]
    pub answer: Word,
    /// `words` or `keys`.
    #[serde(deserialize_with = "constants::word")]
    pub by: Word,
    /// How often the caller heard the question.
    pub asked: u8,
    /// `es`, `en`.
    #[serde(deserialize_with = "constants::word")]
    pub language: Word,
    /// The transcript's line with the answer; its words are there alone.
    pub segment_id: Option<String>,
    pub at: Timestamp,
}

/// Writes it down; written again it changes nothing.
pub(super) async fn answered(connection: &mut Connection, new: &NewRecordingConsent) -> Result<(), sqlx::Error> {
    let detail = json!({
        "mode": new.mode, "question": new.question, "answer": new.answer, "by": new.by, "asked": new.asked,
        "language": new.language, "consent": new.consent, "segment": new.segment_id,
    });
    let kind = AuditKind::RecordingConsent;
    let known: Option<(i64,)> =
        sql("SELECT seq FROM audit_trail WHERE call_sid = $1 AND kind = $2 AND at = $3 AND detail = $4")
            .bind(&new.call_sid)
            .bind(kind.as_str())
            .bind(new.at)
            .bind(detail.to_string())
            .optional(&mut *connection)
            .await?;
    if known.is_some() {
        return Ok(());
    }
    sql("UPDATE voice_calls SET recording_consent = $2 WHERE call_sid = $1")
        .bind(&new.call_sid)
        .bind(new.consent)
        .run(connection)
        .await?;
    let audited = NewAudit {
        kind,
        call_sid: Some(new.call_sid.clone()),
        detail,
        at: new.at,
    };
    audit::add(connection, &audited).await
}
