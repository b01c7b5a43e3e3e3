//! Why something couldn't be written or read.

use crate::telemetry::labels::StoreFault;
use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

/// Why something couldn't be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database can't be opened or brought up to date: the server must not start.
    #[error("database {url}: {reason}")]
    Open {
        /// The address as configured, without a password.
        url: String,
        /// What the database says.
        reason: String,
    },
    /// The disk, or the size allowed for the file, is used up.
    #[error("the database is full")]
    Full,
    /// The file can't be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Another process holds the database.
    #[error("the database is locked by another process")]
    Locked,
    /// The disk failed, or the server is gone, hangs or refuses us.
    #[error("the database can't be read or written: {0}")]
    Io(String),
    /// The write contradicts what is kept, for example it names a call that isn't known: trying again is no use.
    #[error("the database refused the write: {0}")]
    Rejected(String),
    /// Not in the database yet, and what it answers isn't known: it waits in the spool, or in memory where that takes nothing, and is
    /// written, in order, as soon as the database can be written again.
    #[error("the write waits for the database")]
    Deferred,
    /// Too many writes wait already: this one is lost.
    #[error("too many writes wait for the database")]
    Overflow,
    /// The call was erased: nothing of it is kept any more.
    #[error("the call was erased")]
    Erased,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("database: {0}")]
    Other(String),
}

impl StoreError {
    /// The word under which it is counted.
    pub fn fault(&self) -> StoreFault {
        match self {
            Self::Full => StoreFault::Full,
            Self::ReadOnly => StoreFault::ReadOnly,
            Self::Locked => StoreFault::Locked,
            Self::Io(_) => StoreFault::Io,
            Self::Rejected(_) => StoreFault::Rejected,
            Self::Overflow => StoreFault::Overflow,
            Self::Closed => StoreFault::Closed,
            Self::Erased => StoreFault::Erased,
            Self::Open { .. } | Self::Deferred | Self::Other(_) => StoreFault::Other,
        }
    }

    /// Whether the same write may succeed later.
    pub(super) fn passes(&self) -> bool {
        !matches!(self, Self::Rejected(_) | Self::Erased)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return match error {
                sqlx::Error::Io(io) => Self::Io(io.to_string()),
                sqlx::Error::PoolTimedOut => Self::Io("no connection in time".to_owned()),
                other => Self::Other(other.to_string()),
            };
        };
        if let Some(error) = database.try_downcast_ref::<PgDatabaseError>() {
            return of_sqlstate(error.code());
        }
        // The low byte of an extended result code is its class: https://www.sqlite.org/rescode.html
        let code = database.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(1);
        match code & 0xFF {
            5 | 6 => Self::Locked,
            8 => Self::ReadOnly,
            10 | 14 => Self::Io(format!("result code {code}")),
            13 => Self::Full,
            19 => Self::Rejected(format!("result code {code}")),
            _ => Self::Other(format!("result code {code}")),
        }
    }
}

/// PostgreSQL's codes, whose first two characters are a class (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).
/// The server's own text may hold values, and is not kept.
fn of_sqlstate(code: &str) -> StoreError {
    let said = format!("SQLSTATE {code}");
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "53100") => StoreError::Full,
        (_, "25006" | "42501") => StoreError::ReadOnly,
        (_, "55P03" | "40001" | "40P01") => StoreError::Locked,
        // A connection that is lost or refused, a shutdown, too little of something, a statement that took too long.
        ("08" | "28" | "53" | "57" | "58", _) | (_, "25P03") => StoreError::Io(said),
        ("22" | "23", _) => StoreError::Rejected(said),
        _ => StoreError::Other(said),
    }
}
