//! Table `leads`: at most one a call; those of one person know which was the first.

use super::columns::{Id, MaybeId, Time};
use super::engine::{Connection, Pool};
use super::lead_fields::{self, HeardField, LeadField, LeadFieldRow};
use super::outbox::{EventType, Events};
use super::pages::{Behind, Conditions, Table};
use super::sql::{Sql, Value, sql};
use super::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// What Twilio may give as the number of callers who withhold theirs: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE
/// as a telephone's keys spell them.
const WITHHELD: [&str; 5] = ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"];

/// What the caller told of themselves. A field that is `None` leaves what was kept before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// Where they were heard.
    pub heard: Vec<HeardField>,
}

/// A lead as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct LeadRow {
    /// UUID of version 7.
    #[sqlx(try_from = "Id")]
    pub id: String,
    pub call_sid: String,
    /// The number by which this person is known, E.164: the telephone that they confirmed, else the one that they call from.
    pub person: Option<String>,
    /// The person's earliest lead; none in that lead itself.
    #[sqlx(try_from = "MaybeId")]
    pub first_lead_id: Option<String>,
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

/// A lead with where its fields were heard, by the fields' names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WholeLead {
    #[serde(flatten)]
    pub lead: LeadRow,
    pub fields: BTreeMap<String, LeadFieldRow>,
}

impl LeadFields {
    fn value(&self, field: LeadField) -> Option<&str> {
        let value = match field {
            LeadField::Name => &self.name,
            LeadField::Email => &self.email,
            LeadField::Phone => &self.phone,
            LeadField::Company => &self.company,
            LeadField::Notes => &self.notes,
            LeadField::Purpose => &self.purpose,
        };
        value.as_deref()
    }

    fn is_confirmed(&self, field: LeadField) -> bool {
        match field {
            LeadField::Name => self.name_confirmed,
            LeadField::Email => self.email_confirmed,
            LeadField::Phone => self.phone_confirmed,
            LeadField::Company | LeadField::Notes | LeadField::Purpose => false,
        }
    }
}

impl LeadRow {
    /// A field's value.
    pub fn value(&self, field: LeadField) -> Option<&str> {
        let value = match field {
            LeadField::Name => &self.name,
            LeadField::Email => &self.email,
            LeadField::Phone => &self.phone,
            LeadField::Company => &self.company,
            LeadField::Notes => &self.notes,
            LeadField::Purpose => &self.purpose,
        };
        value.as_deref()
    }

    fn is_confirmed(&self, field: LeadField) -> bool {
        match field {
            LeadField::Name => self.name_confirmed,
            LeadField::Email => self.email_confirmed,
            LeadField::Phone => self.phone_confirmed,
            LeadField::Company | LeadField::Notes | LeadField::Purpose => false,
        }
    }

    fn set(&mut self, field: LeadField, value: Option<String>, confirmed: bool) {
        match field {
            LeadField::Name => (self.name, self.name_confirmed) = (value, confirmed),
            LeadField::Email => (self.email, self.email_confirmed) = (value, confirmed),
            LeadField::Phone => (self.phone, self.phone_confirmed) = (value, confirmed),
            LeadField::Company => self.company = value,
            LeadField::Notes => self.notes = value,
            LeadField::Purpose => self.purpose = value,
        }
    }

    /// The fields that differ, in value or in whether the caller agreed.
    fn changed_since(&self, before: &Self) -> Vec<LeadField> {
        let differs = |field: &LeadField| {
            self.value(*field) != before.value(*field) || self.is_confirmed(*field) != before.is_confirmed(*field)
        };
        LeadField::ALL.into_iter().filter(differs).collect()
    }
}

impl WholeLead {
    pub(super) fn new(lead: LeadRow, fields: Vec<LeadFieldRow>) -> Self {
        let fields = fields.into_iter().map(|row| (row.field.clone(), row)).collect();
        Self { lead, fields }
    }

    /// Takes over what a later lead of the same person says: the newest word of each field, and of what the later one doesn't
    /// know the earlier word. Identity and beginning stay the first one's, the call is the newest.
    pub(super) fn amend(&mut self, later: Self) {
        let mut newer = later.fields;
        for field in LeadField::ALL {
            let value = later.lead.value(field);
            if value.is_none() {
                continue;
            }
            self.lead
                .set(field, value.map(str::to_owned), later.lead.is_confirmed(field));
            let name = field.as_str();
            self.fields.remove(name);
            self.fields.extend(newer.remove_entry(name));
        }
        self.lead.call_sid = later.lead.call_sid;
        self.lead.updated_at = self.lead.updated_at.clone().max(later.lead.updated_at);
    }
}

/// A lead to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeadOf {
    pub(super) call_sid: String,
    /// The number of the media stream in which it was told.
    pub(super) stream: i64,
    pub(super) fields: LeadFields,
    pub(super) at: Timestamp,
}

/// Which write of a lead was the newest.
type Newest = (i64, Option<Id>);

/// Keeps a call's lead: the first time it becomes `lead_created`, later each change becomes one `lead_updated`. A write
/// that isn't newer than what is kept (it comes again after a commit in doubt, or from a node that lost the call) only
/// fills what is empty.
pub(super) async fn save(
    connection: &mut Connection,
    (id, lead): (&str, &LeadOf),
    events: &mut Events<'_>,
) -> Result<(), sqlx::Error> {
    let call_sid = lead.call_sid.as_str();
    let before: Option<LeadRow> = sql("SELECT * FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .optional(&mut *connection)
        .await?;
    let written: Option<Newest> = sql("SELECT written_stream, written_id FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .optional(&mut *connection)
        .await?;
    let newest = written.is_none_or(|(stream, written)| {
        let written = written.map_or_else(String::new, String::from);
        (stream, written.as_str()) < (lead.stream, id)
    });
    let mut row = before.clone().unwrap_or_else(|| empty(id, lead));
    for field in LeadField::ALL {
        let value = lead.fields.value(field);
        if value.is_some() && (newest || row.value(field).is_none()) {
            row.set(field, value.map(str::to_owned), lead.fields.is_confirmed(field));
        }
    }
    let is_news = before
        .as_ref()
        .is_none_or(|before| !row.changed_since(before).is_empty());
    if is_news {
        row.person = person(connection, &row).await?;
        row = write(connection, &row, lead.at).await?;
        let before = before.as_ref().and_then(|before| before.person.as_deref());
        if before != row.person.as_deref() {
            row = regroup(connection, row, before).await?;
        }
    }
    if newest {
        sql("UPDATE leads SET written_stream = $2, written_id = $3 WHERE id = $1")
            .id(&row.id)
            .bind(lead.stream)
            .bind(Some(Id(id.to_owned())))
            .run(connection)
            .await?;
    }
    // By what is kept now: an engine may keep a text a little differently.
    let changed = before
        .as_ref()
        .map_or_else(Vec::new, |before| row.changed_since(before));
    for field in &changed {
        let same = before
            .as_ref()
            .is_some_and(|before| before.value(*field) == row.value(*field));
        if !same {
            lead_fields::forget(connection, &row.id, *field).await?;
        }
    }
    for heard in &lead.fields.heard {
        lead_fields::keep(connection, (&row.id, heard), newest).await?;
    }
    if before.is_none() {
        let subject = (EventType::LeadCreated, call_sid, "");
        events.add(subject, lead.at, json!(row));
        return Ok(());
    }
    if changed.is_empty() {
        return Ok(());
    }
    let mut data = json!(row);
    data["changed"] = json!(changed);
    let subject = (EventType::LeadUpdated, call_sid, id);
    events.add(subject, lead.at, data);
    Ok(())
}

/// A lead of which nothing is known yet.
fn empty(id: &str, lead: &LeadOf) -> LeadRow {
    LeadRow {
        id: id.to_owned(),
        call_sid: lead.call_sid.clone(),
        person: None,
        first_lead_id: None,
        name: None,
        email: None,
        phone: None,
        company: None,
        notes: None,
        purpose: None,
        source: "voice".to_owned(),
        name_confirmed: false,
        email_confirmed: false,
        phone_confirmed: false,
        created_at: String::new(),
        updated_at: String::new(),
    }
}

/// Writes what is known of the lead now.
async fn write(connection: &mut Connection, row: &LeadRow, at: Timestamp) -> Result<LeadRow, sqlx::Error> {
    sql(
        "INSERT INTO leads (id, call_sid, person, name, email, phone, company, notes, purpose,
                            name_confirmed, email_confirmed, phone_confirmed, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         ON CONFLICT (call_sid) DO UPDATE SET
             person = $3, name = $4, email = $5, phone = $6, company = $7, notes = $8, purpose = $9,
             name_confirmed = $10, email_confirmed = $11, phone_confirmed = $12, updated_at = $13
         RETURNING *",
    )
    .id(&row.id)
    .bind(&row.call_sid)
    .bind(&row.person)
    .bind(&row.name)
    .bind(&row.email)
    .bind(&row.phone)
    .bind(&row.company)
    .bind(&row.notes)
    .bind(&row.purpose)
    .bind(row.name_confirmed)
    .bind(row.email_confirmed)
    .bind(row.phone_confirmed)
    .bind(at)
    .one(connection)
    .await
}

/// The number by which the person is known. A telephone that nobody has agreed to may be misheard, hence another's.
async fn person(connection: &mut Connection, row: &LeadRow) -> Result<Option<String>, sqlx::Error> {
    let own = row
        .phone
        .clone()
        .filter(|phone| row.phone_confirmed && is_a_person_s(phone));
    if own.is_some() {
        return Ok(own);
    }
    let line: Option<(String,)> = sql(
        "SELECT CASE WHEN direction LIKE 'outbound%' THEN to_number ELSE from_number END
         FROM voice_calls WHERE call_sid = $1",
    )
    .bind(&row.call_sid)
    .optional(connection)
    .await?;
    Ok(line.map(|(number,)| number).filter(|number| is_a_person_s(number)))
}

/// Whether it is a number in E.164 that belongs to somebody.
fn is_a_person_s(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !WITHHELD.contains(&number)
}

/// A lead has come to be of another person than `before`: whose first it was, and who is first now.
async fn regroup(connection: &mut Connection, mut row: LeadRow, before: Option<&str>) -> Result<LeadRow, sqlx::Error> {
    if let Some(before) = before
        && row.first_lead_id.is_none()
    {
        lead_by_the_first(connection, before).await?;
    }
    let first: Option<(Id,)> = sql("SELECT id FROM leads WHERE person = $1 ORDER BY created_at, id LIMIT 1")
        .bind(&row.person)
        .optional(&mut *connection)
        .await?;
    let first = first.map(|(first,)| String::from(first));
    if let (Some(first), Some(person)) = (&first, &row.person)
        && *first == row.id
    {
        // Those of later calls may have been kept as this person's before.
        lead_by_the_first(connection, person).await?;
    }
    row.first_lead_id = first.filter(|first| *first != row.id);
    sql("UPDATE leads SET first_lead_id = $2 WHERE id = $1")
        .id(&row.id)
        .bind(row.first_lead_id.clone().map(Id))
        .run(connection)
        .await?;
    Ok(row)
}

/// All leads of a person point to the earliest.
async fn lead_by_the_first(connection: &mut Connection, person: &str) -> Result<(), sqlx::Error> {
    let first: Option<(Id,)> = sql("SELECT id FROM leads WHERE person = $1 ORDER BY created_at, id LIMIT 1")
        .bind(person)
        .optional(&mut *connection)
        .await?;
    let Some((first,)) = first else { return Ok(()) };
    sql("UPDATE leads SET first_lead_id = CASE WHEN id = $2 THEN NULL ELSE $2 END WHERE person = $1")
        .bind(person)
        .bind(Some(first))
        .run(connection)
        .await?;
    Ok(())
}

/// A call's lead.
pub(super) async fn of_call(pool: &Pool, call_sid: &str) -> Result<Option<LeadRow>, sqlx::Error> {
    sql("SELECT * FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .optional(pool)
        .await
}

/// Forgets a call's lead; the person's next one is their first then.
pub(super) async fn forget(connection: &mut Connection, call_sid: &str) -> Result<u64, sqlx::Error> {
    let person: Option<(Option<String>,)> = sql("SELECT person FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .optional(&mut *connection)
        .await?;
    let gone = sql("DELETE FROM leads WHERE call_sid = $1")
        .bind(call_sid)
        .run(connection)
        .await?;
    if let Some((Some(person),)) = person {
        lead_by_the_first(connection, &person).await?;
    }
    Ok(gone)
}

/// Which leads are listed: those to which all of it applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeadFilter {
    /// Kept first at this moment or later…
    pub since: Option<Timestamp>,
    /// …and before this one.
    pub until: Option<Timestamp>,
    /// E.164.
    pub phone: Option<String>,
    /// As it is kept.
    pub email: Option<String>,
    pub call_sid: Option<String>,
}

/// A page of leads, the newest first.
pub(super) fn page(filter: &LeadFilter, behind: Option<&Behind>, limit: u32) -> Sql {
    const TABLE: Table = Table {
        name: "leads",
        order: "created_at DESC, id DESC",
    };
    let mut all = Conditions::default();
    all.and_if("phone = ?", filter.phone.as_ref());
    all.and_if("email = ?", filter.email.as_ref());
    all.and_if("call_sid = ?", filter.call_sid.as_ref());
    all.and_if("created_at >= ?", filter.since);
    all.and_if("created_at < ?", filter.until);
    if let Some(Behind { at, id }) = behind {
        let id = Value::Id(Some(Id(id.clone())));
        all.and("(created_at, id) < (?, ?)", vec![(*at).into(), id]);
    }
    all.page(&TABLE, limit)
}

impl Store {
    /// The lead of this id.
    pub async fn lead_of_id(&self, id: &str) -> Result<Option<LeadRow>, StoreError> {
        let row = sql("SELECT * FROM leads WHERE id = $1").id(id);
        self.read(row.optional(self.readers()).await)
    }
}
