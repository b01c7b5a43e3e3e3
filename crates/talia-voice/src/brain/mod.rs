//! The brain: from what the caller said to what TalIA says.
//!
//! A brain gets one [`Cue`] at a time and answers with [`Thought`]s through a bounded channel, so that a scripted brain
//! answers at once and a model streams its answer sentence by sentence. What it remembers is what the caller heard:
//! [`Brain::heard`] tells it.

mod expect;
pub(crate) mod introduction;
pub mod knowledge;
pub mod llm;
mod prompt;
pub mod realtime;
pub mod script;
mod senses;
pub mod tools;

pub use senses::{Sensed, Senses};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use talia_dialogue::{Cue, CueId, Entry, SpeechKind, TurnId};
use talia_spanish::Expectation;

/// Silence behind what was said after which a working tool is excused, again and again.
const EXCUSE_AFTER: Duration = Duration::from_secs(3);

/// How long a text takes to be said, about: 66 ms a character.
fn said_in(text: &str) -> Duration {
    Duration::from_millis(66) * text.chars().count() as u32
}

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thought {
    /// Say a sentence.
    Say { text: String, kind: SpeechKind },
    /// What kind of answer the caller is expected to give to what was just said.
    Expect(Expectation),
    /// A sentence that will probably be said later in this call.
    Foresee(String),
    /// What is known of the lead now.
    Lead(LeadDraft),
    /// End the call when all of this answer has been heard.
    EndCall,
    /// Hand the caller to a person when all of this answer has been heard.
    Transfer(Handover),
    /// The caller had not finished: they were cut off in the middle, or asked for time to think. Nothing is said; the
    /// dialogue waits for the rest, and asks again when none comes.
    NotYet { thinking: bool },
    /// A model was asked for this answer, or for one that nobody wanted any more.
    Used(Usage),
    /// The model has had all that one call may have of it: say goodbye.
    OverLimit,
    /// The answer is complete.
    Done,
}

/// What one request to a model took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The provider's name in the configuration.
    pub provider: String,
    /// Tokens read, those from the cache included.
    pub input_tokens: u64,
    /// Of them, read from the provider's cache.
    pub cached_tokens: u64,
    /// Tokens written, those of its reasoning included.
    pub output_tokens: u64,
    /// The provider did not tell: counted by the length of the texts.
    pub estimated: bool,
}

/// A thinking part of a call.
pub trait Brain: Send {
    /// Answers a cue. Thoughts go to the channel that the brain was made with.
    fn think(&mut self, cue: CueId, about: Cue);
    /// These words may be all of the caller's turn, which `revises` an earlier cue: a brain that is slow may begin to
    /// think, and say nothing of it before it is asked about the very same words.
    fn prepare(&mut self, _turn: TurnId, _text: &str, _revises: Option<CueId>) {}
    /// Nothing more of this cue's answer is wanted.
    fn forget(&mut self, cue: CueId);
    /// A line of the transcript is final: for the assistant, what was really heard of it.
    fn heard(&mut self, entry: &Entry);
    /// Whether the caller has asked not to be called any more.
    fn refuses_calls(&self) -> bool;
    /// The lead as far as it is known, for a call that ends in the middle.
    fn lead(&self) -> LeadDraft;
    /// All that is needed to go on in another process: JSON of the brain's own, with the caller's words in it.
    fn memory(&self) -> Result<serde_json::Value, serde_json::Error>;
    /// Goes on from what [`Self::memory`] gave; an error leaves the brain at the beginning.
    fn recall(&mut self, memory: serde_json::Value) -> Result<(), serde_json::Error>;
    /// Takes over from a brain that can't go on, with what that one knows of the lead and what its last question asks for.
    /// What was said is known already, by [`Self::heard`].
    fn adopt(&mut self, lead: LeadDraft, asked: Expectation);
    /// The caller said this to somebody else, who has answered it; what that one said comes by [`Self::heard`].
    fn answered_for(&mut self, _text: &str) {}
    /// What it wanted to begin with is not said: the caller already says what they need.
    fn passed_over(&mut self) {}
    /// The ears and the mouth of a brain that has its own.
    fn senses(&mut self) -> Option<&mut dyn Senses> {
        None
    }
    /// Waits for the next thing of the brain's own (a provider's words, a tool, a deadline) and deals with it. It is dropped
    /// and asked again whenever anything else happens in the call.
    fn attend(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// To whom a caller is handed, and with which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// An id of the configuration, never digits.
    pub destination: String,
    /// One sentence for the person, who hears it before the caller is joined.
    pub summary: String,
}

/// Why we call somebody, and what we know of them: for a conversation that we begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// What the call is about, as it may be said.
    pub purpose: Option<String>,
    /// Values for the gaps of the greeting.
    pub variables: BTreeMap<String, String>,
}

/// What is known about the person who called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadDraft {
    /// Full name.
    pub name: Option<String>,
    /// E-mail address, lower case.
    pub email: Option<String>,
    /// The e-mail was read back and confirmed.
    pub email_confirmed: bool,
    /// Telephone, E.164.
    pub phone: Option<String>,
    /// The telephone was read back (or offered) and confirmed.
    pub phone_confirmed: bool,
    /// Company.
    pub company: Option<String>,
    /// What the caller needs, in their words.
    pub purpose: Option<String>,
    /// Anything else a sales person should know.
    pub notes: Option<String>,
}

impl LeadDraft {
    /// Whether a sales person can do something with it: a person or a company, and a way to reach them.
    pub fn is_usable(&self) -> bool {
        (self.name.is_some() || self.company.is_some()) && (self.email.is_some() || self.phone.is_some())
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
