//! Carries the outbox to one sink: from where it was left, in each call's order, by one node at a time.
//!
//! The outbox is the truth. Where the sink has come to stands in the database; what a dead node had in hand is delivered
//! once more by the next one, under the same id.

use super::lanes::Lanes;
use super::sinks::{Outcome, Sink};
use crate::clock::Clock;
use crate::store::{Delivery, OutboxRow, SinkClaim, SinkProgress, Store, StoreError};
use crate::telemetry::Metrics;
use crate::telemetry::labels::SinkFault;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How long a node that is heard of no more keeps the right to deliver.
const LEASE: Duration = Duration::from_secs(10);
/// How long before its end it is taken anew, at the latest.
const RENEW: Duration = Duration::from_secs(3);
/// How often is looked whether there is something to write down, to try again, or from another node.
const PULSE: Duration = Duration::from_millis(250);
/// Events read at once.
const PAGE: u32 = 1_000;
/// Events in memory that aren't settled.
const AHEAD: usize = 4_000;
/// Events that may wait for another try; with more, the whole sink waits.
const WAITING: usize = 1_000;
/// The waits before a sink that was closed is tried again: the first, and the longest.
const REOPEN: Duration = Duration::from_millis(250);
const LONGEST_REOPEN: Duration = Duration::from_secs(10);

/// How often, and when, an event that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// After so many tries it is given up.
    pub tries: u32,
    /// The wait after the first; it doubles up to the longest.
    pub first: Duration,
    pub longest: Duration,
}

/// The relay of one sink.
pub(super) struct Relay<S> {
    pub(super) sink: Arc<S>,
    /// Its name in the database and in metrics.
    pub(super) name: String,
    pub(super) retries: Retries,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// The server stops: what can be delivered at once is.
    pub(super) closing: CancellationToken,
    /// It doesn't wait any longer.
    pub(super) closed: CancellationToken,
}

/// Whether events can be delivered now.
enum Door {
    Open,
    /// It is being opened.
    Opening(BoxFuture<'static, Result<(), SinkFault>>),
    /// It is tried again after a while.
    Closed(BoxFuture<'static, ()>),
}

/// Something that happened.
enum Happened {
    Delivered(Arc<OutboxRow>, u32, Outcome),
    Opened(Result<(), SinkFault>),
    Reopen,
    Loaded(Result<Vec<OutboxRow>, StoreError>),
    Saved(Result<bool, StoreError>),
    /// There may be something new.
    News,
    Pulse,
    Closing,
}

type Saving = BoxFuture<'static, Result<bool, StoreError>>;

impl<S: Sink> Relay<S> {
    pub(super) async fn run(self) {
        loop {
            match self.store.claim_sink(&self.name, LEASE).await {
                Ok(Some(claim)) => self.work(claim).await,
                Ok(None) => {}
                Err(error) => tracing::debug!(sink = self.name, %error, "no claim"),
            }
            if tokio::time::timeout(PULSE * 4, self.closing.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Delivers until the server stops or another node does it.
    async fn work(&self, claim: SinkClaim) {
        let mut shift = Shift {
            lanes: Lanes::new(claim.cursor, claim.waiting, claim.noted),
            epoch: claim.epoch,
            saved: claim.cursor,
            renewed: self.clock.now(),
            saving_since: None,
            saving: None,
            sent: Vec::new(),
            loading: None,
            is_behind: true,
            door: Door::Opening(self.opening()),
            reopen: REOPEN,
            trouble: None,
        };
        let mut news = self.store.committed();
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut delivering = FuturesUnordered::new();
        loop {
            if self.clock.now().duration_since(shift.renewed) >= LEASE {
                tracing::warn!(sink = self.name, "the database can't be written: events wait");
                return;
            }
            if matches!(shift.door, Door::Open) {
                while delivering.len() < S::IN_FLIGHT
                    && let Some((event, tries)) = shift.lanes.next_event()
                {
                    let sink = self.sink.clone();
                    delivering.push(async move {
                        let outcome = sink.deliver(event.clone()).await;
                        (event, tries, outcome)
                    });
                }
            }
            self.load(&mut shift);
            let is_idle = delivering.is_empty() && (shift.is_done() || !matches!(shift.door, Door::Open));
            if self.closing.is_cancelled() && is_idle {
                return self.give_back(shift).await;
            }
            let happened = tokio::select! {
                Some((event, tries, outcome)) = delivering.next(), if !delivering.is_empty() => {
                    Happened::Delivered(event, tries, outcome)
                }
                happened = shift.door.moves() => happened,
                loaded = pending(&mut shift.loading) => Happened::Loaded(loaded),
                saved = pending(&mut shift.saving) => Happened::Saved(saved),
                // What it is doesn't matter, nor what was missed: the database has it.
                _ = news.recv(), if !shift.is_behind => Happened::News,
                _ = pulse.tick() => Happened::Pulse,
                () = self.closing.cancelled(), if !self.closing.is_cancelled() => Happened::Closing,
                () = self.closed.cancelled() => return self.give_back(shift).await,
            };
            match happened {
                Happened::Delivered(event, tries, outcome) => self.settle(&mut shift, &event, tries, outcome),
                Happened::Opened(Ok(())) => shift.door = Door::Open,
                Happened::Opened(Err(reason)) => self.close(&mut shift, reason),
                Happened::Reopen => shift.door = Door::Opening(self.opening()),
                Happened::Loaded(loaded) => {
                    shift.loading = None;
                    self.take(&mut shift, loaded);
                }
                Happened::Saved(saved) => {
                    shift.saving = None;
                    if !self.noted(&mut shift, &saved) {
                        return;
                    }
                }
                Happened::News => {
                    news = news.resubscribe();
                    shift.is_behind = true;
                }
                Happened::Pulse => {
                    shift.is_behind = true;
                    shift.lanes.wake(self.clock.wall());
                    self.save(&mut shift);
                }
                Happened::Closing => {}
            }
        }
    }

    fn opening(&self) -> BoxFuture<'static, Result<(), SinkFault>> {
        let sink = self.sink.clone();
        Box::pin(async move { sink.open().await })
    }

    /// Begins to read what comes next, if there is room for it.
    fn load(&self, shift: &mut Shift) {
        let has_room = shift.lanes.open() < AHEAD && shift.lanes.waiting() < WAITING;
        if shift.loading.is_none() && shift.is_behind && has_room {
            let (store, after) = (self.store.clone(), shift.lanes.loaded());
            shift.loading = Some(Box::pin(async move { store.events_after(after, PAGE).await }));
            shift.is_behind = false;
        }
    }

    fn take(&self, shift: &mut Shift, loaded: Result<Vec<OutboxRow>, StoreError>) {
        // What can't be read now is asked for again at the next pulse.
        let events = loaded.unwrap_or_default();
        shift.is_behind |= events.len() == PAGE as usize;
        for event in events {
            let is_wanted = self.sink.wants(&event.kind);
            shift.lanes.load(event, is_wanted);
        }
    }

    fn settle(&self, shift: &mut Shift, event: &OutboxRow, tries: u32, outcome: Outcome) {
        let call = &event.call_sid;
        match outcome {
            Outcome::Taken => {
                self.metrics.event_delivered(&self.name);
                shift.reopen = REOPEN;
                if shift.trouble.take().is_some() {
                    tracing::info!(sink = self.name, "events are taken again");
                }
                shift.lanes.delivered(call);
            }
            Outcome::Failed { reason, after } => {
                self.metrics.event_sink_fault(&self.name, reason);
                if tries + 1 >= self.retries.tries {
                    return self.give_up(shift, event, reason);
                }
                let wait = jittered(self.retries.after(tries)).max(after.unwrap_or_default());
                let due = self.clock.wall().saturating_add(wait).unwrap_or(jiff::Timestamp::MAX);
                shift.lanes.failed(call, due, reason);
            }
            Outcome::Never(reason) => {
                self.metrics.event_sink_fault(&self.name, reason);
                self.give_up(shift, event, reason);
            }
            Outcome::Closed(reason) => {
                shift.lanes.put_back(call);
                // Those that were on their way together fail together, and count once.
                if matches!(shift.door, Door::Open) {
                    self.close(shift, reason);
                }
            }
        }
    }

    fn give_up(&self, shift: &mut Shift, event: &OutboxRow, reason: SinkFault) {
        self.metrics.event_dead(&self.name);
        tracing::warn!(
            sink = self.name,
            event.seq,
            reason = reason.as_str(),
            "an event is given up"
        );
        shift.lanes.dead(&event.call_sid, reason);
    }

    fn close(&self, shift: &mut Shift, reason: SinkFault) {
        self.metrics.event_sink_fault(&self.name, reason);
        if shift.trouble.replace(reason) != Some(reason) {
            tracing::warn!(
                sink = self.name,
                reason = reason.as_str(),
                "events are not taken and wait"
            );
        }
        let wait = jittered(shift.reopen);
        shift.reopen = (shift.reopen * 2).min(LONGEST_REOPEN);
        shift.door = Door::Closed(Box::pin(tokio::time::sleep(wait)));
    }

    /// Begins to write down how far it has come, if there is something to write or the right to deliver grows old.
    fn save(&self, shift: &mut Shift) {
        let now = self.clock.now();
        let is_due = shift.lanes.has_changes()
            || shift.lanes.cursor() != shift.saved
            || now.duration_since(shift.renewed) >= RENEW;
        if shift.saving.is_some() || !is_due {
            return;
        }
        let progress = shift.progress(&self.name);
        shift.sent.clone_from(&progress.deliveries);
        shift.saved = progress.cursor;
        shift.saving_since = Some(now);
        let store = self.store.clone();
        shift.saving = Some(Box::pin(
            async move { store.sink_progress(progress, Some(LEASE)).await },
        ));
    }

    /// Takes note of what was written; `false`: somebody else delivers now.
    fn noted(&self, shift: &mut Shift, saved: &Result<bool, StoreError>) -> bool {
        let sent = std::mem::take(&mut shift.sent);
        match saved {
            Ok(true) => {
                if let Some(since) = shift.saving_since.take() {
                    shift.renewed = since;
                }
                true
            }
            Ok(false) => {
                tracing::info!(sink = self.name, "the cursor was moved, or another node delivers");
                false
            }
            Err(_) => {
                shift.lanes.give_back(sent);
                // Not where it stands in the database: it is written again.
                shift.saved = -1;
                true
            }
        }
    }

    /// The end: what was done is written down, and the right to deliver is somebody else's.
    async fn give_back(&self, mut shift: Shift) {
        if let Some(saving) = shift.saving.take()
            && saving.await.is_err()
        {
            let sent = std::mem::take(&mut shift.sent);
            shift.lanes.give_back(sent);
        }
        let progress = shift.progress(&self.name);
        if let Err(error) = self.store.sink_progress(progress, None).await {
            tracing::warn!(sink = self.name, %error, "how far events were delivered could not be written");
        }
    }
}

/// What a node knows while it delivers.
struct Shift {
    lanes: Lanes,
    epoch: i64,
    /// The cursor as it was written last.
    saved: i64,
    /// When the right to deliver was asked for last, of those that were granted.
    renewed: Instant,
    saving_since: Option<Instant>,
    saving: Option<Saving>,
    /// What is being written.
    sent: Vec<(i64, Delivery)>,
    loading: Option<BoxFuture<'static, Result<Vec<OutboxRow>, StoreError>>>,
    /// The database may hold more.
    is_behind: bool,
    door: Door,
    /// The next wait for a closed door.
    reopen: Duration,
    /// What was said last of a closed door.
    trouble: Option<SinkFault>,
}

impl Shift {
    fn progress(&mut self, sink: &str) -> SinkProgress {
        SinkProgress {
            sink: sink.to_owned(),
            epoch: self.epoch,
            cursor: self.lanes.cursor(),
            deliveries: self.lanes.take_changes(),
        }
    }

    /// Whether nothing is left that could be delivered now.
    fn is_done(&self) -> bool {
        self.lanes.open() == 0 && !self.is_behind && self.loading.is_none()
    }
}

impl Door {
    async fn moves(&mut self) -> Happened {
        match self {
            Self::Open => std::future::pending().await,
            Self::Opening(opening) => Happened::Opened(opening.await),
            Self::Closed(waiting) => {
                waiting.await;
                Happened::Reopen
            }
        }
    }
}

impl Retries {
    /// The wait after so many tries before this one.
    fn after(&self, tries: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(tries)).min(self.longest)
    }
}

/// Waits for what was begun; for ever when nothing was. Whoever got the answer forgets the future.
async fn pending<T>(begun: &mut Option<BoxFuture<'static, T>>) -> T {
    match begun {
        Some(begun) => begun.await,
        None => std::future::pending().await,
    }
}

/// Between half of a wait and all of it, so that many don't come back at once.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the whole wait is as good.
    if getrandom::fill(&mut byte).is_err() {
        return wait;
    }
    wait / 2 + wait * u32::from(byte[0]) / 510
}
