//! The end of the call: goodbyes, limits, and what is still written down when the caller is gone.

use crate::asked::About;
use crate::dialogue::Dialogue;
use crate::turn::{Kept, Overlap};
use crate::{Cue, EndReason, Moment, Output, SpeechKind, ledger};
use std::time::Duration;

/// How long the caller's last words may take to be written down after the line is gone.
const FLUSH: Duration = Duration::from_millis(1_500);
/// A goodbye may take so many stalls; then the call ends without it.
const LONGEST_GOODBYE: u32 = 3;

/// The call is about to end.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) reason: EndReason,
    pub(crate) since: Moment,
    /// The caller's words don't change it.
    pub(crate) forced: bool,
}

impl Dialogue {
    /// Lets the brain say goodbye.
    pub(crate) fn begin_closing(&mut self, reason: EndReason) {
        let forced = reason != EndReason::Silence && reason != EndReason::Finished;
        if self.flush.is_some() {
            return;
        }
        if let Some(closing) = &mut self.closing {
            if forced && !closing.forced {
                closing.reason = reason;
                closing.forced = true;
            }
            return;
        }
        let disclosing = self
            .playout
            .sentences()
            .any(|sentence| sentence.kind == SpeechKind::Disclosure);
        if !self.disclosure_heard && !disclosing && !self.disclosed {
            self.hang_up(reason);
            return;
        }
        self.closing = Some(Closing {
            reason,
            since: self.now,
            forced,
        });
        self.carried = None;
        if let Some(turn) = &mut self.turn
            && !matches!(turn.overlap, Overlap::Kept(Kept::Uninterruptible))
        {
            turn.overlap = Overlap::Kept(Kept::Taken);
        }
        self.drop_speech();
        if let Some(asked) = self.current.take() {
            self.out.push_back(Output::Forget { cue: asked.id });
        }
        self.forget_filler();
        self.repair = None;
        self.rest_until = None;
        self.think(About::Closing, Cue::Closing(reason));
    }

    pub(crate) fn end_reason(&self) -> EndReason {
        self.closing
            .as_ref()
            .map_or(EndReason::Finished, |closing| closing.reason)
    }

    /// When the call ends whatever happens: without a goodbye, or because it never began.
    pub(crate) fn hard_end_at(&self) -> Moment {
        match (&self.closing, self.opened) {
            (_, None) => self.settings.stall,
            (Some(closing), _) => closing.since + self.settings.stall * LONGEST_GOODBYE,
            (None, Some(opened)) => opened + self.settings.longest_call,
        }
    }

    pub(crate) fn enforce_limits(&mut self) {
        if self.flush.is_some() {
            self.follow_flush();
        } else if self.now >= self.hard_end_at() {
            if self.opened.is_none() {
                self.hang_up(EndReason::Failure);
            } else if self.closing.is_some() {
                self.hang_up(self.end_reason());
            } else {
                self.begin_closing(EndReason::TimeLimit);
            }
        }
    }

    pub(crate) fn on_hung_up(&mut self) {
        if self.flush.is_some() {
            self.refused.late += 1;
            return;
        }
        self.finalise_ours();
        let last_sound = self.voice.last_sound;
        let open = self.turn.as_ref().filter(|turn| turn.covering(last_sound).is_none());
        if open.is_some_and(|turn| !turn.asks_words_for(last_sound)) {
            self.ask_words(last_sound);
        }
        self.flush = Some(self.now + FLUSH);
    }

    fn follow_flush(&mut self) {
        let last_sound = self.voice.last_sound;
        let known =
            |turn: &mut crate::turn::Turn| turn.covering(last_sound).is_some() || !turn.asks_words_for(last_sound);
        if let Some(turn) = self.turn.take_if(known) {
            self.close_turn(&turn);
        }
        let written = self.turn.is_none() && self.lines.none_due();
        if written || self.flush.is_some_and(|until| until <= self.now) {
            self.hang_up(EndReason::CallerHungUp);
        }
    }

    /// What the caller has heard until now stands; nothing more is made.
    fn finalise_ours(&mut self) {
        let left = self.playout.remove(|_| true);
        self.cancel(&left);
        let said: Vec<_> = left
            .into_iter()
            .filter(|sentence| sentence.heard > 0 || !matches!(sentence.kind, SpeechKind::Filler | SpeechKind::Nudge))
            .collect();
        self.write(ledger::cut(&said));
        if let Some(asked) = self.current.take().filter(|asked| !asked.answered || asked.heard == 0) {
            self.out.push_back(Output::Forget { cue: asked.id });
        }
        self.forget_filler();
    }

    pub(crate) fn finalise(&mut self) {
        self.finalise_ours();
        if let Some(turn) = self.turn.take() {
            self.close_turn(&turn);
        }
        self.lines.finish(&mut self.out);
    }
}
