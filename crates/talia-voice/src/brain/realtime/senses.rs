//! The ears and the mouth of the brain, as the call knows them.

use super::{RealtimeBrain, Wake, WireEvent};
use crate::brain::{Sensed, Senses};
use std::time::Duration;
use talia_dialogue::{JobId, TranscriptionPurpose, TurnId, UtteranceId};

impl Senses for RealtimeBrain {
    fn hears(&self) -> bool {
        !self.given_up
    }

    fn hear(&mut self, mulaw: &[u8]) {
        if !self.given_up {
            self.hear_frame(mulaw);
        }
    }

    fn turn_started(&mut self, turn: TurnId) {
        if !self.given_up {
            self.begin_turn(turn);
        }
    }

    fn turn_closed(&mut self, turn: TurnId, words_due: bool) {
        if !self.given_up {
            self.end_turn(turn, words_due);
        } else if words_due {
            self.sensed.push_back(Sensed::Words {
                turn,
                text: String::new(),
            });
        }
    }

    fn transcribe(&mut self, job: JobId, turn: TurnId, purpose: TranscriptionPurpose) -> bool {
        if !self.given_up {
            self.take_words(job, turn, purpose);
        }
        !self.given_up
    }

    fn predict_end_of_turn(&mut self, job: JobId) {
        if !self.given_up {
            self.take_end(job);
        }
    }

    fn cut(&mut self, utterance: UtteranceId, heard: Duration) {
        self.was_cut(utterance, heard);
    }

    fn woken(&mut self, wake: Wake) {
        match wake {
            Wake::Wire(connection, event) if connection == self.connection && !self.given_up => match event {
                WireEvent::Opened => {}
                WireEvent::Text(text) => self.on_event(&text),
                WireEvent::Lost(fault) => self.broken(&fault),
            },
            Wake::Wire(..) => {}
            Wake::Tool { cue, id, outcome } => self.tool_done(cue, &id, outcome),
            Wake::Dictated(text) => self.dictated(text),
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn tick(&mut self) {
        self.time_passed();
    }

    fn poll(&mut self) -> Option<Sensed> {
        if self.sensed.is_empty() {
            // All that was written down has its line by now.
            self.begin_held();
        }
        self.sensed.pop_front()
    }
}
