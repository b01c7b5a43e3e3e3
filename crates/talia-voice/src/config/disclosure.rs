//! `[disclosure]`: what shapes the notice that an AI is speaking.

use super::{ConfigError, set};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    country: String,
    notice: String,
}

/// What shapes the notice that an AI is speaking. It can be reworded, not turned off.
#[derive(Debug, Clone)]
pub struct Disclosure {
    /// Whose law shapes the default text.
    pub country: Country,
    /// Where the privacy notice can be read, as it is said.
    pub notice: Option<String>,
}

/// Countries with a default text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Country {
    Mexico,
    Spain,
    Argentina,
    Colombia,
    Chile,
    UnitedStates,
}

impl Raw {
    pub(super) fn check(self) -> Result<Disclosure, ConfigError> {
        let country = match self.country.trim() {
            "MX" => Country::Mexico,
            "ES" => Country::Spain,
            "AR" => Country::Argentina,
            "CO" => Country::Colombia,
            "CL" => Country::Chile,
            "US" => Country::UnitedStates,
            _ => {
                return Err(ConfigError::value(
                    "disclosure.country",
                    "must be MX, ES, AR, CO, CL or US",
                ));
            }
        };
        Ok(Disclosure {
            country,
            notice: set(&self.notice),
        })
    }
}
