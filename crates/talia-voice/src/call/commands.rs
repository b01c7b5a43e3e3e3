//! Commands from outside: an operator, or a program of the company's.

use super::CallTask;
use crate::brain::{Handover, introduction};
use crate::line::{CallCommand, Commanded, Declined};
use std::collections::VecDeque;
use talia_dialogue::{EndReason, Input};
use talia_spanish::tongue;

/// Commands whose keys are remembered.
const REMEMBERED: usize = 64;

/// What was done under which key while this stream lasts.
#[derive(Debug, Default)]
pub(super) struct Obeyed(VecDeque<(String, Result<(), Declined>)>);

impl Obeyed {
    fn before(&self, key: &str) -> Option<Result<(), Declined>> {
        let earlier = self.0.iter().find(|(known, _)| known == key);
        earlier.map(|(_, outcome)| *outcome)
    }

    fn remember(&mut self, key: String, outcome: Result<(), Declined>) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((key, outcome));
    }
}

impl CallTask {
    pub(super) fn on_command(&mut self, commanded: Commanded) {
        let Commanded { command, key, answer } = commanded;
        let before = key.as_deref().and_then(|key| self.obeyed.before(key));
        let outcome = before.unwrap_or_else(|| {
            let outcome = self.obey(command);
            if let Some(key) = key {
                self.obeyed.remember(key, outcome);
            }
            outcome
        });
        // Whoever asked may have stopped waiting; it is done all the same.
        let _ = answer.send(outcome);
    }

    fn obey(&mut self, command: CallCommand) -> Result<(), Declined> {
        match command {
            CallCommand::HangUp { goodbye: true } => self.tell(Input::Finish(EndReason::Operator)),
            CallCommand::HangUp { goodbye: false } => self.tell(Input::End(EndReason::Operator)),
            CallCommand::Say { text } => {
                if !self.dialogue.takes_announcements() {
                    return Err(self.full_or_ending());
                }
                // Made while it waits for its moment.
                for sentence in tongue::sentences(&text) {
                    self.mouth.foresee(sentence.trim().to_owned());
                }
                self.tell(Input::Announce { text: &text });
            }
            CallCommand::Transfer { destination } => {
                let known = self.app.config.destinations.get(&destination);
                let known = known.ok_or(Declined::DestinationUnknown)?;
                if !known.is_open(self.app.clock.wall()) {
                    return Err(Declined::DestinationClosed);
                }
                if self.dialogue.is_ending() {
                    return Err(Declined::Ending);
                }
                let assistant = self.app.assistants.by_id(&self.call.assistant);
                let assistant = assistant.unwrap_or_else(|| self.app.assistants.for_number(&self.call.to));
                let summary = introduction::of(&self.brain.lead(), &assistant.business, assistant.language);
                self.handover = Some(Handover { destination, summary });
                self.tell(Input::Finish(EndReason::Transferred));
            }
        }
        Ok(())
    }

    fn full_or_ending(&self) -> Declined {
        if self.dialogue.is_ending() {
            Declined::Ending
        } else {
            Declined::TooMany
        }
    }
}
