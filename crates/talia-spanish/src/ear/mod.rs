//! Reads what was heard: fields, agreement, corrections, and the small sounds of listening.

pub mod listening;
