//! Streaming recognisers. They hear tone words, so that their words prove which bytes came.

mod deepgram;
mod dialect;
mod faults;
mod flux;
mod openai;
mod scribe;
mod server;

pub use self::{
    faults::{SttFault, SttPlan},
    server::{FakeStt, SttConnection, SttKind, SttSettings},
};
