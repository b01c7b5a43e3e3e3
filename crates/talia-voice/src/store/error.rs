//! Why something couldn't be written or read.

use crate::telemetry::labels::StoreFault;
use thiserror::Error;

/// Why something couldn't be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database can't be opened or brought up to date: the server must not start.
    #[error("database {url}: {reason}")]
    Open {
        /// The address as configured.
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
    /// The disk failed.
    #[error("the database can't be read or written: {0}")]
    Io(String),
    /// The write contradicts what is kept, for example it names a call that isn't known: trying again is no use.
    #[error("the database refused the write: {0}")]
    Rejected(String),
    /// Not on disk yet, but kept in memory and written, in order, as soon as the database can be written again.
    #[error("the write waits for the database")]
    Deferred,
    /// Too many writes wait already: this one is lost.
    #[error("too many writes wait for the database")]
    Overflow,
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
            Self::Open { .. } | Self::Deferred | Self::Other(_) => StoreFault::Other,
        }
    }

    /// Whether the same write may succeed later.
    pub(super) fn passes(&self) -> bool {
        !matches!(self, Self::Rejected(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return match error {
                sqlx::Error::Io(io) => Self::Io(io.to_string()),
                other => Self::Other(other.to_string()),
            };
        };
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
