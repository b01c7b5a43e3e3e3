//! Tables `outbound_calls` and `dial_audit`: calls out, written before they are dialled, and every wish to dial.
//!
//! Caps are counted and a call admitted in one transaction: however many ask at once, no cap is ever exceeded.

use super::audit::{self, AuditKind, NewAudit};
use super::columns::{Id, Json, MaybeJson, Time};
use super::constants::{self, Word};
use super::engine::Connection;
use super::sql::{Value, sql};
use super::write::{Write, Written};
use super::{Store, StoreError, do_not_call};
use crate::dialing::{Denial, Door, Permit, Usage};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The longest text of a wish that is kept in the audit; a number has 16 characters.
const LONGEST_WISH: usize = 32;

/// A wish to dial.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDial {
    pub door: Door,
    /// The id of an API key, or the identity of a browser's client.
    pub asked_by: String,
    /// Names the wish: repeated, it is not dialled again.
    pub key: Option<String>,
    /// Of the whole wish, so that another one under the same key is told apart.
    pub request_sha256: [u8; 32],
    /// As it was asked for.
    pub to: String,
    /// What the policy says of the number and the hour.
    pub verdict: Result<Permit, Denial>,
    /// The number that is shown.
    pub from: String,
    /// Which conversation begins; a person's own call has none.
    pub assistant: Option<String>,
    pub purpose: Option<String>,
    /// JSON: name and value.
    pub variables: String,
    /// JSON: who agreed, when, how.
    pub consent: Option<String>,
    /// Of a call that exists already and will dial: a browser's.
    pub call_sid: Option<String>,
    pub at: Timestamp,
}

/// Without numbers and words.
impl std::fmt::Debug for NewDial {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("NewDial")
            .field("door", &self.door)
            .field("verdict", &self.verdict.as_ref().map(|_| ()))
            .finish_non_exhaustive()
    }
}

/// What is said to a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialAnswer {
    /// It is on disk, and may be dialled now, once.
    Admitted(OutboundRow),
    /// It was asked before: this is what became of it.
    Known(OutboundRow),
    /// Another wish has used the key.
    KeyReused,
    /// No.
    Denied(Denial),
}

/// How far a call out has come; from `Dialled` on, `voice_calls` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboundState {
    /// Written, and perhaps just being dialled.
    Dialling,
    /// Twilio's answer was lost: it may ring.
    Unconfirmed,
    /// Twilio has it.
    Dialled,
    /// Surely not dialled.
    Failed,
}

impl OutboundState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Dialling => "dialling",
            Self::Unconfirmed => "unconfirmed",
            Self::Dialled => "dialled",
            Self::Failed => "failed",
        }
    }
}

impl TryFrom<String> for OutboundState {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        [Self::Dialling, Self::Unconfirmed, Self::Dialled, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(word)
    }
}

/// A call out as it is kept.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OutboundRow {
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub door: String,
    pub asked_by: String,
    pub to_number: String,
    pub from_number: String,
    pub assistant: Option<String>,
    pub purpose: Option<String>,
    #[sqlx(try_from = "Json")]
    pub variables: String,
    #[sqlx(try_from = "MaybeJson")]
    pub consent: Option<String>,
    pub reserved_micros: i64,
    #[sqlx(try_from = "String")]
    pub state: OutboundState,
    /// A word, and Twilio's error behind it where there was one.
    pub failure: Option<String>,
    pub call_sid: Option<String>,
    pub answered_by: Option<String>,
    #[sqlx(try_from = "Time")]
    pub created_at: String,
}

/// Without numbers and words.
impl std::fmt::Debug for OutboundRow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("OutboundRow")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("call_sid", &self.call_sid)
            .finish_non_exhaustive()
    }
}

/// What became of a call out. The first CallSid and the first verdict stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialChange {
    /// Twilio has it, under this CallSid.
    Dialled(String),
    /// Twilio's answer was lost.
    Unconfirmed,
    /// It was surely not dialled. Where the fault was a passing one, its key may be used again.
    Failed {
        #[serde(deserialize_with = "constants::word")]
        reason: Word,
        /// Twilio's error.
        code: Option<u32>,
        passes: bool,
    },
    /// A person or a machine answered, in Twilio's word; and whether the conversation is over with that.
    AnsweredBy {
        #[serde(deserialize_with = "constants::word")]
        word: Word,
        over: bool,
    },
    /// It is over after so many seconds; for calls without a row in `voice_calls`.
    Lasted(i64),
}

const COLUMNS: &str = "SELECT id, door, asked_by, to_number, from_number, assistant, purpose, variables, consent, \
                       reserved_micros, state, failure, call_sid, answered_by, created_at FROM outbound_calls";

async fn row_of(
    connection: &mut Connection,
    (door, asked_by, key): (&str, &str, &str),
) -> Result<Option<(OutboundRow, Vec<u8>)>, sqlx::Error> {
    let found: Option<(Id, Vec<u8>)> =
        sql("SELECT id, request_sha256 FROM outbound_calls WHERE door = $1 AND asked_by = $2 AND idempotency_key = $3")
            .bind(door)
            .bind(asked_by)
            .bind(key)
            .optional(&mut *connection)
            .await?;
    let Some((Id(id), sha256)) = found else {
        return Ok(None);
    };
    let row = fetch(connection, &id).await?;
    Ok(row.map(|row| (row, sha256)))
}

async fn fetch(connection: &mut Connection, id: &str) -> Result<Option<OutboundRow>, sqlx::Error> {
    sql(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")))
        .id(id)
        .optional(&mut *connection)
        .await
}

/// Writes down a wish and what is said to it; a wish that is granted is a row that may be dialled once.
pub(super) async fn ask(connection: &mut Connection, (id, dial): (&str, &NewDial)) -> Result<DialAnswer, sqlx::Error> {
    if let Some(key) = &dial.key {
        let known = row_of(connection, (dial.door.as_str(), &dial.asked_by, key)).await?;
        if let Some((row, sha256)) = known {
            return Ok(if sha256 == dial.request_sha256 {
                DialAnswer::Known(row)
            } else {
                DialAnswer::KeyReused
            });
        }
    }
    let denial = match &dial.verdict {
        Ok(permit) => admit(connection, permit, dial.at).await?,
        Err(denial) => Some(*denial),
    };
    if let Some(denial) = denial {
        note(connection, (id, dial), denial.as_str(), None).await?;
        return Ok(DialAnswer::Denied(denial));
    }
    if let Ok(permit) = &dial.verdict {
        insert(connection, id, dial, permit).await?;
    }
    note(connection, (id, dial), "allowed", Some(id)).await?;
    let row = fetch(connection, id).await?;
    row.map(DialAnswer::Admitted).ok_or(sqlx::Error::RowNotFound)
}

/// What only the tables know: who doesn't want to be called, and what was dialled before.
async fn admit(connection: &mut Connection, permit: &Permit, now: Timestamp) -> Result<Option<Denial>, sqlx::Error> {
    if do_not_call::has(connection, permit.destination().e164()).await? {
        return Ok(Some(Denial::DoNotCall));
    }
    let usage = usage(connection, permit.prefix(), now).await?;
    Ok(permit.caps().admit(&usage, permit.reserve()).err())
}

/// What was dialled in the last hour and day. What surely wasn't dialled doesn't count; what is over counts with its
/// minutes, and everything else with the most that it may cost.
async fn usage(connection: &mut Connection, prefix: &str, now: Timestamp) -> Result<Usage, sqlx::Error> {
    let hour = now - SignedDuration::from_hours(1);
    let day = now - SignedDuration::from_hours(24);
    let (last_hour, last_day, same_prefix, micros): (i64, i64, i64, i64) = sql(
        "SELECT COUNT(CASE WHEN o.created_at > $1 THEN 1 END), COUNT(*), COUNT(CASE WHEN o.prefix = $3 THEN 1 END),
                CAST(COALESCE(SUM(CASE
                    WHEN o.duration_s IS NOT NULL THEN o.price_micros * ((o.duration_s + 59) / 60)
                    WHEN c.ended_at IS NOT NULL AND c.duration_s IS NOT NULL
                        THEN o.price_micros * ((c.duration_s + 59) / 60)
                    ELSE o.reserved_micros END), 0) AS BIGINT)
         FROM outbound_calls o LEFT JOIN voice_calls c ON c.call_sid = o.call_sid AND o.door = 'api'
         WHERE o.created_at > $2 AND o.state <> 'failed'",
    )
    .bind(hour)
    .bind(day)
    .bind(prefix)
    .one(&mut *connection)
    .await?;
    Ok(Usage {
        last_hour,
        last_day,
        same_prefix,
        micros,
    })
}

async fn insert(connection: &mut Connection, id: &str, dial: &NewDial, permit: &Permit) -> Result<(), sqlx::Error> {
    let state = if dial.call_sid.is_some() {
        OutboundState::Dialled
    } else {
        OutboundState::Dialling
    };
    sql("INSERT INTO outbound_calls
             (id, door, asked_by, idempotency_key, request_sha256, to_number, from_number, prefix, assistant, purpose,
              variables, consent, price_micros, reserved_micros, state, call_sid, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)")
    .id(id)
    .bind(dial.door.as_str())
    .bind(&dial.asked_by)
    .bind(&dial.key)
    .bind(dial.request_sha256.as_slice())
    .bind(permit.destination().e164())
    .bind(&dial.from)
    .bind(permit.prefix())
    .bind(&dial.assistant)
    .bind(&dial.purpose)
    .json(&dial.variables)
    .bind(dial.consent.clone().map(Json))
    .bind(permit.price())
    .bind(permit.reserve())
    .bind(state.as_str())
    .bind(&dial.call_sid)
    .bind(dial.at)
    .run(connection)
    .await?;
    Ok(())
}

async fn note(
    connection: &mut Connection,
    (id, dial): (&str, &NewDial),
    verdict: &str,
    outbound: Option<&str>,
) -> Result<(), sqlx::Error> {
    let wish: String = dial.to.chars().take(LONGEST_WISH).collect();
    sql(
        "INSERT INTO dial_audit (id, at, door, asked_by, to_number, verdict, outbound_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .id(id)
    .bind(dial.at)
    .bind(dial.door.as_str())
    .bind(&dial.asked_by)
    .bind(wish)
    .bind(verdict)
    .bind(outbound.map(|id| Id(id.to_owned())))
    .run(connection)
    .await?;
    let new = NewAudit {
        kind: AuditKind::Dial,
        call_sid: dial.call_sid.clone(),
        detail: json!({ "wish": id, "door": dial.door.as_str(), "by": dial.asked_by, "verdict": verdict }),
        at: dial.at,
    };
    audit::add(connection, &new).await
}

/// Writes down what became of a call out; answers whether that was news.
pub(super) async fn change(
    connection: &mut Connection,
    (id, change): (&str, &DialChange),
    at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let query = match change {
        DialChange::Dialled(call_sid) => sql(
            "UPDATE outbound_calls SET state = 'dialled', call_sid = $3, failure = NULL, updated_at = $2
             WHERE id = $1 AND call_sid IS NULL",
        )
        .id(id)
        .bind(at)
        .bind(call_sid),
        DialChange::Unconfirmed => {
            sql("UPDATE outbound_calls SET state = 'unconfirmed', updated_at = $2 WHERE id = $1 AND state = 'dialling'")
                .id(id)
                .bind(at)
        }
        DialChange::Failed { reason, code, passes } => sql(
            "UPDATE outbound_calls SET state = 'failed', failure = $3, updated_at = $2,
                 idempotency_key = CASE WHEN $4 THEN NULL ELSE idempotency_key END
             WHERE id = $1 AND state IN ('dialling', 'unconfirmed')",
        )
        .id(id)
        .bind(at)
        .bind(code.map_or_else(|| (*reason).to_owned(), |code| format!("{reason} {code}")))
        .bind(*passes),
        DialChange::AnsweredBy { word, over } => {
            let done = sql(
                "UPDATE outbound_calls SET answered_by = $3, updated_at = $2 WHERE id = $1 AND answered_by IS NULL",
            )
            .id(id)
            .bind(at)
            .bind(*word)
            .run(connection)
            .await?;
            if *over {
                sql("UPDATE voice_calls SET ended_reason = COALESCE(ended_reason, 'machine')
                     WHERE call_sid = (SELECT call_sid FROM outbound_calls WHERE id = $1)")
                .id(id)
                .run(connection)
                .await?;
            }
            return Ok(done > 0);
        }
        DialChange::Lasted(seconds) => {
            sql("UPDATE outbound_calls SET duration_s = $3, updated_at = $2 WHERE id = $1 AND duration_s IS NULL")
                .id(id)
                .bind(at)
                .bind(*seconds)
        }
    };
    Ok(query.run(connection).await? > 0)
}

impl Store {
    /// Writes down a wish to dial and answers whether it may be dialled. [`DialAnswer::Admitted`] comes once a wish,
    /// and when it comes the row is on disk.
    pub async fn ask_to_dial(&self, dial: NewDial) -> Result<DialAnswer, StoreError> {
        let id = self.new_id(dial.at);
        match self.write(Write::Dial(id, Box::new(dial))).await? {
            Written::Dial(answer) => Ok(*answer),
            _ => Err(StoreError::Closed),
        }
    }

    /// Writes down what became of a call out; answers whether that was news.
    pub async fn dial_changed(&self, id: &str, change: DialChange) -> Result<bool, StoreError> {
        let write = Write::DialChanged(id.to_owned(), change, self.now());
        match self.write(write).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Closed),
        }
    }

    /// One call out.
    pub async fn outbound(&self, id: &str) -> Result<Option<OutboundRow>, StoreError> {
        self.outbound_where("id = $1", Some(Id(id.to_owned()))).await
    }

    /// The call out that became this call.
    pub async fn outbound_of_call(&self, call_sid: &str) -> Result<Option<OutboundRow>, StoreError> {
        self.outbound_where("call_sid = $1 AND door <> 'transfer'", call_sid)
            .await
    }

    async fn outbound_where(
        &self,
        condition: &'static str,
        value: impl Into<Value>,
    ) -> Result<Option<OutboundRow>, StoreError> {
        let row = sql(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE {condition}")))
            .bind(value)
            .optional(self.readers())
            .await;
        self.read(row)
    }

    /// Calls out of which nobody knows whether they were dialled, asked for before `before`.
    pub async fn outbound_in_doubt(&self, before: Timestamp) -> Result<Vec<OutboundRow>, StoreError> {
        let rows = sql(sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE state IN ('dialling', 'unconfirmed') AND created_at < $1 ORDER BY id LIMIT 100"
        )))
        .bind(before)
        .all(self.readers())
        .await;
        self.read(rows)
    }

    /// The verdicts over what somebody wanted to dial, the oldest first.
    pub async fn dial_verdicts(&self, to: &str) -> Result<Vec<String>, StoreError> {
        let wish: String = to.chars().take(LONGEST_WISH).collect();
        let rows: Result<Vec<(String,)>, _> = sql("SELECT verdict FROM dial_audit WHERE to_number = $1 ORDER BY id")
            .bind(wish)
            .all(self.readers())
            .await;
        self.read(rows.map(|rows| rows.into_iter().map(|(verdict,)| verdict).collect()))
    }
}
