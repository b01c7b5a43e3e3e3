//! Writes text as it is spoken, and speech as phonemes.

mod calendar;
mod cardinals;
mod chunks;
mod english;
mod figures;
mod internet;
mod letters;
mod lexicon;
mod money;
mod names;
mod read_back;
mod telephone;
mod verbalize;

pub use letters::spell;
pub use read_back::{read_back_email, read_back_phone};
pub use verbalize::verbalize;
