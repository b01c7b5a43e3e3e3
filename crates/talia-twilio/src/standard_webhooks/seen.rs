//! The ids that were believed already, for as long as their signatures would still be believed.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest, Sha256};

use super::{Message, WINDOW_S};

/// What became of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It is new, and remembered from now on.
    New,
    /// It was seen before: a replay.
    Replay,
    /// There is no room to remember it. Only a holder of the secret can bring that about.
    Full,
}

/// A bounded memory of ids.
///
/// An id is kept until its moment of signing is out of the window, so that no replay can be
/// believed; when there is no room for another, it is [`Remembered::Full`] rather than an old one forgotten.
#[derive(Debug, Clone)]
pub struct SeenIds {
    capacity: usize,
    known: HashSet<u128>,
    /// By the last second at which the id's signature is believed.
    until: BTreeSet<(i64, u128)>,
}

impl SeenIds {
    /// Room for `capacity` ids, 48 bytes each or so.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            known: HashSet::new(),
            until: BTreeSet::new(),
        }
    }

    /// Remembers a message that was believed at `now_s`, seconds of Unix time.
    pub fn remember(&mut self, message: Message<'_>, now_s: i64) -> Remembered {
        while let Some(&(until, digest)) = self.until.first()
            && until < now_s
        {
            self.until.pop_first();
            self.known.remove(&digest);
        }
        let digest = digest(message.id);
        if self.known.contains(&digest) {
            return Remembered::Replay;
        }
        if self.known.len() >= self.capacity {
            return Remembered::Full;
        }
        self.known.insert(digest);
        self.until
            .insert((message.timestamp_s.saturating_add(WINDOW_S), digest));
        Remembered::New
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// Half of a SHA-256: ids take the same little room however long they are, and nobody finds two alike.
fn digest(id: &str) -> u128 {
    let whole = Sha256::digest(id.as_bytes());
    whole
        .iter()
        .take(16)
        .fold(0, |digest, byte| digest << 8 | u128::from(*byte))
}
