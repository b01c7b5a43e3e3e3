//! A fixed set of native states, lent to one job at a time.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// States at work in this process, of all engines.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// How many engines' states are at work in this process: about as many cores are taken.
pub(crate) fn at_work() -> usize {
    AT_WORK.load(Ordering::Relaxed)
}

/// How often a waiting job looks whether it is still wanted.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Bounds both memory and threads: there is never more work under way than there are states.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    free: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(crate) fn new(states: Vec<T>) -> Self {
        assert!(!states.is_empty(), "a pool without states would wait for ever");
        Self {
            free: Mutex::new(states),
            returned: Condvar::new(),
        }
    }

    /// Waits for a free state.
    pub(crate) fn take(&self) -> Lease<'_, T> {
        let mut free = self.lock();
        loop {
            if let Some(state) = free.pop() {
                return Lease::new(self, state);
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for a free state as long as `wanted` says so.
    pub(crate) fn take_while(&self, wanted: impl Fn() -> bool) -> Option<Lease<'_, T>> {
        let mut free = self.lock();
        while wanted() {
            if let Some(state) = free.pop() {
                return Some(Lease::new(self, state));
            }
            (free, _) = self
                .returned
                .wait_timeout(free, LOOK_AGAIN)
                .unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// How many states nobody has at this moment.
    pub(crate) fn idle(&self) -> usize {
        self.lock().len()
    }

    // The list is whole at every point where a panic could happen, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed state; goes back on drop.
pub(crate) struct Lease<'a, T> {
    pool: &'a Pool<T>,
    state: Option<T>,
}

impl<'a, T> Lease<'a, T> {
    fn new(pool: &'a Pool<T>, state: T) -> Self {
        AT_WORK.fetch_add(1, Ordering::Relaxed);
        Self {
            pool,
            state: Some(state),
        }
    }
}

impl<T> Deref for Lease<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.state.as_ref().expect("held until drop")
    }
}

impl<T> DerefMut for Lease<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.state.as_mut().expect("held until drop")
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            AT_WORK.fetch_sub(1, Ordering::Relaxed);
            self.pool.lock().push(state);
            self.pool.returned.notify_one();
        }
    }
}
