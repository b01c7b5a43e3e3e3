//! How long a caller was left in silence: from the log of who spoke when. Pure.

use serde::Serialize;

use crate::events::{CallEvent, Side, What};

/// The longest silences of a call, in milliseconds: stretches in which nobody spoke, from the first stream's start to the
/// call's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Silences {
    /// When it was the server's turn: after the caller had spoken, and before the server's first word.
    pub awaited_ms: u64,
    /// Whoever's turn it was.
    pub any_ms: u64,
}

impl Silences {
    /// Of a call that lasted `duration_ms`. Whoever still spoke then, spoke until then.
    pub fn of(log: &[CallEvent], duration_ms: u64) -> Self {
        let started = log.iter().find(|event| matches!(event.what, What::StreamStart { .. }));
        let Some(began_ms) = started.map(|event| event.at_ms) else {
            return Self::default();
        };
        let mut longest = Self::default();
        // Up to where somebody has spoken, and whether the last to do so was the caller.
        let (mut spoken_ms, mut awaited) = (began_ms, true);
        for (from_ms, to_ms, side) in spoken(log, duration_ms) {
            longest.take(from_ms.saturating_sub(spoken_ms), awaited);
            if to_ms > spoken_ms {
                (spoken_ms, awaited) = (to_ms, side == Side::Caller);
            }
        }
        longest.take(duration_ms.saturating_sub(spoken_ms), awaited);
        longest
    }

    fn take(&mut self, silence_ms: u64, awaited: bool) {
        self.any_ms = self.any_ms.max(silence_ms);
        if awaited {
            self.awaited_ms = self.awaited_ms.max(silence_ms);
        }
    }
}

/// Every utterance, by its beginning: from, to, whose.
fn spoken(log: &[CallEvent], duration_ms: u64) -> Vec<(u64, u64, Side)> {
    let mut spoken: Vec<(u64, u64, Side)> = Vec::new();
    let mut open: Vec<(u64, Side)> = Vec::new();
    for event in log {
        match event.what {
            What::SpeechBegin { side, .. } => open.push((event.at_ms, side)),
            What::SpeechEnd { side, from_ms, to_ms } => {
                open.retain(|(_, other)| *other != side);
                spoken.push((from_ms, to_ms, side));
            }
            _ => {}
        }
    }
    spoken.extend(open.into_iter().map(|(from_ms, side)| (from_ms, duration_ms, side)));
    spoken.sort_unstable_by_key(|(from_ms, to_ms, _)| (*from_ms, *to_ms));
    spoken
}
