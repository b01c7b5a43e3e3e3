//! Words that are constants of the program, read back from where they were written down.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A word of ours, never a caller's.
pub type Word = &'static str;

/// Those that were read. They are few: a program has only so many constants, and its spool holds nothing else here.
static READ: Mutex<BTreeSet<Word>> = Mutex::new(BTreeSet::new());

/// Reads one.
pub(super) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    String::deserialize(from).map(kept)
}

/// Reads one that may be missing.
pub(super) fn maybe_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Word>, D::Error> {
    Option::<String>::deserialize(from).map(|word| word.map(kept))
}

fn kept(word: String) -> Word {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = read.get(word.as_str()) {
        return known;
    }
    let new: Word = Box::leak(word.into_boxed_str());
    read.insert(new);
    new
}
