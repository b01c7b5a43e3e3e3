//! Writes text as it is spoken, and speech as phonemes.
//!
//! The way of a reply: [`clauses`] cuts it for synthesis, [`verbalize`] turns figures and addresses into words,
//! [`phonemes`] gives the symbols that the Kokoro voice takes ([`ALPHABET`]). When the caller interrupts,
//! [`spoken_prefix`] tells which part of the written text was heard. Everything here is total: any text in, text out.

mod calendar;
mod cardinals;
mod chunks;
mod clauses;
mod english;
mod english_phonemes;
mod figures;
mod internet;
mod kokoro;
mod letters;
mod lexicon;
mod money;
mod names;
mod phonemes;
mod read_back;
mod spanish_phonemes;
mod syllables;
mod telephone;
mod verbalize;

pub use clauses::{clauses, sentences, spoken_prefix};
pub use kokoro::ALPHABET;
pub use letters::spell;
pub use phonemes::{phonemes, speech};
pub use read_back::{read_back_email, read_back_phone};
pub use verbalize::verbalize;
