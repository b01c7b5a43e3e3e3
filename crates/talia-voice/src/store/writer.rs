//! The one task that writes: many writes in one transaction, each acknowledged after the commit.

use super::StoreError;
use super::engine::{Connection, Engine};
use super::erasures;
use super::gathered::Gathered;
use super::ids::Ids;
use super::outbox::{self, EventType, OutboxRow};
use super::waiting::{Place, Waiting};
use super::write::{Write, Written};
use crate::clock::Clock;
use crate::telemetry::Metrics;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Writes in one transaction: enough to make the cost of a commit small, few enough to keep it short.
const GROUP: usize = 256;
/// How long to wait before the database is tried again, at first and at most.
pub(super) const RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// How often what waits is tried once more when the store closes, and how many groups of it are written then.
const LAST_TRIES: u32 = 5;
const LAST_GROUPS: u32 = 64;
/// How many writes wait for an answer while others are written before them; more wait to be received.
const LONGEST_QUEUE: usize = 4_096;

type Reply = oneshot::Sender<Result<Written, StoreError>>;

/// A write and who wants to know of it.
pub(super) struct Job {
    pub(super) write: Write,
    pub(super) reply: Option<Reply>,
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
    pub(super) waiting: Waiting,
    /// Who has to be answered, in order, behind what waits.
    pub(super) asked: VecDeque<Job>,
    /// When the database is tried again, and how long to wait after that.
    pub(super) due: Instant,
    pub(super) retry: Duration,
    /// Events of commits whose answer was lost.
    pub(super) in_doubt: Vec<OutboxRow>,
    /// The last failure leaves open whether the writes were done.
    pub(super) doubtful: bool,
    pub(super) closing: CancellationToken,
}

impl Writer {
    pub(super) async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                received = self.jobs.recv_many(&mut group, GROUP), if self.asked.len() < LONGEST_QUEUE => {
                    if received == 0 {
                        break;
                    }
                }
                () = tokio::time::sleep_until(self.due), if !self.waiting.is_empty() => {}
                () = self.closing.cancelled(), if !self.jobs.is_closed() => {
                    // What was handed over before is still received and written.
                    self.jobs.close();
                    continue;
                }
            }
            self.take_in(&mut group).await;
            if self.waiting.is_empty() || self.due <= Instant::now() {
                self.work_off().await;
            }
        }
        let mut failed = 0;
        // A great many are left to the next start, if they are on disk.
        for _ in 0..LAST_GROUPS {
            if self.waiting.is_empty() || failed == LAST_TRIES {
                break;
            }
            if !self.work_off().await {
                failed += 1;
                tokio::time::sleep(RETRY).await;
            }
        }
        self.refuse(&StoreError::Closed).await;
        let lost = self.waiting.in_memory();
        if lost > 0 {
            tracing::error!(store.lost = lost, "closed while the database could not be written");
        }
        self.waiting.close().await;
    }

    /// Nothing overtakes what was handed over earlier: while something waits, what can be kept on disk waits behind it there, and
    /// is acknowledged as soon as it is; who needs an answer waits for the database.
    async fn take_in(&mut self, group: &mut Vec<Job>) {
        if self.waiting.is_empty() {
            self.asked.extend(group.drain(..));
            return;
        }
        let on_disk = self.waiting.is_durable();
        let (kept, asked): (Vec<_>, Vec<_>) = group.drain(..).partition(|job| on_disk && job.write.is_kept());
        self.put_off(kept).await;
        if !asked.is_empty() {
            self.asked.extend(asked);
            self.due = Instant::now();
        }
    }

    /// Writes a group of what waits, or what was asked when nothing waits any more. Answers whether the database took it.
    async fn work_off(&mut self) -> bool {
        if self.waiting.is_empty() {
            return self.work_off_asked().await;
        }
        let Ok(oldest) = self.waiting.oldest(GROUP).await else {
            self.refuse(&StoreError::Io("the spool can't be read".to_owned())).await;
            return false;
        };
        let (done, failed) = self.commit_waiting(&oldest.writes).await;
        self.waiting.done(oldest, done).await;
        if let Some(error) = failed {
            self.metrics.store_error(error.fault());
            // What was asked wasn't tried.
            self.doubtful = false;
            self.refuse(&error).await;
            return false;
        }
        self.retry = RETRY;
        self.due = Instant::now();
        // Who gave up waiting meanwhile has gone another way.
        self.asked
            .retain(|Job { write, reply }| write.is_kept() || reply.as_ref().is_none_or(|reply| !reply.is_closed()));
        !self.waiting.is_empty() || self.work_off_asked().await
    }

    /// Writes them, each on its own if need be; says how many are dealt with, and why there are no more.
    async fn commit_waiting(&mut self, writes: &[Write]) -> (usize, Option<StoreError>) {
        match self.commit(writes).await {
            Ok(answers) => {
                for answer in answers {
                    self.answer(None, answer);
                }
                return (writes.len(), None);
            }
            Err(error) if error.passes() => return (0, Some(error)),
            // One of them contradicts what is kept.
            Err(_) => {}
        }
        for (before, write) in writes.iter().enumerate() {
            match self.commit(std::slice::from_ref(write)).await {
                Ok(answers) => {
                    for answer in answers {
                        self.answer(None, answer);
                    }
                }
                Err(error) if error.passes() => return (before, Some(error)),
                Err(error) => self.metrics.store_error(error.fault()),
            }
        }
        (writes.len(), None)
    }

    /// Writes what was asked, in groups. Nothing waits before it.
    async fn work_off_asked(&mut self) -> bool {
        while !self.asked.is_empty() {
            let count = self.asked.len().min(GROUP);
            let (writes, replies): (Vec<_>, Vec<_>) =
                self.asked.drain(..count).map(|job| (job.write, job.reply)).unzip();
            let result = self.commit(&writes).await;
            let mut jobs = writes
                .into_iter()
                .zip(replies)
                .map(|(write, reply)| Job { write, reply });
            match result {
                Ok(answers) => {
                    for (job, answer) in jobs.zip(answers) {
                        self.answer(job.reply, answer);
                    }
                }
                Err(error) if error.passes() => return self.defer(jobs.collect(), &error).await,
                // One of them contradicts what is kept: each on its own, so that only that one is refused.
                Err(_) => {
                    while let Some(job) = jobs.next() {
                        let Err((job, error)) = self.commit_alone(job).await else {
                            continue;
                        };
                        // The others weren't tried.
                        self.put_off_or_refuse(vec![job], &error).await;
                        return self.defer(jobs.collect(), &error).await;
                    }
                }
            }
        }
        true
    }

    /// Gives it back if it may succeed later.
    async fn commit_alone(&mut self, job: Job) -> Result<(), (Job, StoreError)> {
        match self.commit(std::slice::from_ref(&job.write)).await {
            Err(error) if error.passes() => return Err((job, error)),
            Err(error) => {
                self.metrics.store_error(error.fault());
                answer_to(job.reply, Err(error));
            }
            Ok(answers) => match answers.into_iter().next() {
                Some(answer) => self.answer(job.reply, answer),
                None => answer_to(job.reply, Err(StoreError::Closed)),
            },
        }
        Ok(())
    }

    /// Tells what became of a write that was done, or that came too late to be done.
    fn answer(&self, reply: Option<Reply>, answer: Written) {
        if matches!(answer, Written::TooLate) {
            self.metrics.store_error(StoreError::Erased.fault());
            return answer_to(reply, Err(StoreError::Erased));
        }
        answer_to(reply, Ok(answer));
    }

    /// The database didn't take these, and what was asked behind them isn't tried.
    async fn defer(&mut self, tried: Vec<Job>, error: &StoreError) -> bool {
        self.metrics.store_error(error.fault());
        self.put_off_or_refuse(tried, error).await;
        self.refuse(error).await;
        false
    }

    /// Refuses what was asked and can't wait; the rest does.
    async fn refuse(&mut self, error: &StoreError) {
        self.due = Instant::now() + self.retry;
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
        let asked = self.asked.drain(..).collect();
        self.put_off_or_refuse(asked, error).await;
    }

    async fn put_off_or_refuse(&mut self, jobs: Vec<Job>, error: &StoreError) {
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut kept = Vec::with_capacity(jobs.len());
        for Job { write, reply } in jobs {
            if write.is_kept() {
                kept.push(Job { write, reply });
                continue;
            }
            if doubtful && let Some(write) = write.undoing() {
                kept.push(Job { write, reply: None });
            }
            answer_to(reply, Err(error.clone()));
        }
        self.put_off(kept).await;
    }

    /// Puts them behind what waits already, and tells everybody.
    async fn put_off(&mut self, jobs: Vec<Job>) {
        let (writes, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.write, job.reply)).unzip();
        let places = self.waiting.put(writes).await;
        for (place, reply) in places.into_iter().zip(replies) {
            let answer = match place {
                Place::Disk => Ok(Written::Spooled),
                Place::Memory => Err(StoreError::Deferred),
                Place::Nowhere => {
                    self.metrics.store_error(StoreError::Overflow.fault());
                    Err(StoreError::Overflow)
                }
            };
            answer_to(reply, answer);
        }
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
        if let Some(kind) = event.kind.known() {
            self.count(kind);
        }
        // Nobody may be listening.
        let _ = self.committed.send(Arc::new(event));
    }

    fn count(&self, kind: EventType) {
        match kind {
            EventType::CallStarted => self.metrics.call_started.inc(),
            EventType::CallCompleted => self.metrics.call_completed.inc(),
            EventType::DisclosureHeard => self.metrics.disclosure_heard.inc(),
            EventType::TranscriptSegment => self.metrics.transcript_segment.inc(),
            EventType::LeadCreated => self.metrics.lead_created.inc(),
            EventType::LeadUpdated => self.metrics.lead_updated.inc(),
            EventType::TransferAsked => self.metrics.transfer_asked.inc(),
            EventType::CallTransferred => self.metrics.call_transferred.inc(),
            EventType::TransferUnanswered => self.metrics.transfer_unanswered.inc(),
            EventType::RecordingStored => self.metrics.recording_stored.inc(),
            EventType::CallErased => self.metrics.call_erased.inc(),
        };
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
        let mut gathered = Gathered::new(ids, &mut self.written);
        for write in writes {
            if write.call_sid().is_some_and(|call_sid| erased.contains(call_sid)) {
                answers.push(write.too_late());
                continue;
            }
            answers.push(write.apply(connection, &mut gathered).await?);
            if let Write::Erase(erasure, _) = write {
                erased.insert(erasure.call_sid.clone());
            }
        }
        gathered.write(connection).await?;
        self.committing = true;
        connection.commit().await?;
        Ok(answers)
    }
}

fn answer_to(reply: Option<Reply>, answer: Result<Written, StoreError>) {
    if let Some(reply) = reply {
        // Whoever asked may have gone away; the write stands.
        let _ = reply.send(answer);
    }
}
