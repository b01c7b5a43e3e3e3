//! The brain that thinks with models, alone: cues go in, thoughts come out, the models are fakes on real sockets.

mod faults;
mod hosted;
mod memory;
mod pieces;
mod race;
pub(crate) mod talk;
mod turns;
