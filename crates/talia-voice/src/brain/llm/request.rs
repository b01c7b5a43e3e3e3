//! What is asked of a model, and what comes back, in nobody's protocol.

use crate::brain::tools::{ToolCall, ToolSpec};
use std::sync::Arc;

/// One thing that has happened in the conversation, as the model is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The caller said this, or did it.
    Caller(String),
    /// We said this, and the caller heard it (or is hearing it).
    Said(String),
    /// The model asked for this.
    Call(ToolCall),
    /// This came of it.
    Output {
        /// The id of the call.
        id: String,
        /// What the model is told.
        output: String,
    },
}

/// One question to a model.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who it is and how it talks: the same in every turn of a call, so that providers can keep it read.
    pub instructions: Arc<str>,
    /// Everything that has happened, oldest first.
    pub items: Vec<Item>,
    /// What is true just now: the time, what is known of the caller. Data, behind everything else.
    pub context: String,
    /// What it may ask for.
    pub tools: Arc<[ToolSpec]>,
    /// Tokens that it may write.
    pub longest: u32,
}

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// It is at work on something that is useful only when it is complete: the arguments of a tool.
    Working,
    /// It asks for a tool.
    Call(ToolCall),
    /// The answer is complete.
    End,
    /// What it took, in tokens.
    Used(Tokens),
}

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Read.
    pub input: u64,
    /// Of them, from the provider's cache.
    pub cached: u64,
    /// Written, reasoning included.
    pub output: u64,
}

impl Request {
    /// About how many tokens it has: four characters each, as providers say of their tokenizers.
    pub(super) fn estimated_tokens(&self) -> u64 {
        let items: usize = self.items.iter().map(Item::length).sum();
        let tools: usize = self.tools.iter().map(|tool| tool.description.len() + 80).sum();
        tokens_of(self.instructions.len() + self.context.len() + items + tools)
    }
}

impl Item {
    fn length(&self) -> usize {
        match self {
            Self::Caller(text) | Self::Said(text) => text.len(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Output { output, .. } => output.len(),
        }
    }
}

/// About how many tokens so many bytes of text have.
pub(super) fn tokens_of(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}
