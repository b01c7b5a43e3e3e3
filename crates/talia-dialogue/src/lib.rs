//! The pure turn-taking machine of a telephone conversation, and the ledger of what the caller has heard.
//!
//! [`Dialogue`] has no clock, socket or task: [`Dialogue::handle`] takes the time and one [`Input`],
//! [`Dialogue::poll_output`] hands out what is to be done, [`Dialogue::next_deadline`] says when to come back with
//! [`Input::Tick`]. All policy of turn-taking lives here: when the caller's turn is over, whether a sound is an
//! interruption, when to resume, when a filler is due, when silence ends the call, what the caller has really heard.
//! The same machine runs in a live call, in a property test and in a replay.

mod announcing;
mod answering;
mod asked;
mod barge_in;
mod dialogue;
mod digits;
mod echo;
mod ending;
mod floor;
mod heard;
mod ids;
mod input;
mod ledger;
mod lines;
mod listening;
mod output;
mod pauses;
mod playout;
mod refused;
mod sentence;
mod settings;
mod silence;
mod speaking;
mod turn;
mod voice;
mod words;

pub use dialogue::Dialogue;
pub use floor::State;
pub use heard::heard_prefix;

pub use ids::{CueId, JobId, MarkId, SegmentId, TurnId, UtteranceId};
pub use input::{Input, Resumption, Speech, SpeechKind, VoiceStep};
pub use output::{BargeIn, Cue, EndReason, Entry, Output, Speaker, TranscriptionPurpose, TurnTiming};
pub use refused::Refused;
pub use settings::{Patience, PatienceTable, Settings};

/// Time since the conversation's clock started.
pub type Moment = std::time::Duration;
