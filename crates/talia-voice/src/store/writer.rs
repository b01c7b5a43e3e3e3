//! The one task that writes: many writes in one transaction, each acknowledged after the commit.

use super::StoreError;
use super::calls::Events;
use super::engine::{Connection, Engine};
use super::erasures;
use super::ids::Ids;
use super::outbox::{self, EventType, OutboxRow};
use super::write::{Write, Written};
use crate::clock::Clock;
use crate::telemetry::Metrics;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Writes in one transaction: enough to make the cost of a commit small, few enough to keep it short.
const GROUP: usize = 256;
/// How long to wait before the database is tried again, at first and at most.
const RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// How often what waits in memory is tried once more when the store closes.
const LAST_TRIES: u32 = 5;

/// A write and who wants to know of it.
pub(super) struct Job {
    pub(super) write: Write,
    pub(super) reply: Option<oneshot::Sender<Result<Written, StoreError>>>,
}

/// The task's state.
pub(super) struct Writer {
    pub(super) engine: Engine,
    pub(super) connection: Option<Connection>,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) committed: broadcast::Sender<Arc<OutboxRow>>,
    pub(super) clock: Clock,
    pub(super) ids: Arc<Ids>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) backlog: VecDeque<Write>,
    pub(super) longest_backlog: usize,
    /// Events of commits whose answer was lost.
    pub(super) in_doubt: Vec<OutboxRow>,
    /// The last failure leaves open whether the writes were done.
    pub(super) doubtful: bool,
    pub(super) closing: CancellationToken,
}

impl Writer {
    pub(super) async fn run(mut self) {
        let mut retry = RETRY;
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                received = self.jobs.recv_many(&mut group, GROUP) => {
                    if received == 0 {
                        break;
                    }
                }
                () = tokio::time::sleep(retry), if !self.backlog.is_empty() => {}
                () = self.closing.cancelled(), if !self.jobs.is_closed() => {
                    // What was handed over before is still received and written.
                    self.jobs.close();
                    continue;
                }
            }
            self.work_off(&mut group).await;
            retry = if self.backlog.is_empty() {
                RETRY
            } else {
                (retry * 2).min(LONGEST_RETRY)
            };
        }
        for _ in 0..LAST_TRIES {
            if self.backlog.is_empty() {
                return;
            }
            self.work_off(&mut Vec::new()).await;
            tokio::time::sleep(RETRY).await;
        }
        if !self.backlog.is_empty() {
            tracing::error!(
                store.lost = self.backlog.len(),
                "closed while the database could not be written"
            );
        }
    }

    /// Writes what waits, then the group; nothing overtakes what was handed over earlier.
    async fn work_off(&mut self, group: &mut Vec<Job>) {
        while !self.backlog.is_empty() {
            let count = self.backlog.len().min(GROUP);
            let waiting: Vec<Write> = self.backlog.drain(..count).collect();
            let committed = self.commit(&waiting).await;
            if let Ok(answers) = committed {
                for answer in answers {
                    self.answer(None, answer);
                }
            } else if let Err(error) = committed {
                self.metrics.store_error(error.fault());
                if error.passes() {
                    // The group itself wasn't tried.
                    self.doubtful = false;
                    for write in waiting.into_iter().rev() {
                        self.backlog.push_front(write);
                    }
                    self.defer(group, &error);
                    return;
                }
                for write in waiting {
                    self.commit_alone(Job { write, reply: None }).await;
                }
            }
            self.note_backlog();
        }
        if group.is_empty() {
            return;
        }
        let (writes, replies): (Vec<_>, Vec<_>) = group.drain(..).map(|job| (job.write, job.reply)).unzip();
        let result = self.commit(&writes).await;
        let jobs = writes.into_iter().zip(replies);
        match result {
            Ok(answers) => {
                for ((_, reply), answer) in jobs.zip(answers) {
                    self.answer(reply, answer);
                }
            }
            Err(error) if error.passes() => {
                self.metrics.store_error(error.fault());
                group.extend(jobs.map(|(write, reply)| Job { write, reply }));
                self.defer(group, &error);
            }
            // One of them contradicts what is kept: each on its own, so that only that one is refused.
            Err(_) => {
                for (write, reply) in jobs {
                    self.commit_alone(Job { write, reply }).await;
                }
            }
        }
    }

    async fn commit_alone(&mut self, job: Job) {
        let result = self.commit(std::slice::from_ref(&job.write)).await;
        match result {
            Err(error) if error.passes() => {
                self.metrics.store_error(error.fault());
                self.defer(&mut vec![job], &error);
            }
            Err(error) => {
                self.metrics.store_error(error.fault());
                answer_to(job.reply, Err(error));
            }
            Ok(answers) => match answers.into_iter().next() {
                Some(answer) => self.answer(job.reply, answer),
                None => answer_to(job.reply, Err(StoreError::Closed)),
            },
        }
    }

    /// Tells what became of a write that was done, or that came too late to be done.
    fn answer(&self, reply: Option<oneshot::Sender<Result<Written, StoreError>>>, answer: Written) {
        if matches!(answer, Written::TooLate) {
            self.metrics.store_error(StoreError::Erased.fault());
            return answer_to(reply, Err(StoreError::Erased));
        }
        answer_to(reply, Ok(answer));
    }

    /// Puts what can wait behind what waits already, and tells everybody.
    fn defer(&mut self, group: &mut Vec<Job>, error: &StoreError) {
        let doubtful = std::mem::take(&mut self.doubtful);
        for Job { write, reply } in group.drain(..) {
            if !write.is_kept() {
                if doubtful && let Some(undoing) = write.undoing() {
                    self.backlog.push_back(undoing);
                }
                answer_to(reply, Err(error.clone()));
            } else if self.backlog.len() < self.longest_backlog {
                self.backlog.push_back(write);
                answer_to(reply, Err(StoreError::Deferred));
            } else {
                self.metrics.store_error(StoreError::Overflow.fault());
                answer_to(reply, Err(StoreError::Overflow));
            }
        }
        self.note_backlog();
    }

    fn note_backlog(&self) {
        self.metrics.store_backlog.set(self.backlog.len() as i64);
    }

    /// One transaction. Whoever listens hears of its events only after the commit.
    async fn commit(&mut self, writes: &[Write]) -> Result<Vec<Written>, StoreError> {
        let began = self.clock.now();
        self.doubtful = false;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.engine.connect().await?,
        };
        let mut attempt = Attempt::default();
        let result = attempt
            .run(&mut connection, (writes, &self.in_doubt), &self.ids)
            .await
            .map_err(StoreError::from);
        match result {
            Ok(answers) => {
                self.connection = Some(connection);
                let took = self.clock.now().duration_since(began);
                self.metrics.store_commit_seconds.observe(took.as_secs_f64());
                self.in_doubt.clear();
                for event in attempt.found.into_iter().chain(attempt.written) {
                    self.announce(event);
                }
                Ok(answers)
            }
            Err(error) => {
                self.doubtful = attempt.committing && connection.leaves_doubt();
                if self.doubtful {
                    // What was found of earlier doubts is still there, and is looked for again.
                    self.in_doubt.extend(attempt.written);
                    return Err(error);
                }
                // SQLite itself rolls back after some failures; then this is refused, which is fine.
                let rolled_back = connection.roll_back().await;
                let usable = rolled_back.is_ok() || matches!(error, StoreError::Full | StoreError::Locked);
                self.connection = usable.then_some(connection);
                Err(error)
            }
        }
    }

    fn announce(&self, event: OutboxRow) {
        match event.kind {
            EventType::CallStarted => self.metrics.call_started.inc(),
            EventType::CallCompleted => self.metrics.call_completed.inc(),
            EventType::TranscriptSegment => self.metrics.transcript_segment.inc(),
            EventType::LeadCreated => self.metrics.lead_created.inc(),
            EventType::LeadUpdated => self.metrics.lead_updated.inc(),
            EventType::RecordingStored => self.metrics.recording_stored.inc(),
            EventType::CallErased => self.metrics.call_erased.inc(),
        };
        // Nobody may be listening.
        let _ = self.committed.send(Arc::new(event));
    }
}

/// One try to write a group.
#[derive(Default)]
struct Attempt {
    /// Events of earlier tries that were written after all.
    found: Vec<OutboxRow>,
    /// Its own events.
    written: Vec<OutboxRow>,
    /// The end of the transaction was asked for.
    committing: bool,
}

impl Attempt {
    async fn run(
        &mut self,
        connection: &mut Connection,
        (writes, in_doubt): (&[Write], &[OutboxRow]),
        ids: &Ids,
    ) -> Result<Vec<Written>, sqlx::Error> {
        let mut answers = Vec::with_capacity(writes.len());
        connection.begin().await?;
        // Whoever has the right to write sees what became of the tries before.
        for event in in_doubt {
            if outbox::has(connection, event.seq).await? {
                self.found.push(event.clone());
            }
        }
        let mut erased = erasures::among(connection, writes.iter().filter_map(Write::call_sid)).await?;
        for write in writes {
            if write.call_sid().is_some_and(|call_sid| erased.contains(call_sid)) {
                answers.push(write.too_late());
                continue;
            }
            let mut events = Events {
                ids,
                written: &mut self.written,
            };
            answers.push(write.apply(connection, &mut events).await?);
            if let Write::Erase(erasure, _) = write {
                erased.insert(erasure.call_sid.clone());
            }
        }
        self.committing = true;
        connection.commit().await?;
        Ok(answers)
    }
}

fn answer_to(reply: Option<oneshot::Sender<Result<Written, StoreError>>>, answer: Result<Written, StoreError>) {
    if let Some(reply) = reply {
        // Whoever asked may have gone away; the write stands.
        let _ = reply.send(answer);
    }
}
