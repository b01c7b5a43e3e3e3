//! Pieces of audio that a recogniser was asked to write down, in order, until it has.

use std::collections::VecDeque;
use std::ops::Range;

/// Pieces that may be under way; the dialogue asks for two at most.
const MOST: usize = 16;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) span: Range<u64>,
    /// The service's name of it, once it is known.
    pub(super) item: Option<String>,
}

/// The bytes of one stream.
#[derive(Debug, Default)]
pub(super) struct Commits {
    sent: u64,
    committed: u64,
    /// Of it, what was not dropped.
    kept: u64,
    waiting: VecDeque<Commit>,
}

impl Commits {
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// Audio that no commit holds.
    pub(super) fn open(&self) -> Range<u64> {
        self.committed..self.sent
    }

    pub(super) fn open_bytes(&self) -> u64 {
        self.sent - self.committed
    }

    /// Everything sent so far becomes a piece.
    pub(super) fn commit(&mut self) {
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.kept += self.open_bytes();
        self.waiting.push_back(Commit {
            span: self.open(),
            item: None,
        });
        self.committed = self.sent;
    }

    /// The audio that commits hold or held.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// The audio that no commit holds is dropped.
    pub(super) fn drop_open(&mut self) {
        self.committed = self.sent;
    }

    /// The service has named the oldest piece without a name.
    pub(super) fn name(&mut self, item: &str) {
        if let Some(commit) = self.waiting.iter_mut().find(|commit| commit.item.is_none()) {
            commit.item = Some(item.to_owned());
        }
    }

    /// Whether the piece of that name is under way.
    pub(super) fn has(&self, item: &str) -> bool {
        self.waiting.iter().any(|commit| commit.item.as_deref() == Some(item))
    }

    /// The audio that running words of that name are about: they may come before the name does, which is given in order.
    pub(super) fn span_of(&self, item: &str) -> Range<u64> {
        let named = self.waiting.iter().find(|commit| commit.item.as_deref() == Some(item));
        let next = || self.waiting.iter().find(|commit| commit.item.is_none());
        named
            .or_else(next)
            .map_or_else(|| self.open(), |commit| commit.span.clone())
    }

    /// The audio that running words without a name are about.
    pub(super) fn oldest(&self) -> Range<u64> {
        self.waiting
            .front()
            .map_or_else(|| self.open(), |commit| commit.span.clone())
    }

    /// The piece of that name is done.
    pub(super) fn take(&mut self, item: &str) -> Option<Commit> {
        let place = self
            .waiting
            .iter()
            .position(|commit| commit.item.as_deref() == Some(item))?;
        self.waiting.remove(place)
    }

    /// The oldest piece is done.
    pub(super) fn take_oldest(&mut self) -> Option<Commit> {
        self.waiting.pop_front()
    }

    /// The oldest piece that has no name was refused.
    pub(super) fn take_unnamed(&mut self) -> Option<Commit> {
        let place = self.waiting.iter().position(|commit| commit.item.is_none())?;
        self.waiting.remove(place)
    }

    /// Up to here everything that was committed is done.
    pub(super) fn done_to(&self) -> u64 {
        self.waiting.front().map_or(self.committed, |commit| commit.span.start)
    }
}
