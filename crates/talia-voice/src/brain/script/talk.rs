//! The conversation itself: takes a cue, updates what is known, says what comes next.

use super::{
    agenda::Pending,
    assistant::{Assistant, Field},
    fields::{Fields, TRIES},
    knowledge::Knowledge,
    phrase::{Phrase, fill},
    questions,
};
use crate::brain::{Brain, Errand, Handover, LeadDraft, Thought};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use talia_dialogue::{Cue, CueId, EndReason, Entry, Speaker, SpeechKind};
use talia_spanish::{
    Expectation,
    ear::{self, Heard},
    tongue,
};
use tokio::sync::mpsc;

/// Where a brain's thoughts go.
type Thoughts = mpsc::Sender<(CueId, Thought)>;

/// How many cues can be taken back when the caller goes on talking.
const REMEMBERED_CUES: usize = 4;

/// The scripted brain of one call.
pub struct ScriptBrain {
    pub(super) assistant: Arc<Assistant>,
    knowledge: Arc<Knowledge>,
    pub(super) caller_number: Option<String>,
    errand: Option<Errand>,
    /// The destination of callers who want a person, while somebody is there.
    pub(super) person: Option<String>,
    thoughts: Thoughts,
    pub(super) state: State,
    before: Vec<(CueId, State)>,
}

/// All that changes in a conversation; kept before each cue so that the cue can be taken back.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) fields: Fields,
    pub(super) pending: Pending,
    /// The last question as it was said, and whether the caller heard it to its end.
    pub(super) question: Option<String>,
    pub(super) question_heard: bool,
    #[serde(with = "super::memory::counts")]
    pub(super) asked: HashMap<Pending, usize>,
    pub(super) usted: bool,
    pub(super) benefit_said: bool,
    pub(super) person_wanted: bool,
    /// The name was taken down in the last turn.
    pub(super) name_is_fresh: bool,
    pub(super) lost: usize,
    pub(super) fillers: usize,
    /// The caller needs nothing more.
    pub(super) done: bool,
    /// Goodbye was said.
    pub(super) closing: bool,
    /// The caller is being handed to a person.
    pub(super) transferring: bool,
    /// The caller doesn't want to be called any more.
    pub(super) refuses_calls: bool,
    /// A person was called, and nobody answered.
    pub(super) nobody_answered: bool,
    /// Sentences of the last answer that the caller hasn't heard to their end.
    pub(super) unheard: Vec<String>,
}

/// One answer while it is put together.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) said: Vec<(String, SpeechKind)>,
    pub(super) end: bool,
    pub(super) transfer: Option<Handover>,
}

impl Reply {
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.said.push((text.into(), SpeechKind::Answer));
    }
}

impl ScriptBrain {
    /// A conversation of `assistant` with the person calling from `caller_number` (E.164, where it is known).
    pub fn new(assistant: Arc<Assistant>, caller_number: Option<String>, thoughts: Thoughts) -> Self {
        let knowledge = assistant.knowledge();
        Self {
            assistant,
            knowledge,
            caller_number,
            errand: None,
            person: None,
            thoughts,
            state: State::default(),
            before: Vec::new(),
        }
    }

    /// The conversation is one that we begin.
    #[must_use]
    pub fn on_errand(mut self, errand: Option<Errand>) -> Self {
        self.errand = errand;
        self
    }

    /// The greeting: of a call that we make, the one for such calls.
    fn greeting(&self) -> Option<String> {
        let (Some(errand), Some(outbound)) = (&self.errand, &self.assistant.outbound) else {
            return self.line(&self.assistant.greeting);
        };
        let filled = fill(outbound.greeting.text(self.state.usted), |gap| match gap {
            "purpose" => errand.purpose.as_deref(),
            name => errand
                .variables
                .get(name)
                .map(String::as_str)
                .or_else(|| self.assistant.own(name)),
        });
        filled.or_else(|| self.line(&self.assistant.greeting))
    }

    /// Hands callers who want a person to this destination, an id of the configuration.
    #[must_use]
    pub fn with_person(mut self, destination: Option<String>) -> Self {
        self.person = destination;
        self
    }

    pub(super) fn line(&self, phrase: &Phrase) -> Option<String> {
        let draft = &self.state.fields.draft;
        let given = draft.name.as_deref().and_then(|name| name.split_whitespace().next());
        fill(phrase.text(self.state.usted), |gap| match gap {
            "name" => given,
            "full_name" => draft.name.as_deref(),
            "email" => draft.email.as_deref(),
            "phone" => draft.phone.as_deref(),
            "company" => draft.company.as_deref(),
            "need" => draft.purpose.as_deref(),
            own => self.assistant.own(own),
        })
    }

    pub(super) fn say(&self, reply: &mut Reply, phrase: &Phrase) {
        if let Some(text) = self.line(phrase) {
            reply.say(text);
        }
    }

    fn answer(&mut self, about: &Cue) -> Reply {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        let mut reply = Reply::default();
        match about {
            Cue::Opening => {
                reply.said.push((assistant.disclosure_text(), SpeechKind::Disclosure));
                let greeting = self.greeting();
                if let Some(text) = &greeting {
                    reply.say(text.clone());
                }
                self.ask_as(Pending::Field(Field::Need), greeting);
            }
            Cue::Resumed { words, why } => self.resume(&mut reply, words, *why),
            Cue::Turn { text, .. } => self.turn(&mut reply, text),
            Cue::Digits(digits) => self.digits(&mut reply, digits),
            Cue::NotUnderstood => self.not_understood(&mut reply),
            Cue::Silence { nudge } => {
                let which = (usize::from(*nudge).saturating_sub(1)) % lines.still_there.len();
                if let Some(text) = self.line(&lines.still_there[which]) {
                    reply.said.push((text, SpeechKind::Nudge));
                }
                if let Some(question) = self.state.question.clone() {
                    reply.said.push((question, SpeechKind::Nudge));
                }
            }
            Cue::Filler => {
                let which = self.state.fillers % lines.filler.len();
                self.state.fillers += 1;
                if let Some(text) = self.line(&lines.filler[which]) {
                    reply.said.push((text, SpeechKind::Filler));
                }
            }
            // It may be that nobody answers there: the conversation isn't over.
            Cue::Closing(EndReason::Transferred) => {
                if let Some(text) = lines.transfer.as_ref().and_then(|phrase| self.line(phrase)) {
                    reply.said.push((text, SpeechKind::Goodbye));
                }
                reply.end = true;
            }
            Cue::Closing(reason) => {
                let phrase = match reason {
                    EndReason::Silence => &lines.goodbye_silence,
                    EndReason::Failure => &lines.apology,
                    _ => &lines.goodbye_limit,
                };
                self.goodbye(&mut reply, phrase);
            }
        }
        reply
    }

    pub(super) fn turn(&mut self, reply: &mut Reply, text: &str) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        // Promised only where there is a number that can be kept from being called.
        let refuses_calls = self.caller_number.is_some() && ear::refuses_calls(text);
        self.state.refuses_calls |= refuses_calls;
        if self.state.closing {
            // "Gracias, adiós" over our own goodbye: nothing more is to be said.
            reply.end = true;
            return;
        }
        if std::mem::take(&mut self.state.transferring) {
            // Who speaks on before the person is called has thought better of it.
            self.state.person_wanted = false;
        }
        // A question that was cut before its end has not been asked: its answer can't be what was said.
        let pending = if self.state.question_heard {
            self.state.pending
        } else {
            Pending::Nothing
        };
        if !self.state.question_heard
            && let Some(asked) = self.state.asked.get_mut(&self.state.pending)
        {
            *asked = asked.saturating_sub(1);
        }
        let is_question = questions::is_question(text, assistant.language);
        let context = ear::Context {
            // A question is no answer: "¿cuánto cuesta?" is nobody's name.
            expectation: if is_question {
                Expectation::Open
            } else {
                self.state.pending.expectation()
            },
            language: assistant.language,
            country: ear::Country::from_iso(&assistant.country).unwrap_or_default(),
        };
        let heard = ear::read_in(text, context);
        self.state.usted |= heard.usted;
        if let Some(understood) = lines.do_not_call.as_ref().filter(|_| refuses_calls) {
            self.goodbye(reply, understood);
            return;
        }

        if heard.asks_repeat {
            if let Some(question) = self.state.question.clone() {
                self.say(reply, &lines.repeat);
                reply.say(question);
            } else {
                self.ask_next(reply);
            }
            return;
        }
        if heard.thinks && !has_field(&heard) && heard.agreement.is_none() {
            self.say(reply, &lines.take_your_time);
            return;
        }
        let mut understood = false;
        if heard.asks_if_machine {
            understood = true;
            self.say(reply, &lines.machine);
        }
        if heard.wants_person && !self.state.person_wanted {
            understood = true;
            if self.want_person(reply) {
                return;
            }
        }
        let known_answer = if is_question {
            self.knowledge.answer(text).cloned()
        } else {
            None
        };
        let before = reply.said.len();
        understood |= self.absorb(reply, text, &heard, pending, is_question);
        if let Some(answer) = &known_answer {
            understood = true;
            self.say(reply, answer);
        } else if is_question
            && !has_field(&heard)
            && !heard.asks_if_machine
            && !heard.wants_person
            && (pending == Pending::Field(Field::Need) || before == reply.said.len())
        {
            understood = true;
            self.note(&format!("Preguntó: {}", text.trim()));
            self.say(reply, &lines.unknown_answer);
        }
        // A conversation that turns in a circle: what was said is noted, and a person takes it from there.
        let enough = pending == Pending::AnythingElse && !is_question && self.tries(pending) > TRIES + 2;
        if self.state.done || enough || (heard.says_goodbye && !has_field(&heard) && known_answer.is_none()) {
            self.goodbye(reply, &lines.goodbye);
            return;
        }
        if understood {
            self.state.lost = 0;
        } else {
            self.not_understood(reply);
            return;
        }
        self.benefit(reply);
        self.ask_next(reply);
    }

    fn digits(&mut self, reply: &mut Reply, digits: &str) {
        let confirming = matches!(
            self.state.pending,
            Pending::ConfirmEmail | Pending::ConfirmPhone | Pending::OfferPhone | Pending::AnythingElse
        );
        let as_words = match digits.trim_end_matches('#') {
            "1" if confirming => "sí".to_owned(),
            "2" if confirming => "no".to_owned(),
            "0" => {
                if !self.want_person(reply) {
                    self.ask_next(reply);
                }
                return;
            }
            number => number.to_owned(),
        };
        self.turn(reply, &as_words);
    }

    fn not_understood(&mut self, reply: &mut Reply) {
        let assistant = self.assistant.clone();
        let lines = &assistant.lines;
        self.state.lost += 1;
        let lost = self.state.lost;
        self.say(reply, &lines.lost[(lost - 1) % lines.lost.len()]);
        self.offer_keys(reply);
        // After three misses the question is let go, so that nobody is held at one field.
        if lost > TRIES {
            self.state.lost = 0;
            match self.state.pending {
                Pending::Field(Field::Email) | Pending::ConfirmEmail => {
                    self.state.fields.without_email = true;
                    self.state.fields.draft.email = None;
                    self.say(reply, &lines.email_given_up);
                }
                Pending::Field(Field::Phone) | Pending::ConfirmPhone | Pending::OfferPhone => {
                    self.state.fields.without_phone = true;
                    self.state.fields.draft.phone = None;
                    self.say(reply, &lines.phone_given_up);
                }
                Pending::Field(Field::Company) => self.state.fields.without_company = true,
                Pending::Field(Field::Name | Field::Need) | Pending::AnythingElse | Pending::Nothing => {
                    self.state.person_wanted = true;
                    self.say(reply, &lines.person);
                    if self.state.asked.values().sum::<usize>() > 12 {
                        self.goodbye(reply, &lines.goodbye);
                        return;
                    }
                }
            }
        }
        self.ask_next(reply);
    }

    pub(super) fn goodbye(&mut self, reply: &mut Reply, phrase: &Phrase) {
        if let Some(text) = self.line(phrase) {
            reply.said.push((text, SpeechKind::Goodbye));
        }
        self.state.closing = true;
        reply.end = true;
    }

    pub(super) fn note(&mut self, text: &str) {
        let notes = self.state.fields.draft.notes.get_or_insert_default();
        if !notes.is_empty() {
            notes.push(' ');
        }
        notes.push_str(text);
    }

    /// Gives a whole answer out. What was known before decides whether the lead is news; `about` what is remembered.
    pub(super) fn give(&mut self, cue: CueId, reply: Reply, known: &LeadDraft, about: &Cue) {
        let mut sentences = Vec::new();
        for (text, kind) in reply.said {
            for sentence in tongue::sentences(&text) {
                let text = sentence.trim().to_owned();
                sentences.push(text.clone());
                self.send(cue, Thought::Say { text, kind });
            }
        }
        if !matches!(about, Cue::Filler | Cue::Silence { .. }) {
            self.state.unheard = sentences;
        }
        if self.state.fields.draft != *known {
            self.send(cue, Thought::Lead(self.state.fields.draft.clone()));
        }
        if !matches!(about, Cue::Filler) {
            self.send(cue, Thought::Expect(self.expectation()));
        }
        for sentence in self.foreseen() {
            self.send(cue, Thought::Foresee(sentence));
        }
        if let Some(handover) = reply.transfer {
            self.send(cue, Thought::Transfer(handover));
        } else if reply.end {
            self.send(cue, Thought::EndCall);
        }
        self.send(cue, Thought::Done);
    }

    fn send(&self, cue: CueId, thought: Thought) {
        // The channel holds many answers; a full one means that nobody listens any more.
        if self.thoughts.try_send((cue, thought)).is_err() {
            tracing::debug!("a thought had no listener");
        }
    }
}

impl Brain for ScriptBrain {
    fn think(&mut self, cue: CueId, about: Cue) {
        if let Cue::Turn {
            revises: Some(revised), ..
        } = &about
            && let Some(index) = self.before.iter().position(|(earlier, _)| earlier == revised)
        {
            let question_heard = self.state.question_heard;
            self.state = self.before[index].1.clone();
            self.before.truncate(index);
            // What was heard in between stays heard.
            self.state.question_heard |= question_heard;
        }
        if self.before.len() == REMEMBERED_CUES {
            self.before.remove(0);
        }
        self.before.push((cue, self.state.clone()));
        let draft_before = self.state.fields.draft.clone();
        let reply = self.answer(&about);
        self.give(cue, reply, &draft_before, &about);
    }

    fn forget(&mut self, _cue: CueId) {}

    fn heard(&mut self, entry: &Entry) {
        if entry.speaker == Speaker::Assistant
            && entry.unheard.is_none()
            && let Some(place) = self.state.unheard.iter().position(|sentence| *sentence == entry.text)
        {
            // Whatever stands before it was heard or skipped.
            self.state.unheard.drain(..=place);
        }
        let Some(question) = self
            .state
            .question
            .as_deref()
            .filter(|_| entry.speaker == Speaker::Assistant)
        else {
            return;
        };
        let text = entry.text.trim();
        // Who interrupts the second half of a question has understood it.
        let heard = if entry.unheard.is_none() {
            !text.is_empty() && question.ends_with(text)
        } else {
            question.starts_with(text) && text.len() * 2 >= question.len()
        };
        self.state.question_heard |= heard;
    }

    fn refuses_calls(&self) -> bool {
        self.state.refuses_calls
    }

    fn lead(&self) -> LeadDraft {
        self.state.fields.draft.clone()
    }

    fn memory(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&self.state)
    }

    fn recall(&mut self, memory: serde_json::Value) -> Result<(), serde_json::Error> {
        self.state = serde_json::from_value(memory)?;
        Ok(())
    }

    fn passed_over(&mut self) {
        // Nobody has to hear "¿En qué te ayudo?" to answer it.
        self.state.question_heard = true;
        self.state.unheard.clear();
    }

    fn adopt(&mut self, lead: LeadDraft, asked: Expectation) {
        self.inherit(lead, asked, false);
        // Somebody else asked whatever is open now.
        self.state.question = None;
        self.state.unheard.clear();
    }
}

impl ScriptBrain {
    /// What kind of answer the open question asks for.
    pub fn expectation(&self) -> Expectation {
        self.state.pending.expectation()
    }
}

pub(super) fn has_field(heard: &Heard) -> bool {
    heard.name.is_some() || heard.email.is_some() || heard.phone.is_some() || heard.company.is_some()
}
