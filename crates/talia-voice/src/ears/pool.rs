//! A bounded pool for work that takes a processor: so many at a time, so many in the queue, the rest refused at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// Handle to a pool; clones share it.
#[derive(Debug, Clone)]
pub struct Pool {
    workers: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
    most_queued: usize,
}

impl Pool {
    /// `workers` jobs run at once, each on a thread of its own; `most_queued` more may wait.
    pub fn new(workers: usize, most_queued: usize) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(workers.max(1))),
            queued: Arc::new(AtomicUsize::new(0)),
            most_queued: most_queued + workers.max(1),
        }
    }

    /// Runs a job as soon as a worker is free; `false` when the queue is full.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        if self.queued.fetch_add(1, Ordering::AcqRel) >= self.most_queued {
            self.queued.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        let (workers, queued) = (self.workers.clone(), self.queued.clone());
        tokio::spawn(async move {
            if let Ok(_permit) = workers.acquire_owned().await {
                // A panic of an engine stays in its thread: the job counts as failed and the call goes on.
                let _ = tokio::task::spawn_blocking(job).await;
            }
            queued.fetch_sub(1, Ordering::AcqRel);
        });
        true
    }

    /// Jobs that run or wait.
    pub fn load(&self) -> usize {
        self.queued.load(Ordering::Acquire)
    }
}
