//! While the caller makes sounds: when we stop for them, go on, yield, or take their turn as finished.

use crate::barge_in::{self, Evidence, SOUND_ENDS, TAIL, Verdict};
use crate::dialogue::Dialogue;
use crate::turn::{Kept, Overlap, Turn};
use crate::voice::Change;
use crate::{BargeIn, JobId, Moment, Output, TranscriptionPurpose, TurnId, VoiceStep};
use std::time::Duration;
use talia_audio::frame::samples_in;
use talia_spanish::ear::listening::looks_complete;

/// Sounds in the first moments of our speech are the caller's last breath or the line's echo, unless they go on.
pub(crate) const GUARD: Duration = Duration::from_millis(500);
/// How long after our audio the line may still bring its echo.
const ECHO_TAIL: Duration = Duration::from_millis(300);
/// How far the speech probability may fall inside speech.
const HYSTERESIS: f32 = 0.15;
/// After so many false alarms in one answer, sounds alone no longer stop us: something must get said.
const FALSE_ALARMS: u8 = 2;
/// Beyond this no step counts.
const LONGEST_STEP: Duration = Duration::from_secs(1);

impl Dialogue {
    pub(crate) fn on_voice(&mut self, step: VoiceStep) {
        if self.opened.is_none() || self.flush.is_some() {
            self.refused.late += 1;
            return;
        }
        let now = self.now;
        let guarded = self.playout.audible(now, ECHO_TAIL);
        let threshold = if guarded {
            self.settings.speech_threshold_while_speaking
        } else {
            self.settings.speech_threshold
        } - if self.voice.speaking() { HYSTERESIS } else { 0.0 };
        let speech = step.probability >= threshold && (!guarded || self.echo.louder_than_echo(now, step.level_dbfs));
        if guarded && !speech && !self.voice.speaking() {
            self.echo.learn_quiet(now, step.level_dbfs);
        }
        let change = self.voice.step(now, speech, step.duration);
        if let Change::Onset { gap } = change {
            self.caller_began(gap);
        } else if speech && let Some(turn) = &mut self.turn {
            turn.voiced += step.duration.min(LONGEST_STEP);
        }
        if speech && let Some(turn) = &mut self.turn {
            let below = self.echo.below_reference(now, step.level_dbfs).unwrap_or(f32::INFINITY);
            turn.below_reference = turn.below_reference.min(below);
        }
    }

    fn caller_began(&mut self, gap: Duration) {
        let voiced = self.voice.last_sound.saturating_sub(self.voice.began);
        if let Some(turn) = &mut self.turn {
            turn.voiced += voiced;
            if turn.overlap == Overlap::None {
                self.pauses.observe(gap);
            }
            return;
        }
        let overlap = self.overlap_at_onset();
        self.begin_turn(self.voice.began, overlap);
        if let Some(turn) = &mut self.turn {
            turn.voiced = voiced;
        }
        if matches!(overlap, Overlap::Judging { .. }) {
            self.pause_for_caller();
        }
    }

    fn begin_turn(&mut self, began: Moment, overlap: Overlap) {
        let id = self.count.turn();
        self.out.push_back(Output::TurnStarted { turn: id });
        self.turn = Some(Turn::new(id, began, self.expected.now, overlap));
    }

    fn overlap_at_onset(&self) -> Overlap {
        if self.playout.uninterruptible_on_line() {
            Overlap::Kept(Kept::Uninterruptible)
        } else if self.closing.as_ref().is_some_and(|closing| closing.forced) {
            Overlap::Kept(Kept::Taken)
        } else if !self.playout.unacknowledged() {
            Overlap::None
        } else if self.now < self.guard_ends() {
            Overlap::Kept(Kept::Guard)
        } else if self.false_alarms >= FALSE_ALARMS {
            Overlap::Kept(Kept::FalseAlarms)
        } else {
            Overlap::Judging { paused: self.now }
        }
    }

    /// Until when sounds over our present speech are let pass.
    pub(crate) fn guard_ends(&self) -> Moment {
        self.playout.run_began.unwrap_or(self.now) + GUARD
    }

    fn pause_for_caller(&mut self) {
        self.clear();
        let reaction = self.now.saturating_sub(self.voice.began);
        self.out.push_back(Output::BargeIn(BargeIn::Paused { reaction }));
    }

    pub(crate) fn on_partial(&mut self, turn: TurnId, text: &str) {
        match self.turn.as_mut().filter(|own| own.id == turn) {
            Some(own) => own.heard_partial(text),
            None => self.refused.jobs += 1,
        }
    }

    pub(crate) fn on_transcribed(&mut self, job: JobId, text: &str) {
        let now = self.now;
        if !self.turn.as_mut().is_some_and(|turn| turn.transcribed(job, text, now)) {
            self.refused.jobs += 1;
        }
    }

    pub(crate) fn on_listened(&mut self, job: JobId) {
        let now = self.now;
        if !self.turn.as_mut().is_some_and(|turn| turn.listened(job, now)) {
            self.refused.jobs += 1;
        }
    }

    pub(crate) fn on_transcription_failed(&mut self, job: JobId) {
        if !self.turn.as_mut().is_some_and(|turn| turn.transcription_failed(job)) {
            self.refused.jobs += 1;
        }
    }

    pub(crate) fn on_end_of_turn(&mut self, job: JobId, probability: f32) {
        if !self.turn.as_mut().is_some_and(|turn| turn.predicted(job, probability)) {
            self.refused.jobs += 1;
        }
    }

    /// Brings the caller's turn forward.
    pub(crate) fn follow_turn(&mut self) {
        let (now, stall) = (self.now, self.settings.stall);
        let Some(turn) = &mut self.turn else { return };
        turn.give_up(now, stall);
        self.take_long_turn();
        self.ask_ears();
        match self.turn.as_ref().map(|turn| turn.overlap) {
            None => {}
            Some(Overlap::None) => self.follow_free_turn(),
            Some(Overlap::Judging { paused }) => self.follow_judging(paused),
            Some(Overlap::Kept(why)) => self.follow_kept(why),
        }
    }

    /// Asks the ears at each pause, before it is known whether the pause is the end. Words are asked for a little sooner:
    /// they take longest.
    fn ask_ears(&mut self) {
        let last_sound = self.voice.last_sound;
        let Some(turn) = &self.turn else { return };
        let judging = matches!(turn.overlap, Overlap::Judging { .. });
        let words_after = if judging {
            SOUND_ENDS
        } else {
            self.settings.words_after(turn.expectation)
        };
        let paused = !self.voice.speaking();
        let wants_words = (paused || self.voice.silence(self.now) >= words_after) && turn.wants_words(last_sound);
        let wants_end = paused && !judging && turn.wants_end(last_sound);
        if wants_words {
            self.ask_words(last_sound);
        }
        if wants_end && let Some(turn) = &mut self.turn {
            let job = self.count.job();
            turn.asked_end(job, self.now, last_sound);
            self.out.push_back(Output::PredictEndOfTurn { job, turn: turn.id });
        }
    }

    pub(crate) fn ask_words(&mut self, covers: Moment) {
        let Some(turn) = &mut self.turn else { return };
        let job = self.count.job();
        turn.asked_words(job, self.now, covers);
        let purpose = if turn.overlap == Overlap::None {
            TranscriptionPurpose::Pause
        } else {
            TranscriptionPurpose::Judge
        };
        self.out.push_back(Output::Transcribe {
            job,
            turn: turn.id,
            expectation: turn.expectation,
            purpose,
        });
    }

    /// A caller who never pauses is taken at their word after a while.
    fn take_long_turn(&mut self) {
        let last_sound = self.voice.last_sound;
        let Some(turn) = &mut self.turn else { return };
        match turn.taken {
            None if self.voice.speaking() && self.now >= turn.began + self.settings.longest_turn => {
                turn.taken = Some(last_sound);
                self.ask_words(last_sound);
            }
            Some(taken) if turn.covering(taken).is_some() || !turn.asks_words_for(taken) => {
                let Some(mut turn) = self.turn.take() else { return };
                let speaking = self.voice.speaking();
                if speaking && matches!(turn.overlap, Overlap::Judging { .. } | Overlap::None) {
                    turn.overlap = Overlap::None;
                }
                self.end_turn(&turn);
                if speaking && !self.over {
                    self.begin_turn(self.now, Overlap::Kept(Kept::Taken));
                }
            }
            _ => {}
        }
    }

    fn follow_free_turn(&mut self) {
        if self.voice.speaking() || !self.is_silent_enough() {
            self.prepare_early();
            return;
        }
        if let Some(turn) = self.turn.take() {
            self.end_turn(&turn);
        }
    }

    /// Words that are probably all of the turn: those of a pause, or a whole answer to what was asked.
    fn prepare_early(&mut self) {
        let (language, last_sound) = (self.settings.language, self.voice.last_sound);
        let Some(turn) = &self.turn else { return };
        let words = match turn.covering(last_sound) {
            Some(reading) => Some(reading.text.as_str()),
            None => turn
                .partial()
                .filter(|partial| !self.voice.speaking() || looks_complete(partial, turn.expectation, language)),
        };
        if let Some(words) = words.map(str::to_owned) {
            self.prepare(&words);
        }
    }

    fn is_silent_enough(&self) -> bool {
        let needed = self
            .turn
            .as_ref()
            .and_then(|turn| turn.needed_silence(self.voice.last_sound, &self.settings, &self.pauses));
        needed.is_some_and(|needed| self.voice.silence(self.now) >= needed)
    }

    /// Whether the caller is making a sound just now: less patient than a turn's pause.
    fn sounding(&self) -> bool {
        self.voice.speaking() && self.voice.silence(self.now) < SOUND_ENDS
    }

    fn judge_by(&self, judge: impl Fn(&Evidence<'_>, &crate::Settings) -> Verdict, since: Moment) -> Verdict {
        let Some(turn) = &self.turn else { return Verdict::Wait };
        let last_sound = self.voice.last_sound;
        let covering = turn.covering(last_sound).map(|reading| reading.text.as_str());
        let words = covering.or_else(|| turn.running_words());
        let answered = self.current.as_ref().is_none_or(|asked| asked.answered);
        judge(
            &Evidence {
                words,
                all_words: covering.is_some(),
                pending: turn.awaits_words(last_sound),
                echo: words.is_some_and(|words| self.is_echo(words, turn)),
                speaking: self.sounding(),
                voiced: turn.voiced,
                judging: self.now.saturating_sub(since),
                tail: answered && u64::from(self.playout.remaining()) <= samples_in(TAIL),
            },
            &self.settings,
        )
    }

    fn follow_judging(&mut self, paused: Moment) {
        match self.judge_by(barge_in::judge, paused) {
            Verdict::Wait => {}
            Verdict::Resume => self.resume(),
            Verdict::Yield => self.yield_floor(),
        }
    }

    /// It was nothing: we go on from the last word heard.
    fn resume(&mut self) {
        self.out.push_back(Output::BargeIn(BargeIn::Resumed));
        self.false_alarms = self.false_alarms.saturating_add(1);
        let last_sound = self.voice.last_sound;
        let Some(mut turn) = self.turn.take() else { return };
        if turn.covering(last_sound).is_none() && turn.awaits_words(last_sound) {
            // Words may still come and change our mind.
            turn.overlap = Overlap::Kept(Kept::Guard);
            self.turn = Some(turn);
        } else {
            self.dismiss(&turn);
        }
    }

    /// The sound asked for nothing.
    fn dismiss(&mut self, turn: &Turn) {
        self.voice.forget();
        let words = turn.words();
        if self.is_echo(words, turn) {
            self.echo.learn_echo(turn.below_reference);
        }
        self.close_turn(turn);
    }

    /// It was an interruption: what we were saying is dropped.
    fn yield_floor(&mut self) {
        self.clear();
        self.out.push_back(Output::BargeIn(BargeIn::Yielded));
        self.take_back_answer();
        if let Some(turn) = &mut self.turn {
            turn.overlap = Overlap::None;
            turn.yielded = true;
        }
    }

    fn set_overlap(&mut self, overlap: Overlap) {
        if let Some(turn) = &mut self.turn {
            turn.overlap = overlap;
        }
    }

    fn follow_kept(&mut self, why: Kept) {
        let speaking = self.voice.speaking();
        let ours = self.playout.unacknowledged();
        match why {
            Kept::Uninterruptible if self.disclosure_heard && !self.playout.uninterruptible_on_line() => {
                self.set_overlap(Overlap::None);
            }
            Kept::Taken if !speaking && !ours && self.closing.is_none() => self.set_overlap(Overlap::None),
            Kept::Uninterruptible | Kept::Taken => self.follow_free_turn(),
            Kept::Guard | Kept::FalseAlarms if !ours => self.set_overlap(Overlap::None),
            Kept::Guard if self.sounding() && self.now >= self.guard_ends() => {
                self.set_overlap(Overlap::Judging { paused: self.now });
                self.pause_for_caller();
            }
            Kept::FalseAlarms if speaking && self.long_enough() => self.yield_floor(),
            Kept::Guard | Kept::FalseAlarms => match self.judge_by(barge_in::by_words, self.now) {
                Verdict::Yield => self.yield_floor(),
                Verdict::Resume => self.dismiss_turn(),
                Verdict::Wait if !speaking && !self.words_may_come() => self.dismiss_turn(),
                Verdict::Wait => {}
            },
        }
    }

    fn long_enough(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.voiced >= self.settings.barge_in_verdict)
    }

    fn words_may_come(&self) -> bool {
        let last_sound = self.voice.last_sound;
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.covering(last_sound).is_some() || turn.awaits_words(last_sound))
    }

    fn dismiss_turn(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.dismiss(&turn);
        }
    }
}
