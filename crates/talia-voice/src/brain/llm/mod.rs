//! The brain that thinks with language models: a chain of them, and the script when all of them are gone.
//!
//! A model's words go to the mouth clause by clause while they come. The disclosure, the greeting, nudges and goodbyes are
//! the assistant's fixed phrases: no model can skip or reword them. What a model remembers is what the caller heard.

mod answering;
mod attempts;
mod chat_completions;
mod generation;
mod history;
mod mind;
mod model;
mod race;
mod refusal;
mod request;
mod responses;
mod speech;
mod sse;
mod takeover;

pub use mind::{LlmBrain, Session};
pub use model::Models;
pub use race::{AttemptId, Order, Pace, Race};
pub use speech::{Piece, Speech};
pub use sse::{SseEvent, SseParser, TooLong};
