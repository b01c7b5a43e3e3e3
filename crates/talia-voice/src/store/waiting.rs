//! What waits for the database, in order: in the spool, and in memory what the spool doesn't take.

use super::spool::{Spool, Taken};
use super::write::Write;
use crate::telemetry::Metrics;
use crate::telemetry::labels::StoreFault;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Where a write waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On disk: no death of this process loses it.
    Disk,
    Memory,
    /// Nowhere: there is no room left.
    Nowhere,
}

/// The oldest writes, and where they wait. They have to go back to [`Waiting::done`].
#[must_use]
pub(super) struct Oldest {
    pub(super) writes: Vec<Write>,
    taken: Option<Taken>,
}

/// What waits for the database. What is in memory came behind what is in the spool.
pub(super) struct Waiting {
    /// None without one, and while a thread has it.
    spool: Option<Spool>,
    memory: VecDeque<Write>,
    /// How many wait in memory.
    longest_memory: usize,
    /// The spool took nothing the last time.
    failing: bool,
    metrics: Arc<Metrics>,
}

/// Whether a record of the spool is a write.
pub(super) fn reads(record: &[u8]) -> bool {
    serde_json::from_slice::<Write>(record).is_ok()
}

impl Waiting {
    pub(super) fn new(spool: Option<Spool>, longest_memory: usize, metrics: Arc<Metrics>) -> Self {
        let waiting = Self {
            spool,
            memory: VecDeque::new(),
            longest_memory,
            failing: false,
            metrics,
        };
        waiting.note();
        waiting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> u64 {
        self.memory.len() as u64 + self.spool.as_ref().map_or(0, Spool::waiting)
    }

    /// How many would be lost with this process.
    pub(super) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// Whether what comes now will wait on disk, as far as anybody knows.
    pub(super) fn is_durable(&self) -> bool {
        self.spool.is_some() && !self.failing
    }

    /// Puts writes behind the others; says where each waits then.
    pub(super) async fn put(&mut self, writes: Vec<Write>) -> Vec<Place> {
        let places = if writes.is_empty() || self.put_on_disk(&writes).await {
            vec![Place::Disk; writes.len()]
        } else {
            self.put_in_memory(writes)
        };
        self.note();
        places
    }

    /// What waits in memory goes first, so that the order stands.
    async fn put_on_disk(&mut self, writes: &[Write]) -> bool {
        if self.spool.is_none() {
            return false;
        }
        let put = match records(self.memory.iter().chain(writes)) {
            Ok(records) => {
                self.with_spool(move |spool| spool.append(records.iter().map(Vec::as_slice)))
                    .await
            }
            Err(error) => Err(error.into()),
        };
        match put {
            Ok(()) => {
                self.failing = false;
                self.memory.clear();
            }
            Err(error) => self.failed(
                &error,
                "the spool took nothing: what waits for the database waits in memory",
            ),
        }
        !self.failing
    }

    fn put_in_memory(&mut self, writes: Vec<Write>) -> Vec<Place> {
        let mut places = Vec::with_capacity(writes.len());
        for write in writes {
            if self.memory.len() < self.longest_memory {
                self.memory.push_back(write);
                places.push(Place::Memory);
            } else {
                places.push(Place::Nowhere);
            }
        }
        places
    }

    /// The oldest ones, at most so many.
    pub(super) async fn oldest(&mut self, at_most: usize) -> io::Result<Oldest> {
        while self.spool.as_ref().is_some_and(|spool| spool.waiting() > 0) {
            let read = self.with_spool(move |spool| spool.oldest(at_most)).await;
            let taken = read.inspect_err(|error| self.failed(error, "the spool can't be read"))?;
            let parsed = taken
                .records
                .iter()
                .map_while(|record| serde_json::from_slice(record).ok());
            let oldest = Oldest {
                writes: parsed.collect(),
                taken: Some(taken),
            };
            if !oldest.writes.is_empty() {
                return Ok(oldest);
            }
            // Whatever it is, it doesn't hold up the others.
            self.metrics.spool_damaged.inc();
            tracing::error!("a record of the spool is no write, and is passed over");
            self.done(oldest, 1).await;
        }
        let count = at_most.min(self.memory.len());
        Ok(Oldest {
            writes: self.memory.drain(..count).collect(),
            taken: None,
        })
    }

    /// Forgets the first `count` of them: the database has them, or refuses them for ever. The others go on waiting.
    pub(super) async fn done(&mut self, oldest: Oldest, count: usize) {
        match oldest.taken {
            Some(_) if count == 0 => {}
            Some(taken) => {
                // What is not forgotten on disk is written once more by the next process, which changes nothing.
                if let Err(error) = self.with_spool(move |spool| spool.done(&taken, count)).await {
                    self.failed(&error, "the spool can't be cleared");
                }
            }
            None => {
                for write in oldest.writes.into_iter().skip(count).rev() {
                    self.memory.push_front(write);
                }
            }
        }
        self.note();
    }

    /// Gives the spool up, with what waits in it.
    pub(super) async fn close(mut self) {
        if let Some(spool) = self.spool.take() {
            let left = spool.waiting();
            if left > 0 {
                tracing::warn!(
                    spool.records = left,
                    "closed while the database could not be written: the next start writes them"
                );
            }
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || spool.close()).await {
                tracing::warn!(%error, "the spool's file could not be removed");
            }
        }
    }

    /// On a thread that may wait for a disk.
    async fn with_spool<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(mut spool) = self.spool.take() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&mut spool);
            (spool, result)
        });
        let (spool, result) = worked.await.map_err(io::Error::other)?;
        self.spool = Some(spool);
        result
    }

    /// Counts each failure, and tells of the first.
    fn failed(&mut self, error: &io::Error, what: &str) {
        self.metrics.store_error(StoreFault::Spool);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "{what}");
        }
    }

    fn note(&self) {
        let bytes = self.spool.as_ref().map_or(0, Spool::bytes);
        self.metrics.store_backlog.set(self.len().cast_signed());
        self.metrics.spool_bytes.set(bytes.cast_signed());
    }
}

fn records<'a>(writes: impl Iterator<Item = &'a Write>) -> serde_json::Result<Vec<Vec<u8>>> {
    writes.map(serde_json::to_vec).collect()
}
