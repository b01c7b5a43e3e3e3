//! `[database]`: where calls, words and leads are kept.

use super::ConfigError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    max_size_mib: u32,
    backlog: usize,
}

/// Where calls, words and leads are kept.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:` and a path.
    pub url: String,
    /// The size at which the file counts as full, in MiB.
    pub max_size_mib: Option<u32>,
    /// How many writes wait in memory while the database can't be written.
    pub backlog: usize,
}

impl Raw {
    pub(super) fn check(self) -> Result<Database, ConfigError> {
        let url = self.url.trim().to_owned();
        let path = url.strip_prefix("sqlite:").unwrap_or_default().trim_start_matches("//");
        if path.is_empty() || path.contains(":memory:") {
            return Err(ConfigError::value(
                "database.url",
                "must be sqlite: and the path of a file",
            ));
        }
        if self.backlog == 0 {
            return Err(ConfigError::value("database.backlog", "must be 1 or more"));
        }
        Ok(Database {
            url,
            max_size_mib: (self.max_size_mib > 0).then_some(self.max_size_mib),
            backlog: self.backlog,
        })
    }
}
