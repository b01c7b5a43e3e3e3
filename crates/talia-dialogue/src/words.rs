//! The end of the caller's turn: its words go to the transcript and to the brain, with what they take back.

use crate::asked::{About, Asked, Stages};
use crate::dialogue::Dialogue;
use crate::echo::is_our_own;
use crate::turn::{Kept, NOISE, Overlap, Turn};
use crate::{Cue, CueId, Entry, Moment, Output, TurnId, ledger};
use std::time::Duration;
use talia_audio::frame::samples_in;
use talia_spanish::ear::listening::{is_backchannel, is_hallucination, is_interruption, looks_unfinished, word_count};

/// A caller who goes on before this much of our answer was heard had not finished.
const UNHEARD_ANSWER: Duration = Duration::from_millis(800);
/// Our echo is at least this much weaker than what we sent, dB; a louder sound is the caller repeating our words.
const ECHO_IS_WEAKER: f32 = 6.0;

/// Words that wait for the end of what we may not cut.
#[derive(Debug)]
pub(crate) struct Carried {
    turn: TurnId,
    text: String,
    speech_ended: Moment,
    transcribed: Moment,
    /// Not all words are written down yet.
    unwritten: bool,
    /// We took the floor: our answer is said to its end first.
    after_answer: bool,
}

/// A question whose words become part of the next one.
#[derive(Debug)]
pub(crate) struct Repair {
    cue: CueId,
    words: String,
}

impl Dialogue {
    /// Whether the words are our own, come back weaker.
    pub(crate) fn is_echo(&self, words: &str, turn: &Turn) -> bool {
        if turn.below_reference < ECHO_IS_WEAKER || turn.below_reference.is_infinite() {
            return false;
        }
        let mut said = self.last_said.clone();
        for sentence in self.playout.sentences().take(2) {
            said.push(' ');
            said.push_str(&sentence.text);
        }
        is_our_own(words, &said)
    }

    /// The turn is closed and its words are written down, without asking the brain. Answers whether there were any.
    pub(crate) fn close_turn(&mut self, turn: &Turn) -> bool {
        let words_due = turn.is_unwritten();
        let turn_id = turn.id;
        self.out.push_back(Output::TurnClosed {
            turn: turn_id,
            words_due,
        });
        let ended = self.voice.last_sound.max(turn.began);
        if words_due {
            self.lines.owe(turn_id, self.now, (turn.began, ended));
            return true;
        }
        let words = turn.words();
        if is_hallucination(words) || self.is_echo(words, turn) {
            return false;
        }
        let entry = ledger::caller(words, turn.began, ended);
        self.write(Some(entry));
        true
    }

    /// The caller's turn is over.
    pub(crate) fn end_turn(&mut self, turn: &Turn) {
        let forced = self.closing.as_ref().is_some_and(|closing| closing.forced);
        if !self.close_turn(turn) {
            self.end_without_words(turn, forced);
            return;
        }
        let words = turn.words();
        let unwritten = turn.is_unwritten();
        let short = !unwritten && self.is_short(words);
        let listening = !unwritten && self.has_more_to_say() && is_backchannel(words, self.settings.language);
        if forced || listening || (short && self.hang_up_when_quiet.is_some()) {
            return;
        }
        self.unintelligible = 0;
        self.ladder.reset();
        let (earlier, was_unwritten, after_answer) = self.carried.take().map_or_else(Default::default, |carried| {
            (carried.text, carried.unwritten, carried.after_answer)
        });
        self.carried = Some(Carried {
            turn: turn.id,
            text: joined(&earlier, words),
            speech_ended: self.voice.last_sound,
            transcribed: turn.transcribed_at().unwrap_or(self.now),
            unwritten: unwritten || was_unwritten,
            after_answer: after_answer || turn.overlap == Overlap::Kept(Kept::Taken),
        });
        self.release_carried(matches!(turn.overlap, Overlap::Kept(_)));
    }

    /// The brain wants the rest of the words that it was asked about: they are part of the next question.
    pub(crate) fn on_not_yet(&mut self, cue: CueId, thinking: bool) {
        let unsaid = |asked: &Asked| asked.id == cue && asked.about == About::Turn && asked.first_text.is_none();
        let Some(asked) = self.current.take_if(|asked| unsaid(asked)) else {
            self.refused.cues += 1;
            return;
        };
        self.out.push_back(Output::Forget { cue });
        self.forget_filler();
        let wait = if thinking {
            self.settings.rest_of_thought
        } else {
            self.settings.rest_of_turn
        };
        self.rest_until = Some(self.now + wait);
        self.expected.now = self.expected.before;
        self.repair = Some(Repair {
            cue: asked.id,
            words: asked.words,
        });
    }

    /// The rest does not come: the words are what the caller says.
    pub(crate) fn take_words_as_they_are(&mut self) {
        self.rest_until = None;
        if self.repair.is_some() {
            self.carried = Some(Carried {
                turn: self.count.turn(),
                text: String::new(),
                speech_ended: self.now,
                transcribed: self.now,
                unwritten: false,
                after_answer: false,
            });
            self.release_carried(false);
        }
    }

    /// Lets a slow brain begin with words that may be all of the turn.
    pub(crate) fn prepare(&mut self, words: &str) {
        let settled = self.disclosure_heard && self.closing.is_none() && self.current.is_none();
        if !settled || is_hallucination(words) {
            return;
        }
        let Some(turn) = &mut self.turn else { return };
        if turn.overlap != Overlap::None || looks_unfinished(words, turn.expectation, self.settings.language) {
            return;
        }
        let carried = self.carried.as_ref().map_or("", |carried| carried.text.as_str());
        let words = joined(carried, words);
        let text = match &self.repair {
            Some(repair) => joined(&repair.words, &words),
            None => words,
        };
        if turn.prepared.as_ref() != Some(&text) {
            turn.prepared = Some(text.clone());
            self.out.push_back(Output::Prepare {
                turn: turn.id,
                text,
                revises: self.repair.as_ref().map(|repair| repair.cue),
            });
        }
    }

    /// Takes words over that were said before this conversation was begun again.
    pub(crate) fn carry(&mut self, words: &str) {
        let text = words.trim().to_owned();
        self.carried = (!text.is_empty()).then(|| Carried {
            turn: self.count.turn(),
            text,
            speech_ended: self.now,
            transcribed: self.now,
            unwritten: false,
            after_answer: false,
        });
    }

    /// The caller made a sound that brought no words.
    fn end_without_words(&mut self, turn: &Turn, forced: bool) {
        if forced || self.has_more_to_say() || !self.disclosure_heard || self.hang_up_when_quiet.is_some() {
            // What we are about to say goes on.
        } else if let Some(repair) = self.repair.take() {
            // We took back an answer for nothing: its question still stands.
            self.carried = Some(Carried {
                turn: turn.id,
                text: String::new(),
                speech_ended: self.voice.last_sound,
                transcribed: self.now,
                unwritten: false,
                after_answer: false,
            });
            self.repair = Some(repair);
            self.release_carried(false);
        } else if turn.overlap != Overlap::Kept(Kept::Taken) && (turn.yielded || turn.voiced >= NOISE) {
            self.unintelligible = self.unintelligible.saturating_add(1);
            self.not_understood();
        }
    }

    /// Asks the brain about words that waited, once nothing holds them up. Words that were `overlapping` our speech
    /// must be more than a short sound to stop what we still have to say.
    pub(crate) fn release_carried(&mut self, overlapping: bool) {
        let Some(carried) = &self.carried else { return };
        let waits = !self.disclosure_heard
            || self.playout.uninterruptible_on_line()
            || self.caller_has_floor()
            || (carried.after_answer && self.current.is_some());
        if waits {
            return;
        }
        let short = !carried.unwritten
            && (is_backchannel(&carried.text, self.settings.language) || self.is_short(&carried.text));
        if overlapping && short && self.has_more_to_say() {
            self.carried = None;
            return;
        }
        if let Some(carried) = self.carried.take() {
            self.ask_about(carried);
        }
    }

    fn is_short(&self, words: &str) -> bool {
        word_count(words) < self.settings.barge_in_words && !is_interruption(words, self.settings.language)
    }

    /// Takes the words of a closed turn in.
    pub(crate) fn on_words(&mut self, turn: TurnId, text: &str) {
        let text = if is_hallucination(text) { "" } else { text };
        if !self.lines.written(turn, text) {
            self.refused.jobs += 1;
        }
    }

    /// Writes a line behind those that still wait for their words.
    pub(crate) fn write(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.lines.push(entry);
        }
        self.lines.flush(&mut self.out);
    }

    /// Gives up on words that do not come, and writes what waited behind them.
    pub(crate) fn follow_lines(&mut self) {
        self.lines.give_up(self.now, self.settings.stall);
        self.lines.flush(&mut self.out);
    }

    /// Whether an answer is under way of which something is still unsaid: a brain that has only forgotten to say that
    /// it is done does not turn the caller's "sí" into a sign of listening.
    fn has_more_to_say(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|asked| asked.heard == 0 || !self.playout.is_empty())
    }

    /// Whether a turn is under way that we may not talk over.
    pub(crate) fn caller_has_floor(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.overlap != Overlap::Kept(Kept::Taken))
    }

    fn ask_about(&mut self, carried: Carried) {
        if self.current.is_some() {
            self.take_back_answer();
        } else {
            self.pauses.good_end();
        }
        let repair = self.repair.take();
        let (revises, text) = match repair {
            Some(repair) => (Some(repair.cue), joined(&repair.words, &carried.text)),
            None => (None, carried.text),
        };
        self.closing = None;
        self.hang_up_when_quiet = None;
        self.rest_until = None;
        let words = text.clone();
        self.think(
            About::Turn,
            Cue::Turn {
                turn: carried.turn,
                text,
                revises,
            },
        );
        if let Some(asked) = &mut self.current {
            asked.words = words;
            asked.stages = Some(Stages {
                turn: carried.turn,
                speech_ended: carried.speech_ended,
                transcribed: carried.transcribed,
            });
        }
    }

    /// Drops the answer under way. If hardly anything of it was heard, its question becomes part of the next one.
    pub(crate) fn take_back_answer(&mut self) {
        let Some(asked) = self.current.take() else {
            self.drop_speech();
            return;
        };
        let heard = asked.heard + self.playout.heard_of(asked.id);
        if asked.about == About::Turn && u64::from(heard) < samples_in(UNHEARD_ANSWER) {
            if let Some(stages) = asked.stages {
                let went_on = self.turn.as_ref().map_or(self.now, |turn| turn.began);
                self.pauses.cut_off(went_on.saturating_sub(stages.speech_ended));
            }
            self.expected.now = self.expected.before;
            if let Some(turn) = &mut self.turn {
                turn.expectation = self.expected.before;
            }
            self.repair = Some(Repair {
                cue: asked.id,
                words: asked.words,
            });
        } else {
            self.repair = None;
            if u64::from(heard) < samples_in(UNHEARD_ANSWER)
                && let Some(announcement) = asked.announces
            {
                self.announcements.put_back(announcement);
            }
        }
        self.drop_speech();
        self.out.push_back(Output::Forget { cue: asked.id });
        self.forget_filler();
    }
}

fn joined(earlier: &str, later: &str) -> String {
    match (earlier.is_empty(), later.is_empty()) {
        (true, _) => later.to_owned(),
        (_, true) => earlier.to_owned(),
        _ => format!("{earlier} {later}"),
    }
}
