//! Table `transfers`: callers handed to a person.

use super::audit::{self, AuditKind, NewAudit};
use super::columns::{Id, MaybeTime, Time};
use super::engine::{Connection, Pool};
use super::outbox::{EventType, Events};
use super::sql::sql;
use super::times;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A transfer that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    pub call_sid: String,
    /// An id of the configuration.
    pub destination: String,
    /// One sentence for the person who answers.
    pub summary: String,
    pub at: Timestamp,
}

/// What became of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) call_sid: String,
    pub(super) answered: bool,
    /// Twilio's `DialCallStatus`.
    pub(super) word: String,
    pub(super) at: Timestamp,
}

/// A transfer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TransferRow {
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: String,
    pub destination: String,
    /// `asked`, `answered`, `unanswered`.
    pub state: String,
    pub summary: String,
    pub outcome: Option<String>,
    #[sqlx(try_from = "Time")]
    pub asked_at: String,
    #[sqlx(try_from = "MaybeTime")]
    pub ended_at: Option<String>,
}

/// Writes down that a caller is handed to a person, with `transfer_asked`, which tells that person's screen who comes.
pub(super) async fn ask(
    connection: &mut Connection,
    (id, new): (&str, &NewTransfer),
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let first = sql(
        "INSERT INTO transfers (id, call_sid, destination, state, summary, asked_at) VALUES ($1, $2, $3, 'asked', $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .id(id)
    .bind(&new.call_sid)
    .bind(&new.destination)
    .bind(&new.summary)
    .bind(new.at)
    .run(connection)
    .await?;
    if first == 0 {
        return Ok(());
    }
    let detail = json!({ "transfer": id, "destination": new.destination, "state": "asked" });
    audited(connection, &new.call_sid, detail, new.at).await?;
    let data = json!({
        "call_sid": new.call_sid, "transfer_id": id, "destination": new.destination, "summary": new.summary,
        "asked_at": times::text(new.at),
    });
    let of = (EventType::TransferAsked, new.call_sid.as_str(), id);
    events.add(of, new.at, data);
    Ok(())
}

async fn audited(
    connection: &mut Connection,
    call_sid: &str,
    detail: serde_json::Value,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let new = NewAudit {
        kind: AuditKind::Transfer,
        call_sid: Some(call_sid.to_owned()),
        detail,
        at,
    };
    audit::add(connection, &new).await
}

/// Writes down what became of the transfer that is under way, with `call_transferred` or `transfer_unanswered`; a repetition
/// finds none.
pub(super) async fn end(
    connection: &mut Connection,
    outcome: &Outcome,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let (state, kind) = if outcome.answered {
        ("answered", EventType::CallTransferred)
    } else {
        ("unanswered", EventType::TransferUnanswered)
    };
    let under_way: Option<(Id, String, Time)> = sql(
        "UPDATE transfers SET state = $2, outcome = $3, ended_at = $4 WHERE call_sid = $1 AND state = 'asked'
         RETURNING id, destination, asked_at",
    )
    .bind(&outcome.call_sid)
    .bind(state)
    .bind(&outcome.word)
    .bind(outcome.at)
    .optional(&mut *connection)
    .await?;
    let Some((Id(id), destination, Time(asked_at))) = under_way else {
        return Ok(());
    };
    let detail = json!({ "state": state, "outcome": outcome.word });
    audited(connection, &outcome.call_sid, detail, outcome.at).await?;
    let data = json!({
        "call_sid": outcome.call_sid, "transfer_id": id, "destination": destination, "outcome": outcome.word,
        "asked_at": times::text(asked_at), "ended_at": times::text(outcome.at),
    });
    let of = (kind, outcome.call_sid.as_str(), id.as_str());
    events.add(of, outcome.at, data);
    Ok(())
}

/// A call's transfers in order.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Vec<TransferRow>, sqlx::Error> {
    sql("SELECT * FROM transfers WHERE call_sid = $1 ORDER BY id")
        .bind(call_sid)
        .all(pool)
        .await
}
