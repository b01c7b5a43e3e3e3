//! Streaming recognisers against faithful fakes: no word lost, none doubled, nobody kept waiting.

mod bad_input;
mod calls;
mod cuts;
mod faults;
mod mixes;
mod pure;
pub(crate) mod rig;
