//! Voices in the cloud. What they say is [spelled](super::spelled_speech), so that a recording tells the words.

mod aura;
mod cartesia;
mod elevenlabs;
mod manner;
mod openai;
mod performing;
mod stage;

pub use manner::{Manner, VoiceFault};
pub use stage::{Asked, FakeVoice};
