//! Telephone audio: μ-law, resampling, levels, the line's noise and band, and the features of the end-of-turn model.
//!
//! Everything here is arithmetic on slices: no clock, no socket.

pub mod frame;
pub mod level;
pub mod mel;
pub mod mix;
pub mod mulaw;
pub mod resample;
