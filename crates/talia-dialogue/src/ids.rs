//! Identities inside one conversation. All count up from one.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One turn of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TurnId(pub u32);

/// One sentence of the assistant: the unit of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u32);

/// One question to the ears (a transcription or an end-of-turn prediction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

/// One question to the brain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CueId(pub u32);

/// Something that a brain says with a voice of its own. The brain counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtteranceId(pub u32);

/// A position in what was sent to the line.
///
/// Twilio echoes a mark once everything before it has been played, but also at once after a `clear`: the generation
/// goes up with every clear, so that an echo of an older generation never counts as heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MarkId {
    /// How many clears came before.
    pub generation: u32,
    /// The sentence.
    pub segment: SegmentId,
    /// Samples of that sentence that lie before the mark.
    pub samples: u32,
}

impl MarkId {
    /// Reads a mark's name; `None` when it is not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("t.")?.split('.').map(|part| part.parse::<u32>().ok());
        let mark = Self {
            generation: parts.next()??,
            segment: SegmentId(parts.next()??),
            samples: parts.next()??,
        };
        parts.next().is_none().then_some(mark)
    }
}

impl fmt::Display for MarkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t.{}.{}.{}", self.generation, self.segment.0, self.samples)
    }
}
