//! The services that a telephone agent is built on, as fakes on real sockets: they refuse what the real ones would, keep a
//! journal of what they were sent, and misbehave on command.

pub mod company_tools;
pub mod models;
pub mod openai_realtime;
pub mod spelled_speech;
pub mod stt;
pub mod tone_words;
pub mod voices;
