//! Tools: what a model may do in a call beside speaking.
//!
//! The model is an untrusted party. It names a tool and sends arguments; which call it is, whose company it is and what
//! the caller really said come from the call itself. A [`Toolbox`] belongs to one call and decides: what is refused is
//! refused in words that the model can act on, and counted by reason.

pub mod act_log;
mod call_tools;
mod catalogue;
mod consent;
mod http_tool;
mod lead;
mod mcp;
mod mission;
mod own;
mod questions;
mod schema;

pub use call_tools::{CallTools, ToolSession};
pub(crate) use consent::{Reading, folded, offers_own_number, reads_out_email, reads_out_phone};

pub use catalogue::{Catalogue, ToolError, Tools};

use super::{LeadDraft, Thought};
use futures::future::BoxFuture;
use serde_json::Value;
use talia_dialogue::Entry;

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// ASCII letters, digits, `_` and `-`; at most 64 of them.
    pub name: String,
    /// What it is for, to a model.
    pub description: String,
    /// JSON Schema of its arguments: an object without further properties.
    pub parameters: Value,
}

/// A wish of a model to use a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The provider's id of this wish: the same id is never done twice.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, as the model wrote it.
    pub arguments: String,
}

/// What came of a wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolOutcome {
    /// For the model.
    pub output: String,
    /// For the call, in this order: what is now known of the lead, a sentence that has to be said in exactly these words
    /// (the question that asks the caller for a yes, with what is expected then), a transfer, the end.
    pub thoughts: Vec<Thought>,
    /// Nothing more is to be thought about in this turn: the caller is asked, handed over or said goodbye to.
    pub ends_turn: bool,
}

/// The tools of one call.
pub trait Toolbox: Send {
    /// All that a model may name.
    fn specs(&self) -> &[ToolSpec];
    /// What a model should know before it speaks: the company's facts, when there are few enough. Empty: nothing.
    fn facts(&self) -> &str;
    /// Begins a wish, once the caller's turn is known to be over. It is judged now and ends by itself within its time
    /// limit; whoever drops the future discards its result, not its effect.
    fn begin(&mut self, call: ToolCall) -> BoxFuture<'static, ToolOutcome>;
    /// A line of the transcript is final. Consent is read from these lines alone.
    fn heard(&mut self, entry: &Entry);
    /// The caller pressed keys.
    fn pressed(&mut self, digits: &str);
    /// The lead as far as it is known.
    fn lead(&self) -> LeadDraft;
    /// Takes over what is known of the lead from a conversation without tools: every model was gone for a while.
    fn adopt(&mut self, lead: LeadDraft);
    /// All that is needed to go on in another process.
    fn memory(&self) -> Result<Value, serde_json::Error>;
    /// Goes on from what [`Self::memory`] gave; an error leaves everything as it was.
    fn recall(&mut self, memory: Value) -> Result<(), serde_json::Error>;
}
