//! Telephone audio: μ-law, resampling, levels, speech segmentation, framing and pacing arithmetic.
//!
//! Everything here is arithmetic on slices: no clock, no socket, no allocation per frame.

pub mod frame;
pub mod mulaw;
