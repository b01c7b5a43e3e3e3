//! Pages of a table: conditions that are there or not, and the row that a page comes behind. Never an offset: a page costs
//! the same wherever it is, and rows that come meanwhile neither double nor hide any.

use super::calls::CallFilter;
use super::engine::Pool;
use super::leads::LeadFilter;
use super::recordings::RecordingFilter;
use super::sql::{Sql, Value, sql};
use super::{CallRow, LeadRow, RecordingRow, Store, StoreError, calls, leads, recordings};
use jiff::Timestamp;
use std::fmt::Write;

/// The last row of the page before. Pages go from the newest row to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The row's time, by which pages are ordered.
    pub at: Timestamp,
    /// Its CallSid or id, which decides between rows of one moment.
    pub id: String,
}

/// What pages are made of.
#[derive(Debug, Clone, Copy)]
pub enum Listed<'a> {
    Calls(&'a CallFilter),
    Leads(&'a LeadFilter),
    Recordings(&'a RecordingFilter),
}

/// Which table, and its order.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) order: &'static str,
}

/// Conditions that all hold.
#[derive(Default)]
pub(super) struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    /// One more; each `?` in it is the next of these values.
    pub(super) fn and(&mut self, condition: &'static str, values: Vec<Value>) {
        self.text += if self.text.is_empty() { " WHERE " } else { " AND " };
        let mut pieces = condition.split('?');
        self.text += pieces.next().unwrap_or_default();
        for (piece, value) in pieces.zip(values) {
            let place = self.place(value);
            // Writing to a string can't fail.
            let _ = write!(self.text, "{place}{piece}");
        }
    }

    /// One more where its value is asked for.
    pub(super) fn and_if(&mut self, condition: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and(condition, vec![value.into()]);
        }
    }

    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// A page of what fulfils them.
    pub(super) fn page(mut self, table: &Table, limit: u32) -> Sql {
        let limit = self.place(limit.into());
        let text = select(table, &self.text, &limit);
        self.statement(text)
    }

    /// A page of what also has this value in one of two columns. Each is read by its own index: an OR would sort all rows
    /// of a value that most of them have.
    pub(super) fn page_of_either(
        mut self,
        table: &Table,
        (one, other): (&'static str, &'static str),
        value: &str,
        limit: u32,
    ) -> Sql {
        let (value, limit) = (self.place(value.into()), self.place(limit.into()));
        let joint = if self.text.is_empty() { " WHERE" } else { " AND" };
        let has_one = format!("{}{joint} {one} = {value}", self.text);
        let has_other = format!("{}{joint} {other} = {value} AND {one} <> {value}", self.text);
        let text = format!(
            "SELECT * FROM ({}) AS one UNION ALL SELECT * FROM ({}) AS other ORDER BY {} LIMIT {limit}",
            select(table, &has_one, &limit),
            select(table, &has_other, &limit),
            table.order
        );
        self.statement(text)
    }

    /// The text is ours, whatever the values are.
    fn statement(self, text: String) -> Sql {
        let statement = sql(sqlx::AssertSqlSafe(text));
        self.values.into_iter().fold(statement, Sql::bind)
    }
}

fn select(table: &Table, conditions: &str, limit: &str) -> String {
    let Table { name, order } = table;
    format!("SELECT * FROM {name}{conditions} ORDER BY {order} LIMIT {limit}")
}

impl Store {
    /// Calls, the newest first: at most `limit` behind that row, or from the first on.
    pub async fn calls_page(
        &self,
        filter: &CallFilter,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<CallRow>, StoreError> {
        self.read(calls::page(filter, behind, limit).all(self.readers()).await)
    }

    /// Leads, the newest first: at most `limit` behind that row, or from the first on.
    pub async fn leads_page(
        &self,
        filter: &LeadFilter,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<LeadRow>, StoreError> {
        self.read(leads::page(filter, behind, limit).all(self.readers()).await)
    }

    /// Recordings, the newest first: at most `limit` behind that row, or from the first on.
    pub async fn recordings_page(
        &self,
        filter: &RecordingFilter,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        self.read(recordings::page(filter, behind, limit).all(self.readers()).await)
    }

    /// How the engine would find such a page, in its own words: whether by an index, and whether it sorts.
    pub async fn plan_of_page(&self, listed: Listed<'_>, behind: Option<&Behind>) -> Result<Vec<String>, StoreError> {
        let statement = match listed {
            Listed::Calls(filter) => calls::page(filter, behind, 50),
            Listed::Leads(filter) => leads::page(filter, behind, 50),
            Listed::Recordings(filter) => recordings::page(filter, behind, 50),
        };
        let steps = match self.readers() {
            Pool::Sqlite(_) => statement
                .explained("EXPLAIN QUERY PLAN ")
                .all::<(i64, i64, i64, String)>(self.readers())
                .await
                .map(|steps| steps.into_iter().map(|(.., step)| step).collect()),
            Pool::Postgres(_) => statement
                .explained("EXPLAIN (COSTS OFF) ")
                .all::<(String,)>(self.readers())
                .await
                .map(|steps| steps.into_iter().map(|(step,)| step).collect()),
        };
        self.read(steps)
    }
}
