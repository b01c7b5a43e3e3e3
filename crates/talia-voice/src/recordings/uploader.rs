//! Carries finished recordings from the folder into the bucket, and takes erased ones out of it.
//!
//! The rows are the truth: they say who is uploading until when, where a copy may be, whether it is whole, and what is left to
//! remove. So any node may die at any moment, and an erasure finds whatever was sent. Nothing of it is known by heart but
//! when to try again.

use super::bucket::{NotSent, Sum};
use super::{Bucket, BucketTrouble, Folder};
use crate::clock::Clock;
use crate::store::{RecordingRow, Store, StoreError, Uploading};
use crate::telemetry::Metrics;
use crate::telemetry::labels::{BucketFault as Fault, BucketOperation as Operation};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Recordings that are uploaded at once, each with one part in memory.
const TOGETHER: usize = 4;
/// For how long a word of an uploader holds, and how often he says it again. A dead one's recordings wait so long.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(8);
/// Erased recordings that are asked for at once.
const SOME: u32 = 100;

/// The uploader of one node.
#[derive(Debug)]
pub(super) struct Uploader {
    bucket: Bucket,
    folder: Folder,
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Finished recordings of this folder that the bucket has not taken, by their names.
    waiting: HashMap<String, Waiting>,
    /// While the bucket is in trouble, nothing is asked of it until then, after so many failures.
    held: Option<Instant>,
    failures: u32,
    /// When to look at what was another's.
    again: Option<Instant>,
    /// The last trouble that was logged.
    said: Option<BucketTrouble>,
}

#[derive(Debug, Clone)]
struct Waiting {
    id: String,
    place: String,
    /// When it was finished.
    since: Timestamp,
    /// When it may be tried again, after so many failures.
    not_before: Instant,
    failures: u32,
}

/// What became of one try.
enum Outcome {
    Uploaded,
    /// Another node is at it or has done it, or it was erased.
    NotOurs,
    /// The server stops.
    GivenUp,
    /// It needn't be tried while the bucket is in trouble.
    Skipped,
    /// The rows can't be written.
    NoRows,
    Trouble(BucketTrouble),
}

impl Uploader {
    pub(super) fn new(
        (bucket, folder): (Bucket, Folder),
        store: &Store,
        (clock, metrics): (&Clock, &Arc<Metrics>),
    ) -> Self {
        Self {
            bucket,
            folder,
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            waiting: HashMap::new(),
            held: None,
            failures: 0,
            again: None,
            said: None,
        }
    }

    /// Looks once at all that there is to do, and does what is due; answers when something is due again.
    pub(super) async fn look(&mut self, closed: &CancellationToken) -> Option<Duration> {
        self.again = None;
        // Counted by the store; the next look finds the same.
        if let Err(error) = self.look_around().await {
            tracing::debug!(%error, "recordings can't be looked at");
        } else if self.held.is_none_or(|held| held <= Instant::now()) {
            self.count_waiting();
            self.remove_erased(closed).await;
            self.upload_due(closed).await;
        }
        self.count_waiting();
        let now = Instant::now();
        let due = match self.held {
            Some(held) if held > now => Some(held),
            _ => self
                .waiting
                .values()
                .map(|waiting| waiting.not_before)
                .chain(self.again)
                .min(),
        };
        due.map(|due| due.saturating_duration_since(now))
    }

    /// Finds what is new in the folder, and clears it of what needn't be there any more.
    async fn look_around(&mut self) -> Result<(), StoreError> {
        let names: HashSet<String> = self.folder.names().await.into_iter().collect();
        self.waiting.retain(|name, _| names.contains(name));
        let new: Vec<_> = names
            .into_iter()
            .filter(|name| !self.waiting.contains_key(name))
            .collect();
        for row in self.store.recordings_named(&new).await? {
            match row.state.as_str() {
                // Its writer is at it, or is dead: then somebody will say so.
                "recording" => {}
                "erased" => self.clear(&row.place).await,
                _ if row.uploaded_at.is_some() => self.clear(&row.place).await,
                _ => self.wait_for(row),
            }
        }
        Ok(())
    }

    fn wait_for(&mut self, row: RecordingRow) {
        let since = row.ended_at.as_ref().and_then(|ended| ended.parse().ok());
        let waiting = Waiting {
            id: row.id,
            place: row.place.clone(),
            since: since.unwrap_or_else(|| self.clock.wall()),
            not_before: Instant::now(),
            failures: 0,
        };
        self.waiting.insert(row.place, waiting);
    }

    /// Takes a file out of the folder. One that can't be is found again.
    async fn clear(&self, place: &str) {
        match tokio::fs::remove_file(self.folder.file(place)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a recording's file could not be removed");
            }
            _ => {}
        }
    }

    fn count_waiting(&self) {
        let oldest = self.waiting.values().map(|waiting| waiting.since).min();
        let seconds = oldest.map_or(0, |oldest| self.clock.wall().duration_since(oldest).as_secs().max(0));
        self.metrics.recordings_waiting.set(self.waiting.len() as i64);
        self.metrics.recordings_waiting_seconds.set(seconds);
    }

    async fn upload_due(&mut self, closed: &CancellationToken) {
        let now = Instant::now();
        let mut due: Vec<_> = self
            .waiting
            .values()
            .filter(|one| one.not_before <= now)
            .cloned()
            .collect();
        due.sort_by_key(|waiting| waiting.since);
        // One trouble of the bucket's is enough to know of it.
        let hopeless = CancellationToken::new();
        if self.held.is_some_and(|held| held > now) {
            hopeless.cancel();
        }
        let (this, hopeless) = (&*self, &hopeless);
        let uploading = due.into_iter().map(|waiting| async move {
            let outcome = if hopeless.is_cancelled() {
                Outcome::Skipped
            } else {
                this.upload(&waiting, closed).await
            };
            let is_hopeless = match &outcome {
                Outcome::Trouble(trouble) => trouble.is_everybodys(),
                Outcome::NoRows | Outcome::GivenUp => true,
                Outcome::Uploaded | Outcome::NotOurs | Outcome::Skipped => false,
            };
            if is_hopeless {
                hopeless.cancel();
            }
            (waiting, outcome)
        });
        let outcomes: Vec<_> = stream::iter(uploading).buffer_unordered(TOGETHER).collect().await;
        for (waiting, outcome) in outcomes {
            self.note(waiting, outcome);
        }
    }

    /// Remembers when to try again.
    fn note(&mut self, waiting: Waiting, outcome: Outcome) {
        match outcome {
            Outcome::Uploaded => {
                self.waiting.remove(&waiting.place);
                self.well();
            }
            // Its row is read again; whoever began to upload it may be dead.
            Outcome::NotOurs => {
                self.waiting.remove(&waiting.place);
                self.again = Some(Instant::now() + self.pause(2));
            }
            Outcome::Skipped | Outcome::GivenUp => {}
            Outcome::NoRows => self.rest(waiting),
            Outcome::Trouble(trouble) => {
                let is_everybodys = trouble.is_everybodys();
                self.trouble(Operation::Upload, trouble);
                if !is_everybodys {
                    self.rest(waiting);
                }
            }
        }
    }

    fn rest(&mut self, mut waiting: Waiting) {
        waiting.not_before = Instant::now() + self.pause(waiting.failures);
        waiting.failures += 1;
        self.waiting.insert(waiting.place.clone(), waiting);
    }

    fn pause(&self, failures: u32) -> Duration {
        let config = self.bucket.config();
        config
            .retry
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(config.longest_retry)
    }

    fn well(&mut self) {
        if self.said.take().is_some() {
            tracing::info!("the bucket takes recordings again");
        }
        (self.held, self.failures) = (None, 0);
    }

    /// Counts what went wrong, logs it unless that was the last thing said, and leaves the bucket in peace if it is the bucket's.
    fn trouble(&mut self, operation: Operation, trouble: BucketTrouble) {
        self.metrics.bucket_fault(operation, trouble.fault);
        let is_held = self.held.is_some_and(|held| held > Instant::now());
        if trouble.is_everybodys() && !is_held {
            self.held = Some(Instant::now() + self.pause(self.failures));
            self.failures += 1;
        }
        if self.said.as_ref() != Some(&trouble) {
            tracing::warn!(
                bucket.fault = trouble.fault.word(),
                bucket.code = trouble.code.as_deref(),
                bucket.operation = ?operation,
                "the bucket of recordings is in trouble; it is tried again for ever"
            );
            self.said = Some(trouble);
        }
    }

    async fn upload(&self, waiting: &Waiting, closed: &CancellationToken) -> Outcome {
        let now = self.clock.wall();
        let upload = Uploading {
            id: waiting.id.clone(),
            object: self.bucket.address_of(&waiting.place),
            by: self.store.new_id(now),
        };
        match self.store.upload_begins(&upload, now + LEASE).await {
            Ok(true) => {}
            Ok(false) => return Outcome::NotOurs,
            Err(_) => return Outcome::NoRows,
        }
        let give_up = closed.child_token();
        let copied = tokio::select! {
            copied = self.copy(&upload, &waiting.place, &give_up) => copied,
            never = self.hold(&upload, &give_up) => match never {},
        };
        match copied {
            Ok(sum) => match self.store.upload_done(&upload, sum.bytes).await {
                Ok(true) => {
                    self.metrics.recordings_uploaded.inc();
                    self.clear(&waiting.place).await;
                    Outcome::Uploaded
                }
                Ok(false) => self.take_back(&upload).await,
                // Nobody knows whether that was written; the next look does.
                Err(_) => Outcome::NoRows,
            },
            Err(NotSent::GivenUp) if !closed.is_cancelled() => self.take_back(&upload).await,
            Err(not_sent) => {
                // Where it can't be said, it ends by itself.
                let _ = self.store.upload_given_up(&upload).await;
                match not_sent {
                    NotSent::GivenUp => Outcome::GivenUp,
                    NotSent::Trouble(trouble) => Outcome::Trouble(trouble),
                }
            }
        }
    }

    /// Sends the file and reads it back.
    async fn copy(&self, upload: &Uploading, place: &str, give_up: &CancellationToken) -> Result<Sum, NotSent> {
        let file = File::open(self.folder.file(place)).await;
        let mut file = file.map_err(|error| {
            tracing::warn!(%error, "a recording's file can't be read");
            BucketTrouble::from(Fault::File)
        })?;
        let sent = self.bucket.put(&upload.object, &mut file, give_up).await?;
        let kept = tokio::select! {
            kept = self.bucket.sum(&upload.object) => kept?,
            () = give_up.cancelled() => return Err(NotSent::GivenUp),
        };
        if kept != sent {
            return Err(BucketTrouble::from(Fault::Differs).into());
        }
        Ok(sent)
    }

    /// Says again and again that it goes on, and gives up when that doesn't hold any more.
    async fn hold(&self, upload: &Uploading, give_up: &CancellationToken) -> Infallible {
        let mut until = self.clock.wall() + LEASE;
        loop {
            tokio::time::sleep(RENEWAL).await;
            let next = self.clock.wall() + LEASE;
            match timeout(RENEWAL, self.store.upload_goes_on(upload, next)).await {
                Ok(Ok(true)) => until = next,
                // The rows may come back in time.
                Ok(Err(_)) | Err(_) if next < until + LEASE / 2 => {}
                _ => break,
            }
        }
        give_up.cancel();
        pending().await
    }

    /// It was erased while it was sent: whatever came of it goes. (Or it is another's by now; then it stays.)
    async fn take_back(&self, upload: &Uploading) -> Outcome {
        let Ok(row) = self.store.recording(&upload.id).await else {
            return Outcome::NoRows;
        };
        if row.is_none_or(|row| row.state != "erased") {
            return Outcome::NotOurs;
        }
        let removed = self.bucket.remove(&upload.object).await;
        // From now on nobody sends any more, so that whoever removes it next can be sure.
        if self.store.upload_given_up(upload).await.is_err() {
            return Outcome::NoRows;
        }
        match removed {
            Ok(()) => match self.store.object_removed(&upload.id, &upload.object).await {
                Ok(_) => Outcome::NotOurs,
                Err(_) => Outcome::NoRows,
            },
            Err(trouble) => {
                self.metrics.bucket_fault(Operation::Remove, trouble.fault);
                Outcome::NotOurs
            }
        }
    }

    /// Removes what erasures have left in the bucket, whoever erased and uploaded it.
    async fn remove_erased(&mut self, closed: &CancellationToken) {
        let (mut after, mut left): (Option<String>, i64) = (None, 0);
        while !closed.is_cancelled() {
            let Ok(rows) = self.store.objects_to_remove(after.as_deref(), SOME).await else {
                return;
            };
            let Some(last) = rows.last() else { break };
            after = Some(last.id.clone());
            for row in rows {
                left += i64::from(!self.remove(row).await);
            }
        }
        self.metrics.recordings_to_remove.set(left);
    }

    /// Answers whether nothing is left of it.
    async fn remove(&mut self, row: RecordingRow) -> bool {
        let object = row.object.unwrap_or_default();
        if self.held.is_some_and(|held| held > Instant::now()) {
            return false;
        }
        match self.bucket.remove(&object).await {
            Ok(()) => self.store.object_removed(&row.id, &object).await.unwrap_or(false),
            Err(trouble) => {
                self.trouble(Operation::Remove, trouble);
                false
            }
        }
    }
}
