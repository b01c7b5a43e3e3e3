//! The crate from outside: exhaustive, numeric and property tests.

mod echo;
mod framer;
mod gate;
mod level;
mod mel;
mod mix;
mod mulaw;
mod pacer;
mod resample;
mod ring;
mod segmenter;
mod signal;
mod wave;
