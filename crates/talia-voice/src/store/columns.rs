//! What the two engines keep differently: times, ids and documents are texts in SQLite and types of their own in
//! PostgreSQL (`timestamptz`, `uuid`, `jsonb`).

use super::times;
use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, ValueRef};
use uuid::Uuid;

/// PostgreSQL's numbers of its types, `src/include/catalog/pg_type.dat`.
const UUID: u32 = 2950;
const TIMESTAMPTZ: u32 = 1184;
const JSONB: u32 = 3802;
/// Midnight of 2000-01-01 in UTC, from which PostgreSQL counts, as microseconds of Unix time.
const EPOCH: i64 = 946_684_800_000_000;
/// The version of `jsonb` on the wire: a text follows.
const JSONB_VERSION: u8 = 1;

/// A moment, kept to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) Timestamp);

/// A moment, if there is one.
pub(super) struct MaybeTime(Option<Time>);

/// A UUID. One that isn't finds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id(pub(super) String);

/// A UUID, if there is one.
pub(super) struct MaybeId(Option<Id>);

/// A document, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Json(pub(super) String);

/// A document, if there is one.
pub(super) struct MaybeJson(Option<Json>);

impl From<Time> for String {
    fn from(time: Time) -> Self {
        times::text(time.0)
    }
}

impl From<MaybeTime> for Option<String> {
    fn from(time: MaybeTime) -> Self {
        time.0.map(String::from)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl From<MaybeId> for Option<String> {
    fn from(id: MaybeId) -> Self {
        id.0.map(String::from)
    }
}

impl From<Json> for String {
    fn from(json: Json) -> Self {
        json.0
    }
}

impl From<MaybeJson> for Option<String> {
    fn from(json: MaybeJson) -> Self {
        json.0.map(String::from)
    }
}

/// In SQLite it is a text.
macro_rules! text_in_sqlite {
    ($($kind:ty: $encode:expr, $decode:expr;)+) => {$(
        impl Type<Sqlite> for $kind {
            fn type_info() -> SqliteTypeInfo {
                <String as Type<Sqlite>>::type_info()
            }

            fn compatible(kind: &SqliteTypeInfo) -> bool {
                <String as Type<Sqlite>>::compatible(kind)
            }
        }

        impl Encode<'_, Sqlite> for $kind {
            fn encode_by_ref(&self, buffer: &mut <Sqlite as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let encode: fn(&Self) -> String = $encode;
                <String as Encode<'_, Sqlite>>::encode(encode(self), buffer)
            }
        }

        impl Decode<'_, Sqlite> for $kind {
            fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
                let decode: fn(String) -> Result<Self, BoxDynError> = $decode;
                decode(<String as Decode<'_, Sqlite>>::decode(value)?)
            }
        }
    )+};
}

text_in_sqlite! {
    Time: |time| times::text(time.0), |text| Ok(Self(text.parse()?));
    Id: |id| id.0.clone(), |text| Ok(Self(text));
    Json: |json| json.0.clone(), |text| Ok(Self(text));
}

/// In PostgreSQL it is this type.
macro_rules! typed_in_postgres {
    ($($kind:ty: $oid:expr;)+) => {$(
        impl Type<Postgres> for $kind {
            fn type_info() -> PgTypeInfo {
                PgTypeInfo::with_oid(Oid($oid))
            }

            fn compatible(kind: &PgTypeInfo) -> bool {
                kind.oid() == Some(Oid($oid))
            }
        }
    )+};
}

typed_in_postgres! {
    Time: TIMESTAMPTZ;
    Id: UUID;
    Json: JSONB;
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, buffer: &mut <Postgres as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.as_millisecond().saturating_mul(1_000).saturating_sub(EPOCH);
        buffer.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Time {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        let micros = micros.checked_add(EPOCH).ok_or("a time without end")?;
        Ok(Self(Timestamp::from_microsecond(micros)?))
    }
}

impl Encode<'_, Postgres> for Id {
    fn encode_by_ref(&self, buffer: &mut <Postgres as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Ok(id) = Uuid::parse_str(&self.0) else {
            return Ok(IsNull::Yes);
        };
        buffer.extend_from_slice(id.as_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Id {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(Uuid::from_slice(value.as_bytes()?)?.to_string()))
    }
}

impl Encode<'_, Postgres> for Json {
    fn encode_by_ref(&self, buffer: &mut <Postgres as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.push(JSONB_VERSION);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Json {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.as_bytes()?.split_first() {
            Some((&JSONB_VERSION, text)) => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("a jsonb of an unknown version".into()),
        }
    }
}

/// The same or nothing, in both.
macro_rules! or_nothing {
    ($($maybe:ident: $kind:ty;)+) => {$(
        impl<DB: Database> Type<DB> for $maybe
        where
            $kind: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$kind as Type<DB>>::type_info()
            }

            fn compatible(kind: &DB::TypeInfo) -> bool {
                <$kind as Type<DB>>::compatible(kind)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $maybe
        where
            $kind: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                if value.is_null() {
                    return Ok(Self(None));
                }
                <$kind as Decode<'r, DB>>::decode(value).map(|value| Self(Some(value)))
            }
        }
    )+};
}

or_nothing! {
    MaybeTime: Time;
    MaybeId: Id;
    MaybeJson: Json;
}
