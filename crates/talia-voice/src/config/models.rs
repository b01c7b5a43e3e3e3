//! `[models]`: where the speech models are.

use super::set;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    directory: String,
}

/// Where the speech models are.
#[derive(Debug, Clone)]
pub struct Models {
    /// The folder; `None`: the user's cache directory.
    pub directory: Option<PathBuf>,
}

impl Raw {
    pub(super) fn check(self) -> Models {
        Models {
            directory: set(&self.directory).map(PathBuf::from),
        }
    }
}
