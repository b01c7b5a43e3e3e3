//! The pure turn-taking machine of a telephone conversation, and the ledger of what the caller has heard.
//!
//! [`Dialogue`] has no clock, socket or task: [`Dialogue::handle`] takes the time and one [`Input`],
//! [`Dialogue::poll_output`] hands out what is to be done, [`Dialogue::next_deadline`] says when to come back with
//! [`Input::Tick`]. All policy of turn-taking lives here: when the caller's turn is over, whether a sound is an
//! interruption, when to resume, when a filler is due, when silence ends the call, what the caller has really heard.
//! The same machine runs in a live call, in a property test and in a replay.

mod ids;
mod input;
mod output;
mod settings;

pub use ids::{CueId, JobId, MarkId, SegmentId, TurnId};
pub use input::{Input, Speech, SpeechKind, VoiceStep};
pub use output::{BargeIn, Cue, EndReason, Entry, Output, Speaker, TranscriptionPurpose, TurnTiming};
pub use settings::{Patience, Settings};

/// Time since the conversation's clock started.
pub type Moment = std::time::Duration;
