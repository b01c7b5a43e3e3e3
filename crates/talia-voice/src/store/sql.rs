//! A statement with its values, for whichever engine runs it. `$1` is a place in both; texts that the engines
//! understand differently don't occur.

use super::columns::{Id, Json, Time};
use super::engine::{Connection, Pool, within};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Arguments, Database, Encode, FromRow, Postgres, SqlSafeStr, SqlStr, Sqlite, Type};

/// A statement.
pub(super) struct Sql {
    text: SqlStr,
    values: Vec<Value>,
}

/// A value of a statement.
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(bool),
    Bytes(Vec<u8>),
    Time(Option<Time>),
    Id(Option<Id>),
    Json(Option<Json>),
}

macro_rules! value_of {
    ($($kind:ty: |$value:ident| $as:expr;)+) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $as
            }
        }
    )+};
}

value_of! {
    &str: |text| Self::Text(Some(text.to_owned()));
    &String: |text| Self::Text(Some(text.clone()));
    String: |text| Self::Text(Some(text));
    &Option<String>: |text| Self::Text(text.clone());
    i64: |number| Self::Number(Some(number));
    u32: |number| Self::Number(Some(i64::from(number)));
    Option<i64>: |number| Self::Number(number);
    bool: |flag| Self::Flag(flag);
    &[u8]: |bytes| Self::Bytes(bytes.to_owned());
    Timestamp: |time| Self::Time(Some(Time(time)));
    Option<Time>: |time| Self::Time(time);
    Option<Id>: |id| Self::Id(id);
    Option<Json>: |json| Self::Json(json);
}

/// A row that both engines can give.
pub(super) trait Kept: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Kept for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Where a statement runs: in the writer's transaction, or beside it.
pub(super) enum Place<'c> {
    Connection(&'c mut Connection),
    Pool(&'c Pool),
}

impl<'c> From<&'c mut Connection> for Place<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        Self::Connection(connection)
    }
}

impl<'c> From<&'c Pool> for Place<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

/// A statement whose values follow in the order of `$1`, `$2`…
pub(super) fn sql(text: impl SqlSafeStr) -> Sql {
    Sql {
        text: text.into_sql_str(),
        values: Vec::new(),
    }
}

impl Sql {
    /// The next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The same of an id that may be anything: one that is no UUID finds nothing.
    pub(super) fn id(self, id: &str) -> Self {
        self.bind(Some(Id(id.to_owned())))
    }

    /// The same of a document.
    pub(super) fn json(self, json: &str) -> Self {
        self.bind(Some(Json(json.to_owned())))
    }

    /// The same statement behind these words, to be told how it would be done.
    pub(super) fn explained(self, how: &'static str) -> Self {
        let text = format!("{how}{}", self.text.as_str());
        Self {
            text: sqlx::AssertSqlSafe(text).into_sql_str(),
            ..self
        }
    }

    /// Runs it; answers how many rows it changed.
    pub(super) async fn run(self, connection: &mut Connection) -> Result<u64, sqlx::Error> {
        match connection {
            Connection::Sqlite(connection) => {
                let values = arguments::<Sqlite>(self.values)?;
                let done = sqlx::query_with(self.text, values).execute(connection).await?;
                Ok(done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let values = arguments::<Postgres>(without_nul(self.values))?;
                let done = within(sqlx::query_with(self.text, values).execute(connection)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// The one row; none is an error.
    pub(super) async fn one<T: Kept>(self, place: impl Into<Place<'_>>) -> Result<T, sqlx::Error> {
        self.optional(place).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The first row, if there is one.
    pub(super) async fn optional<T: Kept>(self, place: impl Into<Place<'_>>) -> Result<Option<T>, sqlx::Error> {
        match place.into() {
            Place::Connection(Connection::Sqlite(connection)) => {
                let values = arguments::<Sqlite>(self.values)?;
                sqlx::query_as_with(self.text, values).fetch_optional(connection).await
            }
            Place::Pool(Pool::Sqlite(pool)) => {
                let values = arguments::<Sqlite>(self.values)?;
                sqlx::query_as_with(self.text, values).fetch_optional(pool).await
            }
            Place::Connection(Connection::Postgres(connection)) => {
                let values = arguments::<Postgres>(without_nul(self.values))?;
                within(sqlx::query_as_with(self.text, values).fetch_optional(connection)).await
            }
            Place::Pool(Pool::Postgres(pool)) => {
                let values = arguments::<Postgres>(without_nul(self.values))?;
                within(sqlx::query_as_with(self.text, values).fetch_optional(pool)).await
            }
        }
    }

    /// All rows.
    pub(super) async fn all<T: Kept>(self, place: impl Into<Place<'_>>) -> Result<Vec<T>, sqlx::Error> {
        match place.into() {
            Place::Connection(Connection::Sqlite(connection)) => {
                let values = arguments::<Sqlite>(self.values)?;
                sqlx::query_as_with(self.text, values).fetch_all(connection).await
            }
            Place::Pool(Pool::Sqlite(pool)) => {
                let values = arguments::<Sqlite>(self.values)?;
                sqlx::query_as_with(self.text, values).fetch_all(pool).await
            }
            Place::Connection(Connection::Postgres(connection)) => {
                let values = arguments::<Postgres>(without_nul(self.values))?;
                within(sqlx::query_as_with(self.text, values).fetch_all(connection)).await
            }
            Place::Pool(Pool::Postgres(pool)) => {
                let values = arguments::<Postgres>(without_nul(self.values))?;
                within(sqlx::query_as_with(self.text, values).fetch_all(pool)).await
            }
        }
    }
}

fn arguments<DB>(values: Vec<Value>) -> Result<DB::Arguments, sqlx::Error>
where
    DB: Database,
    Option<String>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i64>: for<'t> Encode<'t, DB> + Type<DB>,
    bool: for<'t> Encode<'t, DB> + Type<DB>,
    Vec<u8>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<Time>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<Id>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<Json>: for<'t> Encode<'t, DB> + Type<DB>,
{
    let mut arguments = DB::Arguments::default();
    for value in values {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Number(number) => arguments.add(number),
            Value::Flag(flag) => arguments.add(flag),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Time(time) => arguments.add(time),
            Value::Id(id) => arguments.add(id),
            Value::Json(json) => arguments.add(json),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL's texts can't hold the character NUL, which nobody says: the sign for what can't be shown stands for it,
/// so that the rest of the line is kept.
fn without_nul(mut values: Vec<Value>) -> Vec<Value> {
    for value in &mut values {
        match value {
            Value::Text(Some(text)) if text.contains('\0') => *text = text.replace('\0', "\u{FFFD}"),
            Value::Json(Some(Json(text))) if text.contains("\\u0000") => *text = unescaped_nul(text),
            _ => {}
        }
    }
    values
}

/// The same in a JSON text, where NUL is `\u0000`, and `\\u0000` is not.
fn unescaped_nul(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = escape.strip_prefix("\\u0000") {
            out.push_str("\\ufffd");
            rest = after;
        } else {
            // A backslash and the ASCII character that it escapes.
            let (pair, after) = escape.split_at_checked(2).unwrap_or((escape, ""));
            out.push_str(pair);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
