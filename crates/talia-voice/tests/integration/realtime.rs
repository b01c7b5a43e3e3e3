//! Whole calls with a speech-to-speech brain.

mod calls;
mod faults;
mod moments;
pub(crate) mod stage;
