//! Asks a caller whether the call may be recorded, and reads what follows from what they say. Pure.
//!
//! It stands between dialogue and brain, so that it is the same whoever thinks: it is told what the caller says before the
//! brain is, and answers whether that is the brain's, or what is said and done instead. It asks at most twice, and twice more where the
//! question itself could not be heard; without a plain yes to a question that was heard nothing is recorded. What the caller
//! said beside an answer, or in its place, is given back, for the brain to answer.

pub use crate::telemetry::labels::RecordingAnswer as Answer;
use serde::{Deserialize, Serialize};
use talia_dialogue::{CueId, Moment};
use talia_spanish::ear::permission::{self, Permission as Said};

/// How often somebody is asked who heard the question.
const HEARD: u8 = 2;
/// How often it is begun again for somebody who spoke over it, or when it could not be said.
const UNHEARD: u8 = 2;

/// Whether the call may be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nobody was asked.
    #[default]
    NotAsked,
    /// The caller is being asked.
    Asked,
    /// The caller said yes; or was told, where that is enough.
    Given,
    /// The caller said no.
    Refused,
    /// The caller said neither.
    NotGiven,
    /// The caller wants it no more.
    Withdrawn,
}

impl Permission {
    /// The word that is kept; none while nothing is decided.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::NotAsked | Self::Asked => None,
            Self::Given => Some("given"),
            Self::Refused => Some("refused"),
            Self::NotGiven => Some("not_given"),
            Self::Withdrawn => Some("withdrawn"),
        }
    }
}

/// How it stands; it goes with the conversation to other streams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// What was decided.
    pub permission: Permission,
    /// How often the question was heard.
    asked: u8,
    /// How often it was not.
    unheard: u8,
    /// The question as it was last begun was heard.
    heard: bool,
    /// What the caller said beside it, which nobody has answered.
    waiting: String,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is the brain's.
    Brain,
    /// The question is asked; `again` of somebody whose answer could not be made out.
    Ask { again: bool },
    /// It is decided; what follows.
    Decided(Decision, Then),
    /// It was decided before and stays so: the caller has only said more.
    Stays(Then),
}

/// A decision, as it has to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What holds from now on.
    pub permission: Permission,
    /// What it follows from.
    pub answer: Answer,
    /// By keys instead of words.
    pub by_keys: bool,
    /// How often the question was heard.
    pub asked: u8,
    /// When.
    pub at: Moment,
}

impl Decision {
    /// Whether words of the caller's led to it.
    pub fn is_of_words(&self) -> bool {
        let words = matches!(
            self.answer,
            Answer::Yes | Answer::No | Answer::Unclear | Answer::Other | Answer::Stop
        );
        words && !self.by_keys
    }
}

/// What follows a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// What the brain wanted to begin with.
    Greet,
    /// The brain answers what the caller said beside.
    Words(String),
    /// The brain answers what happened.
    Cue,
    /// The last question stands.
    Nothing,
}

/// The question of one call.
#[derive(Debug)]
pub struct Asking {
    /// The sentence that has to be heard; none: nobody is asked.
    question: Option<String>,
    standing: Standing,
    /// The cue of the answer: the caller may go on with it.
    answered: Option<CueId>,
    /// The cue of words that were no answer, and how much waited before them: the caller may go on with those, too.
    waited: Option<(CueId, usize)>,
}

impl Asking {
    /// Goes on from where an earlier stream stood. `question` is its last sentence; none where nobody is asked.
    pub fn new(question: Option<&str>, standing: Standing) -> Self {
        Self {
            question: question.map(str::to_owned),
            standing,
            answered: None,
            waited: None,
        }
    }

    /// How it stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether the caller's next words answer the question.
    pub fn is_asking(&self) -> bool {
        self.standing.permission == Permission::Asked
    }

    /// Whether what the caller says under this name of an earlier cue goes on with their answer.
    pub fn is_answered_by(&self, revises: Option<CueId>) -> bool {
        revises.is_some() && revises == self.answered
    }

    /// The conversation begins: whether the question comes behind the disclosure.
    pub fn begin(&mut self) -> bool {
        let open = matches!(self.standing.permission, Permission::NotAsked | Permission::Asked);
        let asks = open && self.question.is_some();
        if asks {
            self.standing.permission = Permission::Asked;
            self.standing.heard = false;
        }
        asks
    }

    /// The caller has heard that they are recorded, where that is enough.
    pub fn told(&mut self) {
        self.standing.permission = Permission::Given;
    }

    /// The caller heard this sentence of ours, `whole` or up to where it was cut.
    pub fn said(&mut self, text: &str, whole: bool) {
        let Some(question) = self.question.as_deref().filter(|_| self.is_asking()) else {
            return;
        };
        let text = text.trim();
        // Who interrupts its end has understood it.
        let enough = if whole {
            text == question
        } else {
            question.starts_with(text) && text.len() * 3 >= question.len() * 2
        };
        if enough && !self.standing.heard {
            self.standing.heard = true;
            self.standing.asked = self.standing.asked.saturating_add(1);
        }
    }

    /// The caller said this; `revises` an earlier cue.
    pub fn words(&mut self, now: Moment, (cue, revises): (CueId, Option<CueId>), text: &str) -> Next {
        let permission = self.standing.permission;
        if permission == Permission::Asked {
            let again = self.waited.filter(|(earlier, _)| Some(*earlier) == revises);
            if let Some((_, before)) = again {
                // They come again, with what was said since.
                self.standing.waiting.truncate(before);
            }
            self.waited = Some((cue, self.standing.waiting.len()));
            return self.answer(now, cue, text);
        }
        if self.is_answered_by(revises) {
            return self.go_on(now, cue, text);
        }
        if permission == Permission::Given && permission::withdraws(text) {
            return self.decide((now, cue), (Permission::Withdrawn, Answer::Stop), Then::Nothing);
        }
        Next::Brain
    }

    fn answer(&mut self, now: Moment, cue: CueId, text: &str) -> Next {
        let said = permission::read(text);
        if !self.standing.heard && !permission::withdraws(text) {
            self.wait(said.rest);
            return self.ask_unheard(now, cue);
        }
        let rest = said.rest.map(str::to_owned);
        match said.permission {
            Said::Given => {
                let then = self.then(rest.as_deref());
                self.decide((now, cue), (Permission::Given, Answer::Yes), then)
            }
            Said::Refused => {
                let then = self.then(rest.as_deref());
                self.decide((now, cue), (Permission::Refused, Answer::No), then)
            }
            Said::Unclear => {
                self.wait(rest.as_deref());
                self.ask_again(now, cue)
            }
            Said::Else => {
                let then = self.then(rest.as_deref());
                self.decide((now, cue), (Permission::NotGiven, Answer::Other), then)
            }
        }
    }

    /// The caller goes on with the answer that was read already: it is read anew, as a whole.
    fn go_on(&mut self, now: Moment, cue: CueId, text: &str) -> Next {
        let said = permission::read(text);
        let then = self.then(said.rest);
        match (self.standing.permission, said.permission) {
            (Permission::Given, Said::Refused) => self.decide((now, cue), (Permission::Withdrawn, Answer::No), then),
            (Permission::Refused | Permission::NotGiven, Said::Given) => {
                self.decide((now, cue), (Permission::Given, Answer::Yes), then)
            }
            _ => {
                self.answered = Some(cue);
                Next::Stays(then)
            }
        }
    }

    /// The caller pressed these keys.
    pub fn keys(&mut self, now: Moment, cue: CueId, keys: &str) -> Next {
        if !self.is_asking() {
            return Next::Brain;
        }
        let decided = match keys.trim_end_matches('#') {
            _ if !self.standing.heard => return self.ask_unheard(now, cue),
            "1" => (Permission::Given, Answer::Yes, None),
            "2" => (Permission::Refused, Answer::No, None),
            // Whoever wants a person.
            "0" => (Permission::NotGiven, Answer::Other, Some(Then::Cue)),
            _ => return self.ask_again(now, cue),
        };
        let (permission, answer, then) = decided;
        let then = then.unwrap_or_else(|| self.then(None));
        match self.decide((now, cue), (permission, answer), then) {
            Next::Decided(decision, then) => {
                let by_keys = true;
                Next::Decided(Decision { by_keys, ..decision }, then)
            }
            next => next,
        }
    }

    /// The caller has been silent as long as anybody is waited for.
    pub fn silence(&mut self, now: Moment, cue: CueId) -> Next {
        if !self.is_asking() {
            return Next::Brain;
        }
        if !self.standing.heard {
            return self.ask_unheard(now, cue);
        }
        let then = self.then(None);
        self.decide((now, cue), (Permission::NotGiven, Answer::Silence), then)
    }

    /// The caller made a sound that brought no words, or the question could not be said.
    pub fn not_understood(&mut self, now: Moment, cue: CueId) -> Next {
        if !self.is_asking() {
            Next::Brain
        } else if self.standing.heard {
            self.ask_again(now, cue)
        } else {
            self.ask_unheard(now, cue)
        }
    }

    /// The call goes on after a break, with words of the caller that nobody answered.
    pub fn resumed(&mut self, now: Moment, cue: CueId, words: &str) -> Next {
        if !self.is_asking() {
            Next::Brain
        } else if words.trim().is_empty() {
            self.standing.heard = false;
            Next::Ask { again: false }
        } else {
            self.answer(now, cue, words)
        }
    }

    /// The call goes another way: nobody waits for the answer any more.
    pub fn give_up(&mut self, now: Moment, cue: CueId) -> Next {
        if !self.is_asking() {
            return Next::Brain;
        }
        self.decide((now, cue), (Permission::NotGiven, Answer::Unanswered), Then::Cue)
    }

    /// The caller wants to be recorded no more, whoever answers the words that said so. Answers whether they were recorded.
    pub fn withdraw(&mut self, now: Moment, text: &str) -> Option<Decision> {
        if self.standing.permission != Permission::Given || !permission::withdraws(text) {
            return None;
        }
        self.standing.permission = Permission::Withdrawn;
        Some(self.decision(now, Answer::Stop))
    }

    fn wait(&mut self, rest: Option<&str>) {
        let Some(rest) = rest else { return };
        if !self.standing.waiting.is_empty() {
            self.standing.waiting.push(' ');
        }
        self.standing.waiting.push_str(rest);
    }

    /// What the brain gets: all that waited, and the rest of the answer.
    fn then(&mut self, rest: Option<&str>) -> Then {
        self.wait(rest);
        let words = std::mem::take(&mut self.standing.waiting);
        if words.is_empty() {
            Then::Greet
        } else {
            Then::Words(words)
        }
    }

    fn ask_again(&mut self, now: Moment, cue: CueId) -> Next {
        if self.standing.asked >= HEARD {
            let then = self.then(None);
            return self.decide((now, cue), (Permission::NotGiven, Answer::Unclear), then);
        }
        self.standing.heard = false;
        Next::Ask { again: true }
    }

    fn ask_unheard(&mut self, now: Moment, cue: CueId) -> Next {
        if self.standing.unheard >= UNHEARD {
            let then = self.then(None);
            return self.decide((now, cue), (Permission::NotGiven, Answer::Unanswered), then);
        }
        self.standing.unheard += 1;
        Next::Ask { again: false }
    }

    fn decide(&mut self, (now, cue): (Moment, CueId), decided: (Permission, Answer), then: Then) -> Next {
        let (permission, answer) = decided;
        self.standing.permission = permission;
        self.answered = Some(cue);
        Next::Decided(self.decision(now, answer), then)
    }

    fn decision(&self, at: Moment, answer: Answer) -> Decision {
        Decision {
            permission: self.standing.permission,
            answer,
            by_keys: false,
            asked: self.standing.asked,
            at,
        }
    }
}

#[cfg(test)]
mod tests;
