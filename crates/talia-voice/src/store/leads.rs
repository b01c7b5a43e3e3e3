//! Table `leads`: at most one a call.

use super::calls::Events;
use super::columns::{Id, Time};
use super::engine::{Connection, Pool};
use super::outbox::EventType;
use super::sql::sql;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

/// What the caller told of themselves. A field that is `None` leaves what was kept before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeadFields {
    pub name: Option<String>,
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub company: Option<String>,
    pub notes: Option<String>,
    pub purpose: Option<String>,
    /// Whether the caller agreed when it was read back.
    pub name_confirmed: bool,
    pub email_confirmed: bool,
    pub phone_confirmed: bool,
}

/// A lead as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct LeadRow {
    /// UUID of version 7.
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub notes: Option<String>,
    pub purpose: Option<String>,
    /// Always `voice`.
    pub source: String,
    pub name_confirmed: bool,
    pub email_confirmed: bool,
    pub phone_confirmed: bool,
    #[sqlx(try_from = "Time")]
    pub created_at: String,
    #[sqlx(try_from = "Time")]
    pub updated_at: String,
}

/// A lead to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeadOf {
    pub(super) call_sid: String,
    pub(super) fields: LeadFields,
    pub(super) at: Timestamp,
}

/// Keeps a call's lead. The first time it becomes an event, later times amend the row.
pub(super) async fn save(
    connection: &mut Connection,
    (id, lead): (&str, &LeadOf),
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let fields = &lead.fields;
    let row: LeadRow = sql(
        "INSERT INTO leads (id, call_sid, name, email, phone, company, notes, purpose,
                            name_confirmed, email_confirmed, phone_confirmed, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         ON CONFLICT (call_sid) DO UPDATE SET
             name_confirmed = CASE WHEN $3 IS NULL THEN leads.name_confirmed ELSE $9 END,
             email_confirmed = CASE WHEN $4 IS NULL THEN leads.email_confirmed ELSE $10 END,
             phone_confirmed = CASE WHEN $5 IS NULL THEN leads.phone_confirmed ELSE $11 END,
             name = COALESCE($3, leads.name), email = COALESCE($4, leads.email),
             phone = COALESCE($5, leads.phone),
             company = COALESCE($6, leads.company), notes = COALESCE($7, leads.notes),
             purpose = COALESCE($8, leads.purpose),
             updated_at = $12
         RETURNING *",
    )
    .id(id)
    .bind(&lead.call_sid)
    .bind(&fields.name)
    .bind(&fields.email)
    .bind(&fields.phone)
    .bind(&fields.company)
    .bind(&fields.notes)
    .bind(&fields.purpose)
    .bind(fields.name_confirmed)
    .bind(fields.email_confirmed)
    .bind(fields.phone_confirmed)
    .bind(lead.at)
    .one(&mut *connection)
    .await?;
    let subject = (EventType::LeadCreated, lead.call_sid.as_str(), "");
    events.add(connection, subject, lead.at, json!(row)).await
}

/// A call's lead.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Option<LeadRow>, sqlx::Error> {
    sql("SELECT * FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .optional(pool)
        .await
}
