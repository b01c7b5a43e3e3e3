//! Table `lead_fields`: where each field of a lead was heard.

use super::columns::{Id, MaybeId};
use super::engine::{Connection, Pool};
use super::sql::sql;
use serde::{Deserialize, Serialize};

/// A field that a caller fills. The names are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadField {
    Name,
    Email,
    Phone,
    Company,
    Notes,
    Purpose,
}

impl LeadField {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Company,
        Self::Notes,
        Self::Purpose,
    ];

    /// The name in tables and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Company => "company",
            Self::Notes => "notes",
            Self::Purpose => "purpose",
        }
    }
}

/// How a field was told. The names are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeardIn {
    /// The caller said it.
    Words,
    /// The caller typed it.
    Keys,
    /// The caller agreed to the number that they call from.
    CallingNumber,
}

impl HeardIn {
    fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Keys => "keys",
            Self::CallingNumber => "calling_number",
        }
    }
}

/// Where a field was heard, to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardField {
    pub field: LeadField,
    pub origin: HeardIn,
    /// The caller's line in the transcript.
    pub segment_id: Option<String>,
    /// Milliseconds since the conversation began.
    pub heard_ms: Option<i64>,
    /// The caller has heard it read back.
    pub read_back: bool,
    /// The caller agreed.
    pub confirmed: bool,
}

/// The same as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct LeadFieldRow {
    #[sqlx(try_from = "Id")]
    pub lead_id: String,
    /// `name`, `email`, `phone`, `company`, `notes`, `purpose`.
    pub field: String,
    /// `words`, `keys`, `calling_number`.
    pub origin: String,
    /// The caller's line in the transcript; none where it came from keys or from the calling number.
    #[sqlx(try_from = "MaybeId")]
    pub segment_id: Option<String>,
    /// When that line began: milliseconds since the conversation began.
    pub heard_ms: Option<i64>,
    pub read_back: bool,
    pub confirmed: bool,
}

/// Keeps where a field was heard; what is known of it stays where this isn't the `newest` word.
pub(super) async fn keep(
    connection: &mut Connection,
    (lead_id, heard): (&str, &HeardField),
    newest: bool,
) -> Result<(), sqlx::Error> {
    sql(
        "INSERT INTO lead_fields (lead_id, field, origin, segment_id, heard_ms, read_back, confirmed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (lead_id, field) DO UPDATE SET
             origin = $3, segment_id = $4, heard_ms = $5, read_back = $6, confirmed = $7
         WHERE $8",
    )
    .id(lead_id)
    .bind(heard.field.as_str())
    .bind(heard.origin.as_str())
    .bind(heard.segment_id.clone().map(Id))
    .bind(heard.heard_ms)
    .bind(heard.read_back)
    .bind(heard.confirmed)
    .bind(newest)
    .run(connection)
    .await?;
    Ok(())
}

/// Forgets where a field was heard whose value is another one now.
pub(super) async fn forget(connection: &mut Connection, lead_id: &str, field: LeadField) -> Result<(), sqlx::Error> {
    sql("DELETE FROM lead_fields WHERE lead_id = $1 AND field = $2")
        .id(lead_id)
        .bind(field.as_str())
        .run(connection)
        .await?;
    Ok(())
}

/// A lead's fields by name.
pub(super) async fn of_lead(pool: &Pool, lead_id: &str) -> Result<Vec<LeadFieldRow>, sqlx::Error> {
    sql("SELECT * FROM lead_fields WHERE lead_id = $1 ORDER BY field")
        .id(lead_id)
        .all(pool)
        .await
}

/// Those of all leads from the one to the other, in the order of the leads.
pub(super) async fn between(pool: &Pool, (from, to): (&str, &str)) -> Result<Vec<LeadFieldRow>, sqlx::Error> {
    sql("SELECT * FROM lead_fields WHERE lead_id >= $1 AND lead_id <= $2 ORDER BY lead_id")
        .id(from)
        .id(to)
        .all(pool)
        .await
}
