//! `[retention]`: how many days each kind of thing is kept.

use super::ConfigError;
use crate::store::Kind;
use serde::{Deserialize, Serialize};

/// A hundred years: more is a slip of the finger.
const LONGEST: u32 = 36_500;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(rename = "calls_days")]
    calls: u32,
    #[serde(rename = "words_days")]
    words: u32,
    #[serde(rename = "leads_days")]
    leads: u32,
    #[serde(rename = "recordings_days")]
    recordings: u32,
    #[serde(rename = "events_days")]
    events: u32,
}

/// How long things are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    days: Vec<(Kind, u32)>,
}

impl Retention {
    /// Days after a call's end, a recording's beginning or an event; none: until it is erased.
    pub fn days(&self, kind: Kind) -> Option<u32> {
        self.days
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, days)| *days)
    }

    /// Whether everything is kept for ever.
    pub fn is_endless(&self) -> bool {
        self.days.is_empty()
    }
}

impl Raw {
    pub(super) fn check(self) -> Result<Retention, ConfigError> {
        let all = [
            (Kind::Calls, "retention.calls_days", self.calls),
            (Kind::Words, "retention.words_days", self.words),
            (Kind::Leads, "retention.leads_days", self.leads),
            (Kind::Recordings, "retention.recordings_days", self.recordings),
            (Kind::Events, "retention.events_days", self.events),
        ];
        if let Some((_, name, _)) = all.iter().find(|(.., days)| *days > LONGEST) {
            return Err(ConfigError::value(
                *name,
                "must be at most 36500 days, or 0 for no limit",
            ));
        }
        let limited = all.into_iter().filter(|(.., days)| *days > 0);
        Ok(Retention {
            days: limited.map(|(kind, _, days)| (kind, days)).collect(),
        })
    }
}
