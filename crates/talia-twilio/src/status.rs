//! The life of a call in Twilio's words. Source: Twilio's Call resource, `CallStatus`.

use serde::{Deserialize, Serialize};

/// The state of a call leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Accepted by the REST API, not dialled yet.
    Queued,
    /// Being dialled.
    Initiated,
    /// Ringing; an inbound call's first word.
    Ringing,
    /// Answered. (Callbacks of the event `answered` say this, never "answered".)
    InProgress,
    /// Over, after it was answered.
    Completed,
    /// The other side was busy.
    Busy,
    /// Could not be connected.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// Called off before it was answered.
    Canceled,
}

impl CallStatus {
    /// Every status, in the order of a call's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Initiated,
        Self::Ringing,
        Self::InProgress,
        Self::Completed,
        Self::Busy,
        Self::Failed,
        Self::NoAnswer,
        Self::Canceled,
    ];

    /// Twilio's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Reads Twilio's word; none when it is no such word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the call is over.
    pub fn is_terminal(self) -> bool {
        self.rank() == 4
    }

    /// The status that stands when `new` arrives at a call in status `current`.
    ///
    /// Callbacks may arrive in any order: a status never goes backwards, and the first terminal one stays.
    #[must_use]
    pub fn advance(current: Self, new: Self) -> Self {
        if new.rank() > current.rank() { new } else { current }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Initiated => 1,
            Self::Ringing => 2,
            Self::InProgress => 3,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => 4,
        }
    }
}

impl std::fmt::Display for CallStatus {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}
