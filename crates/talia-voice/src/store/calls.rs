//! Table `voice_calls`: one row a call, whose status never goes back.

use super::audit::{self, AuditKind, NewAudit};
use super::columns::{MaybeId, MaybeTime, Time};
use super::constants::{self, Word};
use super::engine::{Connection, Pool};
use super::outbox::{EventType, Events};
use super::pages::{Behind, Conditions, Table};
use super::sql::{Place, Sql, sql};
use super::times;
use super::write::reason_word;
use super::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use talia_dialogue::EndReason;
use talia_twilio::CallStatus;

/// A call as its first webhook tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCall {
    pub call_sid: String,
    pub account_sid: String,
    /// E.164, `client:…`, `sip:…`, or a word such as `anonymous`.
    pub from: String,
    pub to: String,
    /// `inbound`, `outbound-api`…
    pub direction: String,
    /// Which conversation answers.
    pub assistant: Option<String>,
    pub status: CallStatus,
    pub at: Timestamp,
}

/// What is known of a call after its first webhook was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Whether it was this webhook that began it, not a repetition.
    pub first: bool,
    /// Whether its conversation is over already.
    pub ended: bool,
    /// How many media streams it has had.
    pub streams: i64,
}

/// A call as it is kept. Times are ISO-8601 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct CallRow {
    pub call_sid: String,
    pub account_sid: String,
    pub direction: String,
    pub assistant: Option<String>,
    pub from_number: String,
    pub to_number: String,
    pub status: String,
    #[sqlx(try_from = "Time")]
    pub started_at: String,
    #[sqlx(try_from = "MaybeTime")]
    pub ended_at: Option<String>,
    pub ended_reason: Option<String>,
    #[sqlx(try_from = "MaybeTime")]
    pub disclosure_heard_at: Option<String>,
    /// The words that told the caller that an AI speaks…
    pub disclosure_text: Option<String>,
    /// …in this language: `es`, `en`.
    pub disclosure_language: Option<String>,
    /// On what ground the call was recorded then (`after_notice`, `given`), or that it wasn't: `refused`, `not_given`; `withdrawn`
    /// when the caller stopped it.
    pub recording_consent: Option<String>,
    /// When everything but this row was erased.
    #[sqlx(try_from = "MaybeTime")]
    pub erased_at: Option<String>,
    pub duration_s: Option<i64>,
    pub streams: i64,
    /// Wishes of models to use a tool.
    pub tool_calls: Option<i64>,
    /// What the providers cost, millionths of the operator's currency; none without prices.
    pub cost_micros: Option<i64>,
}

impl CallRow {
    /// Whether the call failed before a word of ours was heard.
    pub fn failed_speechless(&self) -> bool {
        let failed = self.ended_reason.as_deref() == Some(reason_word(EndReason::Failure));
        failed && self.disclosure_heard_at.is_none()
    }
}

/// Which calls are listed: those to which all of it applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallFilter {
    /// Twilio's word.
    pub status: Option<String>,
    /// Twilio's word.
    pub direction: Option<String>,
    /// The id of a conversation.
    pub assistant: Option<String>,
    /// Of either side, E.164.
    pub number: Option<String>,
    /// Begun at this moment or later…
    pub since: Option<Timestamp>,
    /// …and before this one.
    pub until: Option<Timestamp>,
    pub ended: Option<bool>,
}

/// A call that is under way, and where.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LiveRow {
    #[sqlx(flatten)]
    pub call: CallRow,
    /// Another node that is alive holds its stream.
    pub elsewhere: bool,
}

/// Who has a call's media stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// There is no such call.
    Unknown,
    /// It has ended.
    Over,
    /// No node that is alive, as far as the database knows, but perhaps this one.
    Nobody,
    /// Another node that is alive: its id.
    Node(String),
}

/// The same, as it is read.
#[derive(sqlx::FromRow)]
struct HolderRow {
    ended: bool,
    #[sqlx(try_from = "MaybeId")]
    node: Option<String>,
}

/// A call that has not ended, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct OpenCall {
    pub call_sid: String,
    pub status: String,
    pub streams: i64,
    /// Its caller is being handed, or was handed, to a person.
    pub transferred: bool,
    /// Another node that is alive holds its stream.
    pub held_elsewhere: bool,
}

/// A report of a call's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    pub call_sid: String,
    pub status: CallStatus,
    /// Twilio's count of the call's reports; it isn't in all of them.
    pub sequence: Option<u64>,
    /// Twilio's `CallDuration`.
    pub duration_s: Option<i64>,
    /// When it happened.
    pub at: Timestamp,
}

/// A caller has heard to the last word that an AI is speaking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosed {
    pub call_sid: String,
    /// The company's words, with nothing of the caller's in them.
    pub text: String,
    /// `es`, `en`.
    #[serde(deserialize_with = "constants::word")]
    pub language: Word,
    /// When the last word's mark came back.
    pub at: Timestamp,
}

/// The end of a call's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) call_sid: String,
    #[serde(deserialize_with = "constants::word")]
    pub(super) reason: Word,
    pub(super) at: Timestamp,
}

/// Writes the row of a call that begins, or completes one that a status report began.
pub(super) async fn start(
    connection: &mut Connection,
    call: &NewCall,
    events: &mut Events<'_>,
) -> Result<Started, sqlx::Error> {
    let known = fetch(&mut *connection, &call.call_sid).await?;
    sql(
        "INSERT INTO voice_calls
             (call_sid, account_sid, direction, assistant, from_number, to_number, status, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (call_sid) DO UPDATE SET
             account_sid = $2, direction = $3, assistant = COALESCE(voice_calls.assistant, $4), from_number = $5, to_number = $6",
    )
    .bind(&call.call_sid)
    .bind(&call.account_sid)
    .bind(&call.direction)
    .bind(&call.assistant)
    .bind(&call.from)
    .bind(&call.to)
    .bind(call.status.as_str())
    .bind(call.at)
    .run(connection)
    .await?;
    let report = StatusReport {
        call_sid: call.call_sid.clone(),
        status: call.status,
        sequence: None,
        duration_s: None,
        at: call.at,
    };
    report_once(connection, &report).await?;
    // What was gathered before tells of others.
    events.write(connection).await?;
    let data = json!({
        "call_sid": call.call_sid, "from": call.from, "to": call.to, "direction": call.direction,
        "assistant": call.assistant,
    });
    events.add((EventType::CallStarted, &call.call_sid, ""), call.at, data);
    Ok(Started {
        first: events.write(connection).await? > 0,
        ended: known.as_ref().is_some_and(|row| row.ended_at.is_some()),
        streams: known.map_or(0, |row| row.streams),
    })
}

/// Takes a report in; one about an unknown call begins its row. Answers whether it was new.
pub(super) async fn advance(
    connection: &mut Connection,
    report: &StatusReport,
    events: &mut Events<'_>,
) -> Result<bool, sqlx::Error> {
    sql(
        "INSERT INTO voice_calls (call_sid, account_sid, direction, from_number, to_number, status, started_at)
         VALUES ($1, '', '', '', '', $2, $3) ON CONFLICT (call_sid) DO NOTHING",
    )
    .bind(&report.call_sid)
    .bind(report.status.as_str())
    .bind(report.at)
    .run(connection)
    .await?;
    let new = report_once(&mut *connection, report).await?;
    if report.status.is_terminal() {
        completed(connection, &report.call_sid, report.at, events).await?;
    }
    Ok(new)
}

/// Keeps a report and derives the call's row from all that there are: the same row whatever the order in which they
/// came. Of two ends the one that Twilio counted first stands; one that isn't counted has only the time of its arrival.
async fn report_once(connection: &mut Connection, report: &StatusReport) -> Result<bool, sqlx::Error> {
    let kept = sql(
        "INSERT INTO call_reports (call_sid, status, sequence, at, duration_s) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(&report.call_sid)
    .bind(report.status.as_str())
    .bind(report.sequence.map_or(-1, |sequence| sequence as i64))
    .bind(report.at)
    .bind(report.duration_s)
    .run(connection)
    .await?;
    if kept == 0 {
        return Ok(false);
    }
    let reports: Vec<(String, i64, Time, Option<i64>)> = sql(
        "SELECT status, sequence, at, duration_s FROM call_reports WHERE call_sid = $1
         ORDER BY sequence < 0, sequence, rowid",
    )
    .bind(&report.call_sid)
    .all(&mut *connection)
    .await?;
    let known = reports
        .iter()
        .filter_map(|(status, _, at, duration)| Some((CallStatus::parse(status)?, *at, *duration)));
    let status = known
        .clone()
        .map(|(status, ..)| status)
        .reduce(CallStatus::advance)
        .unwrap_or(report.status);
    let first = known.clone().map(|(_, at, _)| at).min();
    let end = known.clone().find(|(status, ..)| status.is_terminal());
    // What ended by our own doing is over, whatever is reported late.
    sql("UPDATE voice_calls SET
             status = CASE WHEN $2 OR ended_at IS NULL THEN $3 ELSE status END,
             started_at = CASE WHEN $4 < started_at THEN $4 ELSE started_at END,
             ended_at = COALESCE($5, ended_at), duration_s = COALESCE($6, duration_s)
         WHERE call_sid = $1")
    .bind(&report.call_sid)
    .bind(status.is_terminal())
    .bind(status.as_str())
    .bind(first)
    .bind(end.as_ref().map(|(_, at, _)| *at))
    .bind(end.as_ref().and_then(|(.., duration)| *duration))
    .run(connection)
    .await?;
    Ok(true)
}

/// Writes down that a conversation is over, and why.
pub(super) async fn end(
    connection: &mut Connection,
    ending: &Ending,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    // Twilio's own word for the end stays, if it came first.
    sql(
        "UPDATE voice_calls SET status = CASE WHEN ended_at IS NULL THEN 'completed' ELSE status END,
             ended_at = COALESCE(ended_at, $2), ended_reason = COALESCE(ended_reason, $3)
         WHERE call_sid = $1",
    )
    .bind(&ending.call_sid)
    .bind(ending.at)
    .bind(ending.reason)
    .run(connection)
    .await?;
    completed(connection, &ending.call_sid, ending.at, events).await
}

/// Writes down when the caller had heard that an AI is speaking, and in which words; the first time stays.
pub(super) async fn disclosure_heard(
    connection: &mut Connection,
    disclosed: &Disclosed,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let first = sql(
        "UPDATE voice_calls SET disclosure_heard_at = $2, disclosure_text = $3, disclosure_language = $4
         WHERE call_sid = $1 AND disclosure_heard_at IS NULL",
    )
    .bind(&disclosed.call_sid)
    .bind(disclosed.at)
    .bind(&disclosed.text)
    .bind(disclosed.language)
    .run(connection)
    .await?;
    if first == 0 {
        return Ok(());
    }
    let new = NewAudit {
        kind: AuditKind::Disclosure,
        call_sid: Some(disclosed.call_sid.clone()),
        detail: json!({ "text": disclosed.text, "language": disclosed.language }),
        at: disclosed.at,
    };
    audit::add(connection, &new).await?;
    let data = json!({
        "call_sid": disclosed.call_sid, "text": disclosed.text, "language": disclosed.language,
        "disclosure_heard_at": times::text(disclosed.at),
    });
    let of = (EventType::DisclosureHeard, disclosed.call_sid.as_str(), "");
    events.add(of, disclosed.at, data);
    Ok(())
}

async fn completed(
    connection: &mut Connection,
    call_sid: &str,
    at: Timestamp,
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let Some(row) = fetch(&mut *connection, call_sid).await? else {
        return Ok(());
    };
    let data = json!({
        "call_sid": row.call_sid, "status": row.status, "ended_reason": row.ended_reason,
        "started_at": row.started_at, "ended_at": row.ended_at, "disclosure_heard_at": row.disclosure_heard_at,
    });
    events.add((EventType::CallCompleted, call_sid, ""), at, data);
    Ok(())
}

/// Reads one call.
pub(super) async fn fetch(place: impl Into<Place<'_>>, call_sid: &str) -> Result<Option<CallRow>, sqlx::Error> {
    sql("SELECT * FROM voice_calls WHERE call_sid = $1")
        .bind(call_sid)
        .optional(place)
        .await
}

/// The newest calls first.
pub(super) async fn recent(pool: &Pool, limit: u32) -> Result<Vec<CallRow>, sqlx::Error> {
    sql("SELECT * FROM voice_calls ORDER BY started_at DESC, call_sid DESC LIMIT $1")
        .bind(limit)
        .all(pool)
        .await
}

/// A page of calls, the newest first.
pub(super) fn page(filter: &CallFilter, behind: Option<&Behind>, limit: u32) -> Sql {
    const TABLE: Table = Table {
        name: "voice_calls",
        order: "started_at DESC, call_sid DESC",
    };
    let mut all = Conditions::default();
    all.and_if("status = ?", filter.status.as_ref());
    all.and_if("direction = ?", filter.direction.as_ref());
    all.and_if("assistant = ?", filter.assistant.as_ref());
    all.and_if("started_at >= ?", filter.since);
    all.and_if("started_at < ?", filter.until);
    match filter.ended {
        Some(true) => all.and("ended_at IS NOT NULL", Vec::new()),
        Some(false) => all.and("ended_at IS NULL", Vec::new()),
        None => {}
    }
    if let Some(Behind { at, id }) = behind {
        all.and("(started_at, call_sid) < (?, ?)", vec![(*at).into(), id.into()]);
    }
    match &filter.number {
        Some(number) => all.page_of_either(&TABLE, ("from_number", "to_number"), number, limit),
        None => all.page(&TABLE, limit),
    }
}

impl Store {
    /// The calls that have had a stream and have not ended, the newest first.
    pub async fn calls_under_way(&self, limit: u32) -> Result<Vec<LiveRow>, StoreError> {
        let rows = sql("SELECT voice_calls.*,
                    EXISTS (SELECT 1 FROM conversations JOIN nodes USING (node)
                            WHERE conversations.call_sid = voice_calls.call_sid AND node <> $1 AND alive_until > $2)
                        AS elsewhere
             FROM voice_calls WHERE ended_at IS NULL AND streams > 0 ORDER BY started_at DESC, call_sid DESC LIMIT $3")
        .id(self.node())
        .bind(self.now())
        .bind(limit)
        .all(self.readers())
        .await;
        self.read(rows)
    }
}

impl Store {
    /// The other node that has a call's stream.
    pub async fn holder(&self, call_sid: &str) -> Result<Holder, StoreError> {
        let row: Result<Option<HolderRow>, _> = sql("SELECT ended_at IS NOT NULL AS ended,
                    (SELECT node FROM conversations JOIN nodes USING (node)
                     WHERE conversations.call_sid = voice_calls.call_sid AND node <> $1 AND alive_until > $2) AS node
             FROM voice_calls WHERE call_sid = $3")
        .id(self.node())
        .bind(self.now())
        .bind(call_sid)
        .optional(self.readers())
        .await;
        Ok(match self.read(row)? {
            None => Holder::Unknown,
            Some(row) if row.ended => Holder::Over,
            Some(HolderRow { node: Some(node), .. }) => Holder::Node(node),
            Some(_) => Holder::Nobody,
        })
    }
}

/// The calls that have not ended, as `node` sees them.
pub(super) async fn open(pool: &Pool, node: &str, now: Timestamp) -> Result<Vec<OpenCall>, sqlx::Error> {
    sql("SELECT call_sid, status, streams,
                EXISTS (SELECT 1 FROM transfers WHERE transfers.call_sid = voice_calls.call_sid
                        AND state <> 'unanswered') AS transferred,
                EXISTS (SELECT 1 FROM conversations JOIN nodes USING (node)
                        WHERE conversations.call_sid = voice_calls.call_sid AND node <> $1 AND alive_until > $2)
                    AS held_elsewhere
         FROM voice_calls WHERE ended_at IS NULL")
    .id(node)
    .bind(now)
    .all(pool)
    .await
}
