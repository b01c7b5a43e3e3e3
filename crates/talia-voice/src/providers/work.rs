//! What one call has taken of those who hear and speak for it: counted where they are given it, read by whoever pays.
//!
//! The lock is held when somebody is used for the first time and when it is read; counting is an addition.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A byte of 8 kHz μ-law lasts so many microseconds.
const MICROS_A_BYTE: u64 = 125;

/// The counts of one call; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Work(Arc<Mutex<Tallies>>);

/// By the providers' names.
type Tallies = Vec<(Arc<str>, Tally)>;

/// The counts of one provider in one call; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    texts: AtomicU64,
    characters: AtomicU64,
    audio: AtomicU64,
}

/// What a provider was given since it was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// Texts to be spoken.
    pub texts: u64,
    /// Their characters.
    pub characters: u64,
    /// Audio to be written down.
    pub audio: Duration,
}

impl Work {
    /// The counts of the provider with this name.
    pub fn of(&self, provider: &str) -> Tally {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tally)) = all.iter().find(|(name, _)| **name == *provider) {
            return tally.clone();
        }
        let tally = Tally::default();
        all.push((Arc::from(provider), tally.clone()));
        tally
    }

    /// What each was given since this was last asked; who was given nothing is not named.
    pub fn take(&self) -> Vec<(Arc<str>, Given)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = all.iter().map(|(name, tally)| (name.clone(), tally.take()));
        given.filter(|(_, given)| *given != Given::default()).collect()
    }
}

impl Tally {
    /// It was given a text to speak, which is paid for whatever becomes of it.
    pub fn speaks(&self, text: &str) {
        self.0.texts.fetch_add(1, Ordering::Relaxed);
        let characters = text.trim().chars().count() as u64;
        self.0.characters.fetch_add(characters, Ordering::Relaxed);
    }

    /// It was given so many bytes of μ-law to write down.
    pub fn hears(&self, bytes: u64) {
        self.0.audio.fetch_add(bytes, Ordering::Relaxed);
    }

    fn take(&self) -> Given {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Given {
            texts: take(&self.0.texts),
            characters: take(&self.0.characters),
            audio: Duration::from_micros(take(&self.0.audio) * MICROS_A_BYTE),
        }
    }
}
