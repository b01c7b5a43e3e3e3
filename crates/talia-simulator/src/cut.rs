//! Cutting the media socket at a chosen moment, as a network does.

use crate::stream::{Stream, StreamEnd};

/// When a socket is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAt {
    /// So many milliseconds after the stream's beginning (whole frames of 20 ms).
    Ms(u64),
    /// Behind this frame of the caller's line, counted from 1.
    Frame(u64),
    /// While the assistant is heard, after so many milliseconds of its utterance.
    AssistantSpeaks {
        /// In milliseconds.
        after_ms: u64,
    },
    /// While the caller speaks, after so many milliseconds of the line.
    CallerSpeaks {
        /// In milliseconds.
        after_ms: u64,
    },
}

/// One cut. By hand, at any moment: [`Carrier::cut`](crate::carrier::Carrier::cut).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Of which stream of the call, counted from 1; none: of each.
    pub stream: Option<usize>,
    /// When.
    pub at: CutAt,
    /// Without a closing frame, by a reset.
    pub abrupt: bool,
}

impl Stream<'_> {
    /// Cuts the socket now.
    pub(crate) fn cut(&mut self, abrupt: bool) -> StreamEnd {
        self.call.drop_abruptly = abrupt;
        StreamEnd::Dropped
    }

    /// Whether, and how, the plan cuts the socket behind this frame: abruptly or not.
    pub(crate) fn due_cut(&self, now_ms: u64, call_ms: u64) -> Option<bool> {
        let scene = self.call.phone.scene(call_ms);
        let speaks_ms = self.call.phone.speaks_since_ms.map(|since| call_ms - since);
        let due = |cut: &&Cut| {
            cut.stream.is_none_or(|stream| stream == self.call.streams)
                && match cut.at {
                    CutAt::Ms(ms) => now_ms >= ms,
                    CutAt::Frame(frame) => now_ms / 20 >= frame,
                    CutAt::AssistantSpeaks { after_ms } => scene.speaking && scene.speech_ms >= after_ms,
                    CutAt::CallerSpeaks { after_ms } => speaks_ms.is_some_and(|ms| ms >= after_ms),
                }
        };
        self.call.cuts.iter().find(due).map(|cut| cut.abrupt)
    }
}
