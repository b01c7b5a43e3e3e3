//! Telephone audio: μ-law, resampling, levels, speech segmentation, framing and pacing arithmetic.
//!
//! Everything here is arithmetic on slices: no clock, no socket, no allocation per frame.
//!
//! | on the way in | on the way out | for judging |
//! |---|---|---|
//! | [`mulaw`], [`gate`], [`segmenter`], [`ring`], [`echo`], [`mel`] | [`resample`], [`framer`], [`pacer`] | [`level`], [`mix`], [`wave`] |

pub mod echo;
pub mod frame;
pub mod framer;
pub mod gate;
pub mod level;
pub mod mel;
pub mod mix;
pub mod mulaw;
pub mod pacer;
pub mod resample;
pub mod ring;
pub mod segmenter;
pub mod wave;
