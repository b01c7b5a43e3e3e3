//! No dead air: sessions that are begun again with what was said, and the rest of the chain when that doesn't help.

use super::answering::{FIRST_SIGN_AGAIN, Spoken};
use super::brain::Line;
use super::wire::Wire;
use super::{RealtimeBrain, messages};
use crate::brain::{EXCUSE_AFTER, Sensed, said_in};
use crate::providers::Fault;
use std::time::Duration;
use talia_dialogue::{Cue, SpeechKind};

/// How long the call's own ears may take to write down what the service understood.
const DICTATION: Duration = Duration::from_millis(1_500);
/// The wait before a session that nobody needs just now is begun again, if the first attempt fails; it doubles.
const BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// What is written down by the call's own ears for the rest of the chain.
#[derive(Debug, Default)]
pub(super) enum Dictation {
    #[default]
    NotAsked,
    /// Asked for.
    Asked,
    Written(String),
}

impl RealtimeBrain {
    /// Begins a session, and tells it what was said so far.
    pub(super) fn connect(&mut self) {
        self.connection += 1;
        self.retry_at = None;
        self.renew_at = None;
        self.answer = None;
        self.create_next = false;
        self.seen.clear();
        let target = self.target.clone();
        self.wire = Some(Wire::open(target, self.connection, self.wakes.clone(), &self.tasks));
        let setup = self.setup.message(self.tools.specs());
        self.send(&setup);
        self.tell_history();
        // What the caller is about to hear has no line yet.
        let playing = |spoken: &&mut Spoken| !spoken.concluded && !spoken.text.trim().is_empty();
        let mut saying = Vec::new();
        for spoken in self.spoken.iter_mut().filter(playing) {
            spoken.told = true;
            saying.push(spoken.text.trim().to_owned());
        }
        for text in saying {
            self.send(&messages::said("assistant", &text));
        }
        self.replay_audio();
        if self.asked.is_some() && !self.has_calls() {
            self.request();
        }
    }

    /// Tells the session what was said and done so far.
    pub(super) fn tell_history(&mut self) {
        let history: Vec<Line> = self.history.iter().cloned().collect();
        for line in history {
            match line {
                Line::Caller(text) => self.send(&messages::said("user", &text)),
                Line::Assistant(text) => self.send(&messages::said("assistant", &text)),
                Line::Call {
                    id,
                    name,
                    arguments,
                    output,
                } => {
                    self.send(&messages::called(&id, &name, &arguments));
                    self.send(&messages::output(&id, &output));
                }
            }
        }
    }

    /// The session is of no use any more. Begins another at once if that has a chance, or gives up.
    pub(super) fn broken(&mut self, fault: &Fault) {
        if self.given_up {
            return;
        }
        self.watch.failed(fault);
        self.wire = None;
        self.end_spoken(|_| true, true);
        self.answer = None;
        self.create_next = false;
        let now = self.clock.elapsed();
        let hopeful = matches!(
            fault.class,
            crate::providers::FaultClass::Transient | crate::providers::FaultClass::Malformed
        ) && fault.retry_after.is_none();
        match &mut self.asked {
            _ if !hopeful => self.give_up(),
            Some(asked) if asked.attempts > 0 => self.give_up(),
            Some(asked) => {
                asked.attempts += 1;
                asked.due = Some(now + FIRST_SIGN_AGAIN);
                self.dictate();
                self.connect();
            }
            None if self.retries == 0 => {
                self.retries = 1;
                self.connect();
            }
            None => {
                let wait = BACKOFF.saturating_mul(1 << self.retries.min(5)).min(LONGEST_BACKOFF);
                self.retries += 1;
                self.retry_at = Some(now + wait);
            }
        }
    }

    /// Has what only the service understood written down, in case it does not come back.
    fn dictate(&mut self) {
        let audio = self.hearing.unwritten();
        if matches!(self.dictation, Dictation::NotAsked) && !audio.is_empty() {
            self.dictation = Dictation::Asked;
            self.sensed.push_back(Sensed::Dictate(audio));
        }
    }

    pub(super) fn dictated(&mut self, text: String) {
        if self.given_up {
            self.sensed.extend(self.hearing.written(&text));
        }
        self.dictation = Dictation::Written(text);
        if self.given_up {
            self.hand_over();
        }
    }

    /// The rest of the chain takes over, with the words and the lead that are known.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        self.wire = None;
        self.answer = None;
        self.retry_at = None;
        self.renew_at = None;
        tracing::warn!(
            provider = self.watch.name(),
            "a call goes on without its speech-to-speech engine"
        );
        self.end_spoken(|_| true, true);
        self.stop_hearing();
        let mut lead = self.tools.lead();
        if lead.purpose.is_none() {
            lead.purpose = self.first_words();
        }
        self.rest.adopt(lead, self.expected);
        self.dictate();
        if let Dictation::Written(text) = &self.dictation {
            let text = text.clone();
            self.sensed.extend(self.hearing.written(&text));
        }
        let now = self.clock.elapsed();
        if let Some(asked) = &mut self.asked {
            asked.due = Some(now + DICTATION);
        }
        if !matches!(self.dictation, Dictation::Asked) {
            self.hand_over();
        }
    }

    /// The rest of the chain answers what is still asked.
    pub(super) fn hand_over(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        // Another voice goes on from here.
        let phrase = self.assistant.lines.took_over.clone();
        let text = phrase.map(|phrase| self.phrase(&phrase));
        self.say(asked.cue, text, SpeechKind::Answer);
        let about = match asked.about {
            Cue::Turn { turn, text, .. } => {
                let words = match std::mem::take(&mut self.dictation) {
                    Dictation::Written(words) if !words.trim().is_empty() => words,
                    _ => self.last_words().unwrap_or(text),
                };
                if words.trim().is_empty() {
                    Cue::NotUnderstood
                } else {
                    Cue::Turn {
                        turn,
                        text: words,
                        revises: None,
                    }
                }
            }
            other => other,
        };
        self.rest.think(asked.cue, about);
    }

    /// What the caller said first: what they need, most likely.
    fn first_words(&self) -> Option<String> {
        self.history.iter().find_map(|line| match line {
            Line::Caller(text) if !self.answered.contains(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// What the caller has said since we last spoke.
    pub(super) fn last_words(&self) -> Option<String> {
        let lines = self.history.iter().rev().map_while(|line| match line {
            Line::Caller(text) => Some(text.as_str()),
            _ => None,
        });
        let mut lines: Vec<_> = lines.collect();
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join(" "))
    }

    /// Whether a new session would disturb nobody.
    fn is_idle(&self) -> bool {
        self.asked.is_none() && self.answer.is_none() && self.calls.is_empty() && self.hearing.is_settled()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let due = self.asked.as_ref().and_then(|asked| asked.due);
        if self.given_up {
            return due;
        }
        let renew = self.renew_at.filter(|_| self.is_idle());
        let held = self.held.iter().map(|held| held.until).min();
        [due, self.stuck_at(), self.retry_at, renew, held, self.excuse_at()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn time_passed(&mut self) {
        self.begin_held();
        let now = self.clock.elapsed();
        let passed = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let due = self.asked.as_ref().and_then(|asked| asked.due);
        if self.given_up {
            if passed(due) {
                self.hand_over();
            }
        } else if passed(due) {
            self.broken(&Fault::transient("no answer in time"));
        } else if passed(self.stuck_at()) {
            self.broken(&Fault::transient("the answer broke off"));
        } else if passed(self.retry_at) || (passed(self.renew_at) && self.is_idle()) {
            self.connect();
        }
        if !self.given_up && passed(self.excuse_at()) {
            self.excuse();
        }
    }

    /// When the caller has waited so long that they are told why: for a tool, or for a session that is begun again.
    fn excuse_at(&self) -> Option<Duration> {
        let asked = self.asked.as_ref()?;
        Some(asked.speaks_until + EXCUSE_AFTER)
    }

    fn excuse(&mut self) {
        let phrase = self.assistant.lines.checking.clone();
        let text = phrase.map(|phrase| self.phrase(&phrase)).unwrap_or_default();
        let now = self.clock.elapsed();
        let Some(asked) = &mut self.asked else { return };
        asked.speaks_until = now + said_in(&text);
        let cue = asked.cue;
        self.say(cue, Some(text), SpeechKind::Answer);
    }
}
