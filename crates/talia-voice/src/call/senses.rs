//! A brain that hears and speaks by itself: its words and its voice go into the dialogue, as those of ears and mouth do.

use super::{CallTask, LiveEvent};
use crate::brain::{Sensed, Senses, realtime::Wake};
use std::time::Duration;
use talia_dialogue::{EndReason, Input};

impl CallTask {
    /// Takes what the brain sensed into the dialogue. Answers whether there was anything.
    pub(super) fn sense(&mut self) -> bool {
        let mut any = false;
        while let Some(sensed) = self.brain.senses().and_then(Senses::poll) {
            any = true;
            self.on_sensed(sensed);
            // What is said gets its name in the ledger now, before its text and audio come.
            self.perform();
        }
        any
    }

    fn on_sensed(&mut self, sensed: Sensed) {
        match sensed {
            Sensed::Thought(cue, thought) => self.on_thought(cue, thought),
            Sensed::Speak { cue, utterance } => self.tell(Input::Speak { cue, utterance }),
            Sensed::Text { utterance, text } => {
                let Some(segment) = self.own_voice.get(&utterance).copied() else {
                    return;
                };
                self.count_spoken(text.chars().count() as u64);
                self.tell(Input::Text { segment, text: &text });
                self.live.send(LiveEvent::Says { text });
            }
            Sensed::Audio { utterance, mulaw } => {
                if let Some(segment) = self.own_voice.get(&utterance).copied() {
                    self.tell(Input::Audio { segment, mulaw: &mulaw });
                }
            }
            Sensed::End { utterance, failed } => match self.own_voice.remove(&utterance) {
                Some(segment) if failed => self.tell(Input::AudioFailed { segment }),
                Some(segment) => self.tell(Input::AudioEnd { segment }),
                None => {}
            },
            Sensed::Transcribed { job, text } => {
                self.live.send(LiveEvent::Partial { text: text.clone() });
                self.tell(Input::Transcribed { job, text: &text });
            }
            Sensed::Listened { job } => self.tell(Input::Listened { job }),
            Sensed::Failed { job } => self.tell(Input::TranscriptionFailed { job }),
            Sensed::EndOfTurn { job, probability } => self.tell(Input::EndOfTurn { job, probability }),
            Sensed::Words { turn, text } => {
                // Words that come after the question about them are no words that nobody was asked about.
                self.words_are_asked = self.asked_turn >= Some(turn);
                self.tell(Input::Words { turn, text: &text });
                self.perform();
                self.words_are_asked = false;
                self.words_came(turn, &text);
            }
            Sensed::Dictate(mulaw) => self.dictate(&mulaw),
        }
    }

    /// Counts what is said against the limit of the call.
    pub(super) fn count_spoken(&mut self, characters: u64) {
        self.spoken += characters;
        if self.spoken > self.app.config.limits.spoken_characters {
            // Counted once: what comes now is the goodbye.
            self.spoken = 0;
            self.tell(Input::Finish(EndReason::TimeLimit));
        }
    }

    /// Has the local recogniser write down what only a brain has understood.
    fn dictate(&mut self, mulaw: &[u8]) {
        let (expectation, wakes) = (self.dialogue.expectation(), self.wake_sender.clone());
        let admitted = self.ears.dictate(mulaw, expectation, move |text| {
            // The call may be over: then nobody listens.
            let _ = wakes.blocking_send(Wake::Dictated(text));
        });
        if !admitted {
            // Its own deadline passes, and the caller is asked to say it again.
            tracing::warn!(call.sid = self.call.call_sid.as_str(), "a dictation found no room");
        }
    }

    /// Has the call's own ears listen, unless the brain hears by itself: nobody is paid for hearing twice.
    pub(super) fn hear_without_brain(&mut self) {
        if self.brain.senses().is_none_or(|senses| !senses.hears()) {
            self.ears.listen();
        }
    }

    /// How long until the brain has to look at its clock.
    pub(super) fn until_brain_wakes(&mut self) -> Option<Duration> {
        let at = self.brain.senses()?.next_deadline()?;
        Some(at.saturating_sub(self.app.clock.elapsed()))
    }
}
