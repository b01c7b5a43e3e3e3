//! One answer in the making: the race for it, what was asked, and what has come of it.

use super::race::Race;
use super::request::{Delta, Item, Request};
use super::speech::Speech;
use crate::brain::tools::{ToolCall, ToolOutcome};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{CueId, TurnId};

/// A tool's future, with the name of the request.
pub(super) type Running = BoxFuture<'static, (String, ToolOutcome)>;

/// One generation of text and requests for tools.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) race: Race,
    pub(super) request: Arc<Request>,
    pub(super) speech: Speech,
    pub(super) calls: Vec<ToolCall>,
    /// Something of it was said.
    pub(super) spoke: bool,
}

/// The turn that is being answered.
pub(super) struct Turn {
    pub(super) cue: CueId,
    /// What the caller said; empty where the cue was about something else.
    pub(super) words: String,
    /// What the model has to know beside the conversation.
    pub(super) note: Option<&'static str>,
    /// The rest of the caller's words may still be waited for.
    pub(super) may_wait: bool,
    pub(super) generation: Option<Generation>,
    /// Generations of this turn whose tools were used.
    pub(super) rounds: u8,
    /// Generations that went on where another one broke off.
    pub(super) continued: u8,
    /// Models that fell silent in this turn.
    pub(super) silent: Vec<usize>,
    /// Everything said in this turn.
    pub(super) said: Vec<String>,
    pub(super) tools: FuturesUnordered<Running>,
    /// A tool wants nothing more to be thought about.
    pub(super) over: bool,
    /// The call ends, or the caller is handed over, behind this answer.
    pub(super) leaves: Option<Leaving>,
    /// What a tool's own question expects.
    pub(super) expects: Option<talia_spanish::Expectation>,
    /// Until when what was said will last, about.
    pub(super) speaks_until: Duration,
}

/// How a call is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    Goodbye,
    Transfer,
}

/// An answer to words that may be all of a turn.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) turn: TurnId,
    pub(super) generation: Generation,
    /// What has come, kept until the turn is over.
    pub(super) deltas: Vec<Delta>,
}

impl Ahead {
    /// Whether this is the answer to a question with these items: the same conversation, and the same words at its end.
    pub(super) fn fits(&self, items: &[Item]) -> bool {
        let (Some((Item::Caller(ours), before)), Some((Item::Caller(theirs), others))) =
            (self.generation.request.items.split_last(), items.split_last())
        else {
            return false;
        };
        before == others && same_words(ours, theirs)
    }
}

/// Whether two texts have the same words, whatever the case and the punctuation.
pub(super) fn same_words(one: &str, other: &str) -> bool {
    words(one).eq(words(other))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}
