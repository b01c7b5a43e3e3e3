//! The store as the rest of the program sees it.

use super::calls::Ending;
use super::engine::{self, Engine, Pool};
use super::ids::Ids;
use super::leads::LeadOf;
use super::spool::{self, Spool};
use super::stream_tokens::NewToken;
use super::transfers::Outcome;
use super::waiting::{self, Waiting};
use super::write::{self, Record, Write, Written};
use super::writer::{self, Job, Writer};
use super::{
    Burnt, CallRow, ConversationRow, Disclosed, DoNotCallChange, LeadFieldRow, LeadFields, LeadRow, NewCall,
    NewSegment, NewToolAct, NewTransfer, OpenCall, OutboxRow, SegmentRow, Started, StatusReport, StoreError,
    StreamClaim, TokenHash, ToolActRow, TransferRow, TurnRow, UsageRow, WholeLead, calls, conversations, lead_fields,
    leads, outbox, tool_acts, transcripts, transfers, turns, usage,
};
use crate::clock::Clock;
use crate::telemetry::Metrics;
use crate::telemetry::labels::StoreFault;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::EndReason;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Writes handed over and not yet taken by the writer; whoever hands over more waits, except [`Store::record`].
const QUEUE: usize = 4_096;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreSettings {
    /// `sqlite:` and a path, or `postgres://` and a server.
    pub url: String,
    /// The size at which SQLite's file counts as full.
    pub max_size_mib: Option<u32>,
    /// Where writes wait on disk while the database can't be written; none: they wait in memory.
    pub spool: Option<SpoolSettings>,
    /// How many writes wait in memory while neither database nor spool can be written.
    pub backlog: usize,
    /// How many committed events a slow listener may be behind.
    pub feed_buffer: usize,
}

/// Where writes wait on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The folder; it is made if it isn't there.
    pub folder: PathBuf,
    /// How many bytes may wait there.
    pub limit: u64,
}

/// Without the password.
impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("StoreSettings")
            .field("url", &engine::shown(&self.url))
            .finish_non_exhaustive()
    }
}

impl StoreSettings {
    /// No limit to the file, no spool, and room for as many waiting writes as an hour of a busy server makes.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_size_mib: None,
            spool: None,
            backlog: 10_000,
            feed_buffer: 1_024,
        }
    }
}

/// The database: one writer, a few readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    readers: Pool,
    committed: broadcast::Sender<Arc<OutboxRow>>,
    ids: Arc<Ids>,
    clock: Clock,
    metrics: Arc<Metrics>,
    closing: CancellationToken,
    writer: TaskTracker,
    /// Who writes: new at each start.
    node: String,
}

impl Store {
    /// Opens the database, makes SQLite's file where it is missing (readable by its owner only), and brings its tables
    /// up to date. What a dead process left in the spool is written before anything else, while calls go on.
    pub async fn open(settings: StoreSettings, clock: Clock, metrics: Arc<Metrics>) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open {
            url: engine::shown(&settings.url),
            reason,
        };
        let engine = Engine::of(&settings.url).map_err(|error| failed(error.to_string()))?;
        let (engine, readers) = Box::pin(engine.prepare(&settings)).await.map_err(failed)?;
        let connection = Box::pin(engine.connect())
            .await
            .map_err(|error| failed(error.to_string()))?;
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let (committed, _) = broadcast::channel(settings.feed_buffer);
        let ids = Ids::new();
        let node = ids.next(clock.wall());
        let spool = open_spool(&settings, &node, &engine, &metrics).await;
        let store = Self {
            node,
            jobs,
            readers,
            committed: committed.clone(),
            ids: Arc::new(ids),
            clock: clock.clone(),
            metrics: metrics.clone(),
            closing: CancellationToken::new(),
            writer: TaskTracker::new(),
        };
        let writer = Writer {
            engine,
            connection: Some(connection),
            jobs: receiver,
            committed,
            clock,
            ids: store.ids.clone(),
            waiting: Waiting::new(spool, settings.backlog, metrics.clone()),
            metrics,
            asked: VecDeque::new(),
            due: Instant::now(),
            retry: writer::RETRY,
            in_doubt: Vec::new(),
            doubtful: false,
            closing: store.closing.clone(),
        };
        store.writer.spawn(writer.run());
        store.writer.close();
        Ok(store)
    }

    /// Writes what was handed over, then stops; later writes are refused.
    pub async fn close(&self) {
        self.closing.cancel();
        self.writer.wait().await;
        self.readers.close().await;
    }

    /// Keeps the row of a call that begins. A repetition changes nothing.
    pub async fn call_started(&self, call: NewCall) -> Result<Started, StoreError> {
        match self.write(Write::Start(call)).await? {
            Written::Started(started) => Ok(started),
            _ => Err(StoreError::Closed),
        }
    }

    /// Moves a call to a state that Twilio reports; never back, and a call that is over stays over. A call that isn't
    /// known yet begins with it, because reports may overtake the first webhook. Answers whether the report was new.
    pub async fn advance_status(&self, report: StatusReport) -> Result<bool, StoreError> {
        match self.write(Write::Advance(report)).await? {
            Written::Advanced(new) => Ok(new),
            _ => Err(StoreError::Closed),
        }
    }

    /// Writes down that a caller is about to be handed to a person. Nobody is dialled before it is on disk.
    pub async fn transfer_asked(&self, transfer: NewTransfer) -> Result<(), StoreError> {
        let id = self.ids.next(transfer.at);
        self.write(Write::Transfer(id, transfer)).await.map(drop)
    }

    /// Writes down that a tool is about to act. `None`: it may; else what is known of the same act, begun before.
    pub async fn tool_act_begun(&self, act: NewToolAct) -> Result<Option<String>, StoreError> {
        match self.write(Write::ToolAct(act)).await? {
            Written::ToolAct(before) => Ok(before),
            _ => Err(StoreError::Closed),
        }
    }

    /// Writes down what became of the transfer that is under way; `word` is Twilio's `DialCallStatus`.
    pub async fn transfer_ended(&self, call_sid: &str, answered: bool, word: &str) -> Result<(), StoreError> {
        let outcome = Outcome {
            call_sid: call_sid.to_owned(),
            answered,
            word: word.to_owned(),
            at: self.clock.wall(),
        };
        self.write(Write::Transferred(outcome)).await.map(drop)
    }

    /// Says that this node is alive for `lease` from now.
    pub async fn node_alive(&self, lease: Duration) -> Result<(), StoreError> {
        let now = self.clock.wall();
        let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        self.write(Write::Alive(self.node.clone(), now, until)).await.map(drop)
    }

    /// Keeps what a call has to keep and returns when it is on disk: in the database, or in the spool until that can be written.
    /// [`StoreError::Deferred`] means that it waits in memory.
    pub async fn keep(&self, record: Record) -> Result<(), StoreError> {
        let write = self.write_of(record);
        self.hand_over(write).await.map(drop)
    }

    /// The same without waiting: for the call's own loop. Order is kept.
    pub fn record(&self, record: Record) -> Result<(), StoreError> {
        let write = self.write_of(record);
        self.jobs.try_send(Job { write, reply: None }).map_err(|error| {
            let error = match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overflow,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            };
            self.metrics.store_error(error.fault());
            error
        })
    }

    /// Appends a line to a call's transcript.
    pub async fn append_segment(&self, segment: NewSegment) -> Result<(), StoreError> {
        self.keep(Record::Segment(segment)).await
    }

    /// Keeps a call's lead: one a call, the event `lead_created` once; later times amend it, with a `lead_updated` for each
    /// that changes something.
    pub async fn save_lead(&self, call_sid: &str, fields: LeadFields) -> Result<(), StoreError> {
        let record = Record::Lead {
            call_sid: call_sid.to_owned(),
            stream: 0,
            fields,
            at: self.clock.wall(),
        };
        self.keep(record).await
    }

    /// Keeps that a conversation is over. Await it before the socket is closed: what Twilio asks next depends on it.
    pub async fn call_ended(&self, call_sid: &str, reason: EndReason) -> Result<(), StoreError> {
        let (call_sid, at) = (call_sid.to_owned(), self.clock.wall());
        self.keep(Record::Ended { call_sid, reason, at }).await
    }

    /// Keeps when the caller had heard that an AI is speaking.
    pub async fn disclosure_heard(&self, disclosed: Disclosed) -> Result<(), StoreError> {
        self.keep(Record::DisclosureHeard(disclosed)).await
    }

    /// Gives out the token of a stream; an unused one of the same call is void from then on.
    pub async fn issue_token(&self, hash: TokenHash, claim: StreamClaim, ttl: Duration) -> Result<(), StoreError> {
        self.write(Write::Issue(self.new_token(hash, claim, ttl)))
            .await
            .map(drop)
    }

    fn new_token(&self, hash: TokenHash, claim: StreamClaim, ttl: Duration) -> NewToken {
        let at = self.clock.wall();
        NewToken {
            hash,
            claim,
            at,
            expires_at: at.saturating_add(ttl).unwrap_or(Timestamp::MAX),
        }
    }

    /// Uses up a token: exactly one of all that show it is told that it was good.
    pub async fn burn_token(&self, hash: TokenHash) -> Result<Burnt, StoreError> {
        match self
            .write(Write::Burn(hash, self.node.clone(), self.clock.wall()))
            .await?
        {
            Written::Burnt(burnt) => Ok(burnt),
            _ => Err(StoreError::Closed),
        }
    }

    /// One call.
    pub async fn call(&self, call_sid: &str) -> Result<Option<CallRow>, StoreError> {
        self.read(calls::fetch(&self.readers, call_sid).await)
    }

    /// The calls that have not ended.
    pub async fn open_calls(&self) -> Result<Vec<OpenCall>, StoreError> {
        self.read(calls::open(&self.readers, &self.node, self.clock.wall()).await)
    }

    /// What a call's conversation needs to go on.
    pub async fn conversation(&self, call_sid: &str) -> Result<Option<ConversationRow>, StoreError> {
        self.read(conversations::fetch(&self.readers, call_sid).await)
    }

    /// A call's transfers in order.
    pub async fn transfers(&self, call_sid: &str) -> Result<Vec<TransferRow>, StoreError> {
        self.read(transfers::of_call(&self.readers, call_sid).await)
    }

    /// What models' tools did in a call, in order.
    pub async fn tool_acts(&self, call_sid: &str) -> Result<Vec<ToolActRow>, StoreError> {
        self.read(tool_acts::of_call(&self.readers, call_sid).await)
    }

    /// How fast a call's turns were, in order.
    pub async fn turns(&self, call_sid: &str) -> Result<Vec<TurnRow>, StoreError> {
        self.read(turns::of_call(&self.readers, call_sid).await)
    }

    /// What each provider did for a call.
    pub async fn usage(&self, call_sid: &str) -> Result<Vec<UsageRow>, StoreError> {
        self.read(usage::of_call(&self.readers, call_sid).await)
    }

    /// The newest calls first.
    pub async fn recent_calls(&self, limit: u32) -> Result<Vec<CallRow>, StoreError> {
        self.read(calls::recent(&self.readers, limit).await)
    }

    /// A call's transcript in order.
    pub async fn transcript(&self, call_sid: &str) -> Result<Vec<SegmentRow>, StoreError> {
        self.read(transcripts::of_call(&self.readers, call_sid).await)
    }

    /// A call's lead.
    pub async fn lead(&self, call_sid: &str) -> Result<Option<LeadRow>, StoreError> {
        self.read(leads::of_call(&self.readers, call_sid).await)
    }

    /// Where the fields of a call's lead were heard.
    pub async fn lead_fields(&self, lead_id: &str) -> Result<Vec<LeadFieldRow>, StoreError> {
        self.read(lead_fields::of_lead(&self.readers, lead_id).await)
    }

    /// A call's lead, with where its fields were heard.
    pub async fn whole_lead(&self, call_sid: &str) -> Result<Option<WholeLead>, StoreError> {
        let Some(lead) = self.lead(call_sid).await? else {
            return Ok(None);
        };
        let fields = self.lead_fields(&lead.id).await?;
        Ok(Some(WholeLead::new(lead, fields)))
    }

    /// Events after a cursor, oldest first.
    pub async fn events_after(&self, seq: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(outbox::after(&self.readers, seq, limit).await)
    }

    /// The cursor of the newest event; 0 when there is none.
    pub async fn newest_event(&self) -> Result<i64, StoreError> {
        self.read(outbox::newest(&self.readers).await)
    }

    /// Events from now on, each after its commit.
    pub fn committed(&self) -> broadcast::Receiver<Arc<OutboxRow>> {
        self.committed.subscribe()
    }

    fn write_of(&self, record: Record) -> Write {
        match record {
            Record::Started(call) => Write::LateStart(call),
            Record::Token { hash, claim, ttl } => Write::LateIssue(self.new_token(hash, claim, ttl)),
            Record::Opened(hash) => Write::LateBurn(hash, self.node.clone(), self.clock.wall()),
            Record::Status(report) => Write::Advance(report),
            Record::Segment(segment) => Write::Segment(self.ids.next(self.clock.wall()), segment),
            Record::Words { lines, memory } => Write::Words(lines, memory),
            Record::Lead {
                call_sid,
                stream,
                fields,
                at,
            } => {
                let lead = LeadOf {
                    call_sid,
                    stream,
                    fields,
                    at,
                };
                Write::Lead(self.ids.next(at), lead)
            }
            Record::Memory(new) => Write::Memory(new),
            Record::ToolActEnded(end) => Write::ToolActEnded(end),
            Record::RecordingConsent(new) => Write::RecordingConsent(new),
            Record::RecordingBegun(new) => Write::RecordingBegun(new),
            Record::RecordingEnded(end) => Write::RecordingEnded(end),
            Record::Turn(turn) => Write::Turn(self.ids.next(self.clock.wall()), turn),
            Record::Usage(usage) => Write::Usage(usage),
            Record::DisclosureHeard(disclosed) => Write::DisclosureHeard(disclosed),
            Record::DoNotCall { number, call_sid, at } => {
                let change = DoNotCallChange::Add {
                    number,
                    reason: "asked for in a call".to_owned(),
                    added_by: call_sid,
                };
                Write::LateDoNotCall(change, at)
            }
            Record::Ended { call_sid, reason, at } => Write::End(Ending {
                call_sid,
                reason: write::reason_word(reason),
                at,
            }),
        }
    }

    pub(super) fn readers(&self) -> &Pool {
        &self.readers
    }

    /// This node's id, made when the store was opened.
    pub fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// A new identifier that sorts behind those before.
    pub fn new_id(&self, at: Timestamp) -> String {
        self.ids.next(at)
    }

    /// Writes, and returns what became of it in the database.
    pub(super) async fn write(&self, write: Write) -> Result<Written, StoreError> {
        match self.hand_over(write).await? {
            Written::Spooled => Err(StoreError::Deferred),
            written => Ok(written),
        }
    }

    async fn hand_over(&self, write: Write) -> Result<Written, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            write,
            reply: Some(reply),
        };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn read<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let error = StoreError::from(error);
            self.metrics.store_error(error.fault());
            error
        })
    }
}

/// A spool that can't be used doesn't keep anybody from starting: what waits does so in memory then.
async fn open_spool(settings: &StoreSettings, node: &str, engine: &Engine, metrics: &Metrics) -> Option<Spool> {
    let SpoolSettings { folder, limit } = settings.spool.clone()?;
    let (name, owner) = (node.to_owned(), spool::owner(&engine.name()));
    let opening = tokio::task::spawn_blocking(move || Spool::open(&folder, &name, (owner, limit), waiting::reads));
    let opened = opening.await.map_err(std::io::Error::other).flatten();
    let (spool, found) = opened
        .inspect_err(|error| tracing::error!(%error, "there is no spool"))
        .inspect_err(|_| metrics.store_error(StoreFault::Spool))
        .ok()?;
    if found.unwritable {
        metrics.store_error(StoreFault::Spool);
    }
    if found.records > 0 {
        tracing::warn!(
            spool.records = found.records,
            "a process before this one left what the database didn't take: it is written now"
        );
    }
    metrics.spool_torn.inc_by(found.torn);
    metrics.spool_damaged.inc_by(found.damaged);
    metrics.spool_left.set(found.left.cast_signed());
    Some(spool)
}
