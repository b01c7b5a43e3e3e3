//! The offline conversation: an assistant described in a file, a few fields to fill, frequent questions to answer.

mod absorb;
mod agenda;
mod asking;
pub mod assistant;
mod assistant_error;
mod assistants;
mod fields;
mod greeting;
mod knowledge;
mod later_lines;
mod memory;
mod person;
mod phrase;
mod questions;
mod recording_notice;
mod recording_talk;
mod subject;
mod takeover;
mod talk;

pub use assistant::{Assistant, Field, Lines, MAX_VALUE, Outbound};
pub use assistant_error::AssistantError;
pub use assistants::Assistants;
pub(super) use phrase::Phrase;
pub(super) use questions::is_question;
pub use recording_talk::RecordingTalk;
pub use talk::ScriptBrain;
