//! The crate from outside: exhaustive, numeric and property tests.

mod level;
mod mel;
mod mix;
mod mulaw;
mod resample;
mod signal;
