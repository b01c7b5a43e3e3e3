//! The dialogue's open questions for words, and how long each may stay open.

use super::Position;
use std::ops::Range;
use std::time::Duration;
use talia_dialogue::JobId;
use talia_spanish::Expectation;

/// After this the words that are there answer, final or not.
const SOON: Duration = Duration::from_millis(700);
/// After this without any words the engine has failed us.
const LATE: Duration = Duration::from_millis(1_800);
/// After this nothing more is waited for: shortly before the dialogue stops waiting.
const LAST: Duration = Duration::from_secs(4);

/// How urgent a question has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// There is time for final words.
    Fresh,
    /// Any words will do.
    Soon,
    /// Somebody else must answer.
    Late,
    /// Nobody will answer in time.
    Last,
}

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: JobId,
    /// The audio whose words are wanted.
    pub(super) span: Range<Position>,
    pub(super) expectation: Expectation,
    pub(super) asked: Duration,
    /// The engine was given up because of this question.
    pub(super) blamed: bool,
    /// The local recogniser writes its audio down.
    pub(super) is_handed: bool,
}

impl Job {
    pub(super) fn urgency(&self, now: Duration) -> Urgency {
        let waited = now.saturating_sub(self.asked);
        match waited {
            _ if waited >= LAST => Urgency::Last,
            _ if waited >= LATE => Urgency::Late,
            _ if waited >= SOON => Urgency::Soon,
            _ => Urgency::Fresh,
        }
    }

    /// When its urgency changes next.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        [SOON, LATE, LAST]
            .into_iter()
            .map(|after| self.asked + after)
            .find(|at| *at > now)
    }
}
