//! Speech to speech: a brain that hears and speaks by itself, through `OpenAI`'s Realtime API (general availability).
//!
//! It takes the caller's μ-law as it comes and gives μ-law back; the dialogue decides when a turn is over, what was heard
//! and what is cut, as with any other brain. The disclosure, the greeting, fillers, nudges and goodbyes are said by the
//! ordinary mouth; the model is told of them. The rest of the chain stands behind it, with the lead and the words that are
//! known.

mod answering;
mod brain;
mod cues;
mod events;
mod hearing;
pub mod messages;
mod recovery;
mod refusal;
mod senses;
mod service;
mod wire;

pub use brain::{Parts, RealtimeBrain};
pub use service::Service;
pub use wire::WireEvent;

use super::tools::ToolOutcome;
use talia_dialogue::CueId;

/// Something that the brain waited for.
#[derive(Debug)]
pub enum Wake {
    /// The service; the number is the connection's.
    Wire(u32, WireEvent),
    /// A tool has done what it can.
    Tool {
        cue: CueId,
        id: String,
        outcome: ToolOutcome,
    },
    /// The call's own ears have written something down; empty when they couldn't.
    Dictated(String),
}
