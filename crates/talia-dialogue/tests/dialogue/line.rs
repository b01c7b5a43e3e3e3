//! A virtual Twilio: plays frames in real (virtual) time, echoes marks when they are reached, and all at once on clear.

use std::collections::VecDeque;
use std::time::Duration;
use talia_dialogue::{MarkId, Moment};

/// The line's buffer.
pub(crate) struct Line {
    pub(crate) latency: Duration,
    /// Marks are swallowed.
    pub(crate) deaf: bool,
    busy_until: Moment,
    marks: VecDeque<(Moment, MarkId)>,
    pub(crate) frames: u64,
    /// The longest stretch that was buffered.
    pub(crate) deepest: Duration,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            latency: Duration::from_millis(40),
            deaf: false,
            busy_until: Moment::ZERO,
            marks: VecDeque::new(),
            frames: 0,
            deepest: Duration::ZERO,
        }
    }

    pub(crate) fn frame(&mut self, now: Moment) {
        self.frames += 1;
        self.busy_until = self.busy_until.max(now + self.latency) + Duration::from_millis(20);
        self.deepest = self.deepest.max(self.busy_until.saturating_sub(now + self.latency));
    }

    pub(crate) fn mark(&mut self, now: Moment, mark: MarkId) {
        self.marks
            .push_back((self.busy_until.max(now + self.latency) + self.latency, mark));
    }

    pub(crate) fn clear(&mut self, now: Moment) {
        let reached = now + 2 * self.latency;
        self.busy_until = now + self.latency;
        for (at, _) in &mut self.marks {
            *at = (*at).min(reached);
        }
    }

    pub(crate) fn next_echo(&self) -> Option<Moment> {
        self.marks.front().map(|(at, _)| *at)
    }

    pub(crate) fn echo(&mut self, now: Moment) -> Option<MarkId> {
        let (at, mark) = *self.marks.front()?;
        if at > now {
            return None;
        }
        self.marks.pop_front();
        Some(mark)
    }
}
