//! The Spanish ear and tongue.
//!
//! [`ear`] reads what a recogniser wrote down (dictated e-mails, telephone numbers, names, yes and no) under an
//! [`Expectation`]; [`tongue`] writes text the way a Mexican would say it and turns it into phonemes.
//! [`cases`] are the dictated cases that both are judged by. Useful on its own: no I/O, no runtime, nothing of telephone calls.

#[cfg(feature = "cases")]
pub mod cases;
pub mod ear;
pub mod expectation;
pub mod tongue;

pub use expectation::{Expectation, Language};
