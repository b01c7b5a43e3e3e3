//! `[assistants]`: which conversation answers which number.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    directory: String,
    default: String,
    numbers: BTreeMap<String, String>,
}

/// Which conversation answers which number.
#[derive(Debug, Clone)]
pub struct Assistants {
    /// The folder with the conversations, one `.toml` each.
    pub directory: PathBuf,
    /// Answers every number that isn't listed.
    pub default: String,
    /// Called number, E.164, to the name of a conversation.
    pub numbers: BTreeMap<String, String>,
}

impl Assistants {
    /// The conversation that answers a called number.
    pub fn answering(&self, number: &str) -> &str {
        self.numbers.get(number).unwrap_or(&self.default)
    }
}

impl Raw {
    pub(super) fn check(self) -> Result<Assistants, ConfigError> {
        // A name becomes a file's name: nothing that leads out of the folder.
        let plain = |name: &String| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || "-_".contains(letter))
        };
        if !plain(&self.default) {
            return Err(ConfigError::value(
                "assistants.default",
                "must be a file's name without .toml",
            ));
        }
        for (number, name) in &self.numbers {
            if !plain(name) || number.trim().is_empty() {
                return Err(ConfigError::value(
                    "assistants.numbers",
                    format!("{number:?} must name a file without .toml"),
                ));
            }
        }
        Ok(Assistants {
            directory: PathBuf::from(self.directory),
            default: self.default,
            numbers: self.numbers,
        })
    }
}
