//! What the dialogue is told: the words it asked for and the end of a turn, by whoever can answer in time.

use super::super::jobs::{Job, Urgency};
use super::super::{Position, bytes_in};
use super::link::Link;
use super::pace::LOOK;
use super::{Hearing, Local, Order};
use crate::ears::EarEvent;
use crate::providers::Fault;
use std::time::Duration;
use talia_dialogue::{JobId, TurnId};
use talia_spanish::Expectation;

/// A question comes this long after the last sound: words up to shortly before it are all the words.
const SLACK: u64 = bytes_in(Duration::from_millis(160));
/// Questions that may be open; the dialogue has two at most.
const QUESTIONS: usize = 8;

impl Hearing {
    /// The dialogue wants the words of the turn so far.
    pub fn ask(&mut self, now: Duration, job: JobId, turn: TurnId, expectation: Expectation) {
        let own = self.turn.as_ref().filter(|own| own.id == turn);
        let Some(from) = own.map(|own| own.from).filter(|_| self.jobs.len() < QUESTIONS) else {
            self.report(EarEvent::Failed { job });
            return;
        };
        self.expect(expectation);
        let span = from..self.ring.end();
        self.answered_to = self.answered_to.max(span.end);
        if let Link::Open(stream) = &mut self.link {
            stream.finalize_at(span.end);
        }
        self.jobs.push(Job {
            id: job,
            span,
            expectation,
            asked: now,
            blamed: false,
            is_handed: false,
        });
        if self.local == Local::First {
            self.hand_over(self.jobs.len() - 1);
        }
        self.answer(now);
    }

    /// Whether the engine that listens says itself when a turn has ended.
    pub fn detects_turns(&self) -> bool {
        matches!(&self.link, Link::Open(stream) if stream.traits.detects_turns)
    }

    /// The dialogue wants to know how likely the turn is over.
    pub fn ask_end(&mut self, job: JobId, turn: TurnId) {
        if self.turn.as_ref().is_none_or(|own| own.id != turn) || self.ends.len() >= QUESTIONS {
            return;
        }
        self.ends.push(job);
        self.answer_ends();
    }

    /// The local recogniser's answer; `None` when it failed or has no room.
    pub fn written_down(&mut self, now: Duration, job: JobId, text: Option<String>) {
        let Some(place) = self.jobs.iter().position(|own| own.id == job) else {
            return;
        };
        match text {
            Some(text) => {
                self.jobs.remove(place);
                self.report(EarEvent::Transcribed { job, text });
            }
            None if self.local == Local::First && matches!(self.link, Link::Off) => {
                // Now the streams are asked, with the whole turn; their time begins now.
                self.jobs[place].asked = now;
                self.connect(now);
                self.answer(now);
            }
            // A stream may still answer; if it doesn't, time does.
            None => self.answer(now),
        }
    }

    fn hand_over(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.is_handed = true;
        self.orders.push_back(Order::WriteDown {
            job: job.id,
            mulaw: self.ring.between(job.span.start, job.span.end),
            expectation: job.expectation,
        });
    }

    /// Answers the questions that can be answered, or must be.
    pub(super) fn answer(&mut self, now: Duration) {
        let mut place = 0;
        while place < self.jobs.len() {
            let job = &self.jobs[place];
            // Words that came since belong to the same turn; nothing is gained by leaving them out.
            let text = self.transcript.text(&(job.span.start..Position::MAX));
            let urgency = job.urgency(now);
            let is_open = matches!(self.link, Link::Open(_));
            let is_off = matches!(self.link, Link::Off);
            let can_hand = self.local != Local::Absent && !job.is_handed;
            if self.has_all(job) {
                self.answer_with(place, text);
            } else if urgency >= Urgency::Soon && self.has_running_words(job) && !text.is_empty() {
                self.degraded();
                self.answer_with(place, text);
            } else if can_hand && (is_off || urgency >= Urgency::Late || (urgency >= Urgency::Soon && !is_open)) {
                self.hand_over(place);
            } else if urgency >= Urgency::Late && is_open && !job.blamed {
                for job in &mut self.jobs {
                    job.blamed = true;
                }
                self.leave(now, Fault::transient("no words in time"));
            } else if urgency == Urgency::Last || (is_off && !job.is_handed) {
                if text.is_empty() {
                    let job = self.jobs.remove(place).id;
                    self.report(EarEvent::Failed { job });
                } else {
                    self.degraded();
                    self.answer_with(place, text);
                }
            } else {
                place += 1;
            }
        }
    }

    fn answer_with(&mut self, place: usize, text: String) {
        let job = self.jobs.remove(place).id;
        self.report(EarEvent::Transcribed { job, text });
    }

    fn has_all(&self, job: &Job) -> bool {
        let is_final = self.transcript.final_up_to(job.span.start) + SLACK >= job.span.end;
        let Link::Open(stream) = &self.link else {
            return is_final;
        };
        let by_progress = stream.traits.answers_by_progress
            && (stream.heard_to >= job.span.end || stream.turn_end.is_some_and(|(to, _)| to + SLACK >= job.span.end));
        is_final || by_progress || stream.finalized_to + SLACK >= job.span.end
    }

    fn has_running_words(&self, job: &Job) -> bool {
        matches!(&self.link, Link::Open(stream)
            if stream.traits.reports_progress && stream.heard_to + SLACK >= job.span.end)
    }

    pub(super) fn answer_ends(&mut self) {
        let Link::Open(stream) = &self.link else { return };
        let Some((to, probability)) = stream.turn_end else {
            return;
        };
        if to + bytes_in(LOOK) < self.ring.end() {
            return;
        }
        for job in std::mem::take(&mut self.ends) {
            self.report(EarEvent::EndOfTurn { job, probability });
        }
    }
}
