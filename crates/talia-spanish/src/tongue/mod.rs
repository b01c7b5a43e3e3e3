//! Writes text as it is spoken, and speech as phonemes.
