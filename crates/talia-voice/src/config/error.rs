//! What is wrong with a configuration, in one line that says where.

use std::borrow::Cow;
use thiserror::Error;

/// A configuration that can't be used. Its text is one line; the program exits with 64 before it opens a port.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file that was named can't be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file isn't TOML, or holds a key that doesn't exist or a value of the wrong kind.
    #[error("{path}:{line}: {reason}")]
    File {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// An environment variable names a key that doesn't exist, or has a value of the wrong kind.
    #[error("environment: {reason}")]
    Environment {
        /// What is wrong, with the variable's name and never its value.
        reason: String,
    },
    /// A value that can't be right.
    #[error("{key}: {reason}")]
    Value {
        /// Section and key.
        key: Cow<'static, str>,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl ConfigError {
    pub(super) fn value(key: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self::Value {
            key: key.into(),
            reason: reason.into(),
        }
    }
}
