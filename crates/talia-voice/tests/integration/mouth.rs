//! Voices in the cloud against their fakes: what they say is read back from the audio, letter by letter.

mod calls;
mod continuing;
mod faults;
mod keeping;
pub(crate) mod stage;
mod wire;
