//! What somebody outside a call wants done in it, and what the call says to that.

use crate::telemetry::labels::CommandKind;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallCommand {
    /// The call ends, with a goodbye or without a word.
    HangUp { goodbye: bool },
    /// The caller is told so and handed to the person with this id of the configuration.
    Transfer { destination: String },
    /// TalIA says this, as it stands, once nobody has the floor.
    Say { text: String },
}

impl CallCommand {
    /// Without its words.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::HangUp { .. } => CommandKind::HangUp,
            Self::Transfer { .. } => CommandKind::Transfer,
            Self::Say { .. } => CommandKind::Say,
        }
    }
}

/// Why a call doesn't do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declined {
    /// It has no media stream here.
    NotLive,
    /// It is about to end.
    Ending,
    /// Too much is waiting to be said or done in it.
    TooMany,
    /// No such person in the configuration.
    DestinationUnknown,
    /// A person who isn't there at this hour.
    DestinationClosed,
    /// The call's task doesn't answer.
    NoAnswer,
    /// The node that has the call can't read the command.
    Unreadable,
}

/// A command on its way to the call's task.
#[derive(Debug)]
pub struct Commanded {
    pub command: CallCommand,
    /// The same key again is the same command again, which is not done twice.
    pub key: Option<String>,
    pub answer: oneshot::Sender<Result<(), Declined>>,
}
