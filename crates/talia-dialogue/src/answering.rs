//! Between the question and its heard answer: waits for the brain, bridges the wait, gives up on it.

use crate::asked::{About, Asked, Filler};
use crate::dialogue::Dialogue;
use crate::{Cue, CueId, EndReason, Moment, Output, SpeechKind};
use talia_spanish::Expectation;

/// So many turns in a row that nobody could write down end the call: it is a television or a broken line.
const UNINTELLIGIBLE: u8 = 6;

impl Dialogue {
    /// Asks the brain.
    pub(crate) fn think(&mut self, about: About, cue: Cue) {
        let id = self.count.cue();
        self.current = Some(Asked::new(id, about, self.now));
        self.expected.before = self.expected.now;
        self.false_alarms = 0;
        self.out.push_back(Output::Think { cue: id, about: cue });
    }

    pub(crate) fn not_understood(&mut self) {
        if let Some(asked) = self.current.take() {
            self.out.push_back(Output::Forget { cue: asked.id });
        }
        if self.unintelligible >= UNINTELLIGIBLE {
            self.begin_closing(EndReason::Silence);
        } else {
            self.think(About::NotUnderstood, Cue::NotUnderstood);
        }
    }

    fn current_mut(&mut self, cue: CueId) -> Option<&mut Asked> {
        self.current.as_mut().filter(|asked| asked.id == cue)
    }

    pub(crate) fn on_expect(&mut self, cue: CueId, expectation: Expectation) {
        let known = self.current_mut(cue).is_some() || self.finished == Some(cue);
        if known {
            self.expected.now = expectation;
        } else {
            self.refused.cues += 1;
        }
    }

    pub(crate) fn on_answered(&mut self, cue: CueId) {
        if let Some(asked) = self.current_mut(cue) {
            asked.answered = true;
        } else if self.filler.is_none_or(|filler| filler.id != cue) {
            self.refused.cues += 1;
        }
    }

    pub(crate) fn on_end_call(&mut self, cue: CueId) {
        if let Some(asked) = self.current_mut(cue) {
            asked.ends_call = true;
        } else if self.finished == Some(cue) && self.current.is_none() {
            self.hang_up_when_quiet = Some(EndReason::Finished);
        } else {
            self.refused.cues += 1;
        }
    }

    pub(crate) fn on_transfer(&mut self, cue: CueId) {
        if let Some(asked) = self.current_mut(cue) {
            asked.ends_call = true;
            asked.transfers = true;
        } else if self.finished == Some(cue) && self.current.is_none() {
            self.hang_up_when_quiet = Some(EndReason::Transferred);
        } else {
            self.refused.cues += 1;
        }
    }

    pub(crate) fn answer_has_audio(&self) -> bool {
        let Some(asked) = &self.current else { return false };
        asked.heard > 0
            || self.playout.sentences().any(|sentence| {
                sentence.cue == asked.id && (sentence.heard > 0 || sentence.sent > 0 || sentence.frame_ready())
            })
    }

    pub(crate) fn forget_filler(&mut self) {
        let Some(filler) = self.filler.take() else { return };
        self.out.push_back(Output::Forget { cue: filler.id });
        let unsaid = self
            .playout
            .remove(|sentence| sentence.cue == filler.id && sentence.sent == 0);
        self.cancel(&unsaid);
    }

    /// A filler that has not begun when the answer is there is not said.
    pub(crate) fn drop_late_filler(&mut self) {
        let Some(filler) = self.filler else { return };
        let begun = self
            .playout
            .sentences()
            .any(|sentence| sentence.cue == filler.id && sentence.sent > 0);
        if !begun && self.answer_has_audio() {
            self.forget_filler();
        }
    }

    /// When a filler is due, if this wait has had none.
    pub(crate) fn filler_at(&self) -> Option<Moment> {
        let asked = self.current.as_ref()?;
        let bridges = matches!(asked.about, About::Turn | About::Digits | About::NotUnderstood);
        let waits = bridges && !asked.bridged && !asked.ends_call;
        (waits && self.turn.is_none() && !self.answer_has_audio()).then(|| asked.at + self.settings.filler_after)
    }

    fn has_sentences(&self, cue: CueId) -> bool {
        self.playout.sentences().any(|sentence| sentence.cue == cue)
    }

    /// When the brain's silence is given up.
    pub(crate) fn brain_stalls_at(&self) -> Option<Moment> {
        let asked = self.current.as_ref()?;
        let undisclosed = asked.about == About::Opening && !self.disclosure_heard;
        let disclosing = self
            .playout
            .sentences()
            .any(|sentence| sentence.kind == SpeechKind::Disclosure);
        let waits = if undisclosed && !self.disclosed {
            !disclosing
        } else {
            !asked.answered && !self.has_sentences(asked.id)
        };
        waits
            .then(|| asked.progress.max(asked.at) + self.settings.stall)
            .map(|at| {
                if undisclosed && !self.disclosed {
                    asked.at + self.settings.stall
                } else {
                    at
                }
            })
    }

    pub(crate) fn follow_brain(&mut self) {
        if self.brain_stalls_at().is_some_and(|at| at <= self.now) {
            self.give_up_on_brain();
        } else if self
            .current
            .as_ref()
            .is_some_and(|asked| asked.answered && !self.has_sentences(asked.id))
        {
            self.finish_answer();
        } else if self.filler_at().is_some_and(|at| at <= self.now) {
            let id = self.count.cue();
            self.filler = Some(Filler { id });
            if let Some(asked) = &mut self.current {
                asked.bridged = true;
            }
            self.out.push_back(Output::Think {
                cue: id,
                about: Cue::Filler,
            });
        }
    }

    fn give_up_on_brain(&mut self) {
        if !self.disclosure_heard && !self.disclosed {
            self.hang_up(EndReason::Failure);
            return;
        }
        let Some(asked) = &mut self.current else { return };
        asked.answered = true;
        self.out.push_back(Output::Forget { cue: asked.id });
        if asked.heard == 0 {
            self.answer_failed();
        }
    }

    /// All of the answer was heard, or skipped.
    fn finish_answer(&mut self) {
        let Some(asked) = &self.current else { return };
        // What stands last is mostly the question: without it the caller doesn't know that it is their turn.
        if asked.first_text.is_some() && (asked.heard == 0 || asked.unsaid) {
            self.answer_failed();
            return;
        }
        // "I didn't hear you" may be said by heart while nothing else can be said.
        if asked.about != About::NotUnderstood {
            self.failures = 0;
        }
        self.retire();
    }

    fn retire(&mut self) {
        let Some(asked) = self.current.take() else { return };
        self.finished = Some(asked.id);
        self.forget_filler();
        self.playout.end_run();
        self.ladder.start(self.now);
        if !self.disclosure_heard {
            self.hang_up(EndReason::Failure);
        } else if asked.transfers && self.closing.is_none() {
            self.hang_up_when_quiet = Some(EndReason::Transferred);
        } else if asked.ends_call {
            self.hang_up_when_quiet = Some(self.end_reason());
        }
    }

    /// Nothing of the answer could be said: ask the caller again once, then end the call rather than leave the line dead.
    fn answer_failed(&mut self) {
        // Without somebody else's words the conversation stands where it stood.
        let goes_on = |asked: &Asked| asked.ends_call || asked.about == About::Announcement;
        if self.current.as_ref().is_some_and(goes_on) {
            self.retire();
            return;
        }
        self.current = None;
        self.forget_filler();
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            self.not_understood();
        } else {
            self.begin_closing(EndReason::Failure);
        }
    }
}
