//! One turn of the caller: its questions to the ears, what came back, and when the turn is over.

use crate::pauses::Pauses;
use crate::{JobId, Moment, Settings, TurnId};
use std::time::Duration;
use talia_spanish::Expectation;
use talia_spanish::ear::listening::{is_hallucination, looks_complete, looks_unfinished};

/// How the turn stands to our own speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// We are silent: the caller has the floor.
    None,
    /// We stopped, and judge whether to go on.
    Judging { paused: Moment },
    /// We go on speaking; the words are kept.
    Kept(Kept),
}

/// Why we go on speaking over the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What we say can't be cut.
    Uninterruptible,
    /// We have just begun, or have just gone on after a false alarm.
    Guard,
    /// Too many false alarms in this answer: only words stop us now.
    FalseAlarms,
    /// The caller has spoken for too long, or the call has to end: we took the floor.
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Words,
    End,
}

#[derive(Debug)]
struct Job {
    id: JobId,
    question: Question,
    asked: Moment,
    /// The last speech that it knows of.
    covers: Moment,
}

/// Words that came back.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) text: String,
    pub(crate) covers: Moment,
    pub(crate) at: Moment,
    /// Somebody has understood it without writing it down: the text is that of an earlier reading, or empty.
    pub(crate) unwritten: bool,
}

/// What is understood without words and is shorter than this was a breath.
const BREATH: Duration = Duration::from_millis(120);
/// A sound without words that is shorter than this is let pass in silence.
pub(crate) const NOISE: Duration = Duration::from_millis(400);
/// Transcriptions of one turn that may be under way at once: a newer one need not wait for one that is out of date.
const AT_ONCE: usize = 2;

/// One turn of the caller.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) id: TurnId,
    pub(crate) began: Moment,
    pub(crate) expectation: Expectation,
    pub(crate) overlap: Overlap,
    /// The caller cut us, and what we were saying is gone.
    pub(crate) yielded: bool,
    /// Speech in all.
    pub(crate) voiced: Duration,
    /// The turn has lasted too long: it ends with the words that cover this moment.
    pub(crate) taken: Option<Moment>,
    /// How much weaker than our own audio it was, dB.
    pub(crate) below_reference: f32,
    /// The last words that a brain was told of ahead.
    pub(crate) prepared: Option<String>,
    jobs: Vec<Job>,
    reading: Option<Reading>,
    partial: String,
    end: Option<(f32, Moment)>,
    /// The last speech for which a transcription was asked.
    asked_for: Option<Moment>,
    /// The last speech for which a prediction was asked.
    end_asked_for: Option<Moment>,
}

impl Turn {
    pub(crate) fn new(id: TurnId, began: Moment, expectation: Expectation, overlap: Overlap) -> Self {
        Self {
            id,
            began,
            expectation,
            overlap,
            yielded: false,
            voiced: Duration::ZERO,
            taken: None,
            below_reference: f32::INFINITY,
            prepared: None,
            jobs: Vec::new(),
            reading: None,
            partial: String::new(),
            end: None,
            asked_for: None,
            end_asked_for: None,
        }
    }

    /// Whether a transcription up to `last_sound` has to be asked for.
    pub(crate) fn wants_words(&self, last_sound: Moment) -> bool {
        self.asked_for != Some(last_sound)
            && self.jobs.iter().filter(|job| job.question == Question::Words).count() < AT_ONCE
    }

    /// Whether a prediction for the pause after `last_sound` has to be asked for.
    pub(crate) fn wants_end(&self, last_sound: Moment) -> bool {
        self.end_asked_for != Some(last_sound)
    }

    /// Whether a transcription that covers `moment` is under way.
    pub(crate) fn asks_words_for(&self, moment: Moment) -> bool {
        self.jobs
            .iter()
            .any(|job| job.question == Question::Words && job.covers >= moment)
    }

    pub(crate) fn asked_words(&mut self, id: JobId, asked: Moment, covers: Moment) {
        self.asked_for = Some(covers);
        self.jobs.push(Job {
            id,
            question: Question::Words,
            asked,
            covers,
        });
    }

    pub(crate) fn asked_end(&mut self, id: JobId, asked: Moment, covers: Moment) {
        self.end_asked_for = Some(covers);
        self.jobs.retain(|job| job.question != Question::End);
        self.jobs.push(Job {
            id,
            question: Question::End,
            asked,
            covers,
        });
    }

    fn take_job(&mut self, id: JobId, question: Question) -> Option<Job> {
        let place = self
            .jobs
            .iter()
            .position(|job| job.id == id && job.question == question)?;
        Some(self.jobs.swap_remove(place))
    }

    /// Takes a transcription in; `false` when it was not asked for.
    pub(crate) fn transcribed(&mut self, id: JobId, text: &str, at: Moment) -> bool {
        let Some(job) = self.take_job(id, Question::Words) else {
            return false;
        };
        if self.reading.as_ref().is_none_or(|reading| reading.covers <= job.covers) {
            self.reading = Some(Reading {
                text: text.trim().to_owned(),
                covers: job.covers,
                at,
                unwritten: false,
            });
        }
        true
    }

    /// Takes in that the turn so far was understood without being written down; `false` when nobody asked.
    pub(crate) fn listened(&mut self, id: JobId, at: Moment) -> bool {
        let Some(job) = self.take_job(id, Question::Words) else {
            return false;
        };
        if self.reading.as_ref().is_none_or(|reading| reading.covers <= job.covers) {
            let text = self.reading.take().map(|reading| reading.text).unwrap_or_default();
            self.reading = Some(Reading {
                text,
                covers: job.covers,
                at,
                unwritten: true,
            });
        }
        true
    }

    /// Whether its last words are understood and not written down.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.voiced >= BREATH && self.reading.as_ref().is_some_and(|reading| reading.unwritten)
    }

    /// Notes a transcription that will not come; `false` when it was not asked for.
    pub(crate) fn transcription_failed(&mut self, id: JobId) -> bool {
        self.take_job(id, Question::Words).is_some()
    }

    /// Takes the predictor's answer in; `false` when it was not asked for.
    pub(crate) fn predicted(&mut self, id: JobId, probability: f32) -> bool {
        let Some(job) = self.take_job(id, Question::End) else {
            return false;
        };
        self.end = Some((probability, job.covers));
        true
    }

    pub(crate) fn heard_partial(&mut self, text: &str) {
        text.trim().clone_into(&mut self.partial);
    }

    /// When the first question that is out is given up.
    pub(crate) fn gives_up_at(&self, stall: Duration) -> Option<Moment> {
        self.jobs.iter().map(|job| job.asked + stall).min()
    }

    pub(crate) fn give_up(&mut self, now: Moment, stall: Duration) {
        self.jobs.retain(|job| job.asked + stall > now);
    }

    /// The words up to `last_sound`, if they are there.
    pub(crate) fn covering(&self, last_sound: Moment) -> Option<&Reading> {
        self.reading.as_ref().filter(|reading| reading.covers >= last_sound)
    }

    /// Whether words up to `last_sound` may still come.
    pub(crate) fn awaits_words(&self, last_sound: Moment) -> bool {
        self.asked_for != Some(last_sound) || self.asks_words_for(last_sound)
    }

    /// The best words there are, perhaps not all, perhaps none.
    pub(crate) fn words(&self) -> &str {
        match &self.reading {
            Some(reading) if !is_hallucination(&reading.text) || self.partial.is_empty() => &reading.text,
            _ => &self.partial,
        }
    }

    /// When the words were there, if they are.
    pub(crate) fn transcribed_at(&self) -> Option<Moment> {
        self.reading.as_ref().map(|reading| reading.at)
    }

    /// The running words of a streaming recogniser, if there are any.
    pub(crate) fn partial(&self) -> Option<&str> {
        (!self.partial.is_empty()).then_some(self.partial.as_str())
    }

    /// Words as they run, to judge by while the caller still speaks.
    pub(crate) fn running_words(&self) -> Option<&str> {
        if self.partial.is_empty() {
            self.reading.as_ref().map(|reading| reading.text.as_str())
        } else {
            Some(&self.partial)
        }
    }

    /// The silence after which the turn is over; `None` while the words that count are still to come.
    ///
    /// The predictor alone never ends a turn: it only chooses how long the pause must be once the words are there.
    pub(crate) fn needed_silence(&self, last_sound: Moment, settings: &Settings, pauses: &Pauses) -> Option<Duration> {
        let base = settings.patience.of(self.expectation);
        let patience = pauses.adapt(base);
        let Some(reading) = self.covering(last_sound) else {
            return (!self.awaits_words(last_sound)).then_some(patience.unfinished);
        };
        let text = reading.text.as_str();
        if !reading.unwritten && is_hallucination(text) {
            return Some(if self.voiced < NOISE {
                Duration::ZERO
            } else {
                patience.doubtful
            });
        }
        let finished = self
            .end
            .is_some_and(|(probability, covers)| covers >= last_sound && probability >= settings.end_of_turn_threshold);
        let by_prediction = if finished { patience.finished } else { patience.doubtful };
        if reading.unwritten {
            return Some(by_prediction);
        }
        if looks_complete(text, self.expectation, settings.language) {
            return Some(base.finished);
        }
        if looks_unfinished(text, self.expectation, settings.language) {
            return Some(patience.unfinished);
        }
        Some(by_prediction)
    }
}
