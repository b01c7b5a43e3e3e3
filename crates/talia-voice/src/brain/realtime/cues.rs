//! What the dialogue asks the brain, and what it tells of the conversation.

use super::RealtimeBrain;
use super::brain::Line;
use super::messages;
use crate::brain::script::Phrase;
use crate::brain::{Brain, LeadDraft, Sensed, Senses, Thought, expect, prompt};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use talia_dialogue::{Cue, CueId, Entry, Resumption, Speaker, SpeechKind, TurnId};
use talia_spanish::Expectation;

/// All that is needed to go on in another process.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    history: Vec<Line>,
    tools: serde_json::Value,
    rest: serde_json::Value,
    given_up: bool,
    #[serde(default)]
    refuses_calls: bool,
    #[serde(default)]
    usted: bool,
}

impl RealtimeBrain {
    /// A phrase of the assistant's file in turn, as the caller is addressed.
    fn in_turn(&self, phrases: &[Phrase], which: usize) -> Option<String> {
        let phrase = phrases.get(which % phrases.len().max(1))?;
        Some(self.phrase(phrase))
    }

    /// The line broke, or nobody took the transfer: apologises in a word and lets the model go on.
    fn resume(&mut self, cue: CueId, about: Cue, words: &str, why: Resumption) {
        let note = prompt::notes(self.setup.language);
        let lines = self.assistant.lines.clone();
        let (phrase, note) = match why {
            Resumption::StreamLost => (lines.resumed, note.resumed),
            Resumption::NobodyAnswered => (lines.transfer_failed, note.nobody_answered),
        };
        let text = phrase.map(|phrase| self.phrase(&phrase));
        self.say(cue, text, SpeechKind::Answer);
        let words = words.trim();
        let told = if words.is_empty() || why == Resumption::NobodyAnswered {
            Some(("system", note.to_owned()))
        } else if self.last_words().is_none() {
            Some(("user", words.to_owned()))
        } else {
            // Words with a line of their own are known to the session.
            None
        };
        self.ask(cue, about, told);
    }
}

impl Brain for RealtimeBrain {
    fn think(&mut self, cue: CueId, about: Cue) {
        if let Cue::Digits(digits) = &about {
            self.tools.pressed(digits);
        }
        if self.given_up || matches!(about, Cue::Opening | Cue::Closing(_)) {
            self.rest.think(cue, about);
            return;
        }
        if self.lets_go_before(cue, &about) {
            return;
        }
        let note = prompt::notes(self.setup.language);
        match &about {
            Cue::Opening | Cue::Closing(_) => {}
            Cue::Filler => {
                let text = self.in_turn(&self.assistant.lines.filler, self.fillers);
                self.fillers += 1;
                self.say(cue, text, SpeechKind::Filler);
                self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
            }
            Cue::Silence { nudge } => {
                let text = self.in_turn(&self.assistant.lines.still_there, usize::from(*nudge).saturating_sub(1));
                self.say(cue, text, SpeechKind::Nudge);
                self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
            }
            Cue::Resumed { words, why } => {
                let (words, why) = (words.clone(), *why);
                self.resume(cue, about, &words, why);
            }
            Cue::Turn { .. } => self.ask(cue, about, None),
            Cue::NotUnderstood => self.ask(cue, about, Some(("system", note.not_understood.to_owned()))),
            Cue::Digits(digits) => {
                let told = format!("{} {digits}]", note.pressed);
                self.ask(cue, about, Some(("user", told)));
            }
        }
    }

    fn prepare(&mut self, turn: TurnId, text: &str, revises: Option<CueId>) {
        if self.given_up {
            self.rest.prepare(turn, text, revises);
        }
    }

    fn forget(&mut self, cue: CueId) {
        if self.given_up {
            self.rest.forget(cue);
        }
        self.untell(cue);
        if self.asked.as_ref().is_some_and(|asked| asked.cue == cue) {
            self.asked = None;
            self.create_next = false;
        }
        if self.answer.as_ref().is_some_and(|answer| answer.is_for(cue)) {
            self.cancel();
        }
    }

    fn heard(&mut self, entry: &Entry) {
        self.tools.heard(entry);
        self.rest.heard(entry);
        if entry.speaker == Speaker::Caller {
            self.remember(Line::Caller(entry.text.clone()));
            self.usted |= self.says_usted(&entry.text);
            self.look_for_refusal();
            return;
        }
        let mut untold = !entry.own_voice;
        if entry.own_voice {
            let connection = self.connection;
            if let Some(spoken) = self.spoken.iter_mut().find(|spoken| !spoken.concluded) {
                spoken.concluded = true;
                untold = spoken.connection != connection && !spoken.told;
            }
        }
        if !entry.text.is_empty() {
            self.settle_refusal();
            self.remember(Line::Assistant(entry.text.clone()));
            if untold {
                self.send(&messages::said("assistant", &entry.text));
            }
        }
    }

    fn refuses_calls(&self) -> bool {
        self.refuses() || self.rest.refuses_calls()
    }

    fn lead(&self) -> LeadDraft {
        if self.given_up {
            self.rest.lead()
        } else {
            self.tools.lead()
        }
    }

    fn memory(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(Memory {
            history: self.history.iter().cloned().collect(),
            tools: self.tools.memory()?,
            rest: self.rest.memory()?,
            given_up: self.given_up,
            refuses_calls: self.refuses(),
            usted: self.usted,
        })
    }

    fn recall(&mut self, memory: serde_json::Value) -> Result<(), serde_json::Error> {
        let memory: Memory = serde_json::from_value(memory)?;
        self.tools.recall(memory.tools)?;
        self.rest.recall(memory.rest)?;
        self.history = memory.history.into();
        self.usted = memory.usted;
        let asked = self.history.iter().rev().find_map(|line| match line {
            Line::Assistant(text) => Some(text.as_str()),
            _ => None,
        });
        self.expected = expect::expected(asked.unwrap_or_default(), &self.tools.lead());
        if memory.refuses_calls {
            self.recall_refusal();
        }
        if self.given_up && !memory.given_up {
            let lead = self.tools.lead();
            self.rest.adopt(lead, self.expected);
        }
        if memory.given_up && !self.given_up {
            // What it knows by now is newer than what the tools know.
            let lead = self.rest.lead();
            self.tools.adopt(lead);
        }
        if !self.given_up {
            self.tell_history();
        }
        Ok(())
    }

    fn adopt(&mut self, lead: LeadDraft, asked: Expectation) {
        if self.given_up {
            self.rest.adopt(lead, asked);
        } else {
            self.expected = asked;
            self.tools.adopt(lead);
        }
    }

    fn answered_for(&mut self, text: &str) {
        // Its session has heard it; nobody's need is told by it.
        self.answered.push(text.trim().to_owned());
        self.rest.answered_for(text);
    }

    fn passed_over(&mut self) {
        // All that was said is written down by now.
        self.settle_refusal();
        self.rest.passed_over();
    }

    fn senses(&mut self) -> Option<&mut dyn Senses> {
        Some(self)
    }

    fn attend(&mut self) -> BoxFuture<'_, ()> {
        self.rest.attend()
    }
}
