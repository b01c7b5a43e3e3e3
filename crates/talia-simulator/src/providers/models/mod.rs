//! Services with language models.

mod chat_completions;
mod responses;
mod thinking;

pub use chat_completions::ChatCompletions;
pub use responses::Responses;
pub use thinking::{Fault, Journal, Mind, Part};
