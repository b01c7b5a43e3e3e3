//! `[assistants]`: where the conversations are.

use super::set;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    directory: String,
}

/// Where the conversations are.
#[derive(Debug, Clone)]
pub struct Assistants {
    /// The folder with the conversations, one `.toml` each; `None`: those that are compiled in.
    pub directory: Option<PathBuf>,
}

impl Raw {
    pub(super) fn check(self) -> Assistants {
        Assistants {
            directory: set(&self.directory).map(PathBuf::from),
        }
    }
}
