//! Acts are written down before they happen, and what came of them after.

use futures::future::BoxFuture;

/// An act that is about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The tool.
    pub tool: String,
    /// Names the act within its call: the same one is never begun twice.
    pub key: String,
    /// It leaves this server: it may only happen when its row is on disk. What stays here (the lead, the end of the call)
    /// has a row of its own, and doesn't wait for a disk that is slow.
    pub durably: bool,
}

/// What the log says to an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It may happen now.
    Written,
    /// It was begun before, and this is what is known of it.
    Before(ActState),
    /// It couldn't be written down: it must not happen.
    Unwritable,
}

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActState {
    /// Written down, and nothing more is known: it runs, or its process ended.
    Begun,
    /// It happened.
    Done,
    /// It surely did not happen.
    Failed,
    /// It was sent, and no answer came.
    Unknown,
}

/// Where the acts of one call are written down.
pub trait ActLog: Send + Sync {
    /// Writes an act down.
    fn begin(&self, act: Act) -> BoxFuture<'static, Begun>;
    /// Writes down what came of it; doesn't wait.
    fn end(&self, key: &str, state: ActState);
    /// So often models have wished to use a tool in this call, whatever came of it.
    fn wished(&self, times: u32);
}
