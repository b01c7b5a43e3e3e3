//! How many callers this process listens to: who is the only one may have all of the machine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The count; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Callers(Arc<AtomicUsize>);

impl Callers {
    /// One more, until it is dropped.
    pub(super) fn enter(&self) -> Caller {
        self.0.fetch_add(1, Ordering::Relaxed);
        Caller(self.clone())
    }
}

/// One that is listened to.
#[derive(Debug)]
pub(super) struct Caller(Callers);

impl Caller {
    /// Nobody else is listened to at this moment.
    pub(super) fn is_alone(&self) -> bool {
        self.0.0.load(Ordering::Relaxed) == 1
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
