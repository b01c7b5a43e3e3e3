//! The caller's voice: where speech begins and pauses, told from the detector's steps.

use crate::Moment;
use std::time::Duration;

/// How long steps may be late before the clock itself counts as silence: the line stopped sending.
const LATE: Duration = Duration::from_millis(400);
/// No step covers more; a longer one is a mistake of its sender.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// What a step showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// Speech has lasted long enough to count; `gap` is the silence before it.
    Onset {
        gap: Duration,
    },
}

/// Speech and silence, measured on the audio's own time so that a jittering network makes no pauses.
#[derive(Debug)]
pub(crate) struct Voice {
    onset: Duration,
    pause: Duration,
    speaking: bool,
    /// Length of the unconfirmed stretch of speech.
    run: Duration,
    silence: Duration,
    last_step: Moment,
    /// When the present or latest stretch of speech began.
    pub(crate) began: Moment,
    /// The end of the last step with speech.
    pub(crate) last_sound: Moment,
}

impl Voice {
    pub(crate) fn new(onset: Duration, pause: Duration) -> Self {
        Self {
            onset,
            pause,
            speaking: false,
            run: Duration::ZERO,
            silence: Duration::ZERO,
            last_step: Moment::ZERO,
            began: Moment::ZERO,
            last_sound: Moment::ZERO,
        }
    }

    /// Takes one step of the detector in.
    pub(crate) fn step(&mut self, now: Moment, speech: bool, duration: Duration) -> Change {
        self.settle(now);
        let duration = duration.min(LONGEST_STEP);
        self.last_step = now;
        if self.speaking {
            if speech {
                self.silence = Duration::ZERO;
                self.last_sound = now;
            } else {
                self.silence += duration;
            }
            self.settle(now);
            return Change::None;
        }
        self.silence += duration;
        if !speech {
            self.run = Duration::ZERO;
            return Change::None;
        }
        self.run += duration;
        if self.run < self.onset {
            return Change::None;
        }
        let gap = self.silence.saturating_sub(self.run);
        self.speaking = true;
        self.began = now.saturating_sub(self.run);
        self.last_sound = now;
        self.silence = Duration::ZERO;
        self.run = Duration::ZERO;
        Change::Onset { gap }
    }

    /// Notes that a pause has become one.
    pub(crate) fn settle(&mut self, now: Moment) {
        if self.speaking && self.silence(now) >= self.pause {
            self.speaking = false;
            self.run = Duration::ZERO;
        }
    }

    /// What was heard is done with: what follows is new.
    pub(crate) fn forget(&mut self) {
        self.speaking = false;
        self.run = Duration::ZERO;
    }

    /// Whether the caller speaks: speech was confirmed and no pause since.
    pub(crate) fn speaking(&self) -> bool {
        self.speaking
    }

    /// Silence since the last speech.
    pub(crate) fn silence(&self, now: Moment) -> Duration {
        self.silence + now.saturating_sub(self.last_step + LATE)
    }

    /// When the silence will have lasted for `length` if no step comes any more.
    pub(crate) fn silent_at(&self, length: Duration) -> Moment {
        self.last_step + LATE + length.saturating_sub(self.silence)
    }

    /// When speech will have become a pause if no step comes any more.
    pub(crate) fn paused_at(&self) -> Option<Moment> {
        self.speaking.then(|| self.silent_at(self.pause))
    }
}
