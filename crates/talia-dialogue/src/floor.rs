//! Who has the floor, what happens while nobody has it, and when the machine has to look again.

use crate::asked::About;
use crate::barge_in::LONGEST_JUDGING;
use crate::dialogue::Dialogue;
use crate::turn::{Kept, Overlap};
use crate::{Cue, EndReason, Moment};
use talia_spanish::Expectation;

/// Where the conversation stands, for the live view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The line is not open yet.
    Waiting,
    /// The disclosure is being said, or made.
    Disclosing,
    /// It is the caller's turn, and they are silent.
    Listening,
    /// The caller has the floor.
    CallerSpeaking,
    /// We stopped for a sound of the caller and judge it.
    Judging,
    /// The brain or the voice is busy with our answer.
    Thinking,
    /// We speak.
    Speaking,
    /// The call is about to end.
    Closing,
    /// The call has ended.
    Over,
}

impl State {
    /// Its name in the live feed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Disclosing => "disclosing",
            Self::Listening => "listening",
            Self::CallerSpeaking => "caller_speaking",
            Self::Judging => "judging",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
            Self::Closing => "closing",
            Self::Over => "over",
        }
    }
}

impl Dialogue {
    /// Where the conversation stands.
    pub fn state(&self) -> State {
        let overlap = self.turn.as_ref().map(|turn| turn.overlap);
        if self.over {
            State::Over
        } else if self.opened.is_none() {
            State::Waiting
        } else if !self.disclosure_heard {
            State::Disclosing
        } else if self.is_ending() {
            State::Closing
        } else if matches!(overlap, Some(Overlap::Judging { .. })) {
            State::Judging
        } else if overlap == Some(Overlap::None) {
            State::CallerSpeaking
        } else if self.is_speaking() {
            State::Speaking
        } else if self.current.is_some() {
            State::Thinking
        } else {
            State::Listening
        }
    }

    /// The kind of answer that is expected from the caller.
    pub fn expectation(&self) -> Expectation {
        self.expected.now
    }

    /// Whether our audio is on the line: sent and not confirmed as heard.
    pub fn is_speaking(&self) -> bool {
        self.playout.unacknowledged()
    }

    /// What happens while nobody has the floor: pressed keys, a silent caller, the end.
    pub(crate) fn follow_idle(&mut self) {
        if self.caller_has_floor() || self.current.is_some() {
            return;
        }
        if self.rest_until.is_some_and(|until| until <= self.now) && self.closing.is_none() {
            self.take_words_as_they_are();
        } else if self.carried.is_some() {
            self.release_carried(false);
        } else if let Some(reason) = self.hang_up_when_quiet {
            self.hang_up(reason);
        } else if self.announcements.any() && self.ladder_runs() {
            self.announce();
        } else if self.ladder_runs() {
            if self.digits.due_at().is_some_and(|at| at <= self.now) {
                self.ladder.reset();
                let keys = self.digits.take();
                self.think(About::Digits, Cue::Digits(keys));
            } else if self.ladder.due_at(self.settings.nudge_after) <= self.now {
                match self.ladder.climb(self.now, self.settings.nudges) {
                    Some(nudge) => self.think(About::Silence, Cue::Silence { nudge }),
                    None => self.begin_closing(EndReason::Silence),
                }
            }
        }
    }

    fn ladder_runs(&self) -> bool {
        self.disclosure_heard
            && self.closing.is_none()
            && self.flush.is_none()
            && self.rest_until.is_none()
            && !self.caller_has_floor()
            && self.current.is_none()
    }

    pub(crate) fn on_digit(&mut self, key: char) {
        if self.opened.is_none() || self.flush.is_some() || !self.digits.press(key, self.now) {
            self.refused.digits += 1;
            return;
        }
        // A key is an answer: what we are saying can stop, if it may.
        if self.disclosure_heard
            && self.closing.is_none()
            && self.is_speaking()
            && !self.playout.uninterruptible_on_line()
        {
            self.take_back_answer();
            self.repair = None;
            if let Some(turn) = &mut self.turn {
                turn.overlap = Overlap::None;
            }
        }
    }

    /// When [`crate::Input::Tick`] is due at the latest: always in the future, and `None` only after the end.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.over {
            return None;
        }
        if let Some(until) = self.flush {
            return Some(until);
        }
        let idle = self.ladder_runs().then(|| {
            let ladder = self.ladder.due_at(self.settings.nudge_after);
            self.digits.due_at().map_or(ladder, |digits| digits.min(ladder))
        });
        let candidates = [
            Some(self.hard_end_at()),
            self.playout.next_frame_at(self.permission()),
            self.playout.mark_overdue_at(),
            self.playout.starved_at().map(|(_, at)| at),
            self.brain_stalls_at(),
            self.filler_at(),
            self.lines.due_at(self.settings.stall),
            self.rest_until
                .filter(|_| !self.caller_has_floor() && self.current.is_none()),
            idle,
        ];
        let due = candidates.into_iter().flatten().chain(self.turn_deadlines());
        due.filter(|at| *at > self.now).min()
    }

    fn turn_deadlines(&self) -> impl Iterator<Item = Moment> + '_ {
        let turn = self.turn.as_ref();
        let settings = &self.settings;
        let patience = turn
            .and_then(|turn| turn.needed_silence(self.voice.last_sound, settings, &self.pauses))
            .map(|needed| self.voice.silent_at(needed));
        let verdict = turn.and_then(|turn| match turn.overlap {
            Overlap::Judging { paused } => [settings.barge_in_verdict, LONGEST_JUDGING]
                .into_iter()
                .map(|after| paused + after)
                .find(|at| *at > self.now),
            Overlap::Kept(Kept::Guard) => Some(self.guard_ends()),
            _ => None,
        });
        [
            turn.and_then(|turn| turn.gives_up_at(settings.stall)),
            turn.map(|turn| turn.began + settings.longest_turn),
            turn.and_then(|_| self.voice.paused_at()),
            patience,
            verdict,
        ]
        .into_iter()
        .flatten()
    }
}
