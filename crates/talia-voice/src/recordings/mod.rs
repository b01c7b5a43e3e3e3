//! Recordings of calls: both sides, aligned by the line's own clock, encrypted as they are written.
//!
//! [`CallRecording`] belongs to the call task and only hands over; a task of its own writes ([`writer`]). What it can't take in
//! time is lost to the recording, counted, and never felt by the call. Knows neither Twilio nor SQL.

pub mod asking;
mod bucket;
mod dead;
mod folder;
pub mod keys;
pub mod opening;
mod shelf;
pub mod timeline;
mod trouble;
mod uploader;
mod uploads;
pub mod wave;
mod writer;

use crate::clock::Clock;
use crate::config;
use crate::store::Store;
use crate::telemetry::Metrics;
pub use crate::telemetry::labels::RecordingFault as Fault;
use age::x25519::Recipient;
pub use bucket::{Bucket, BucketError, Pieces};
pub use dead::{close as close_dead, close_in_time};
pub use folder::Folder;
use jiff::Timestamp;
pub use shelf::{OnShelf, RemovalError, Shelf, ShelfError};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use talia_audio::frame::{MulawFrame, duration_of};
use talia_dialogue::{MarkId, Output};
use talia_spanish::Expectation;
use thiserror::Error;
use timeline::{Block, Timeline};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
pub use trouble::BucketTrouble;
pub use uploads::{Bell, Uploads};

/// Blocks that may wait for a slow disk: thirteen seconds of a call.
const WAITING: usize = 64;

/// What all recordings of a server share.
#[derive(Debug)]
pub struct Archive {
    recipient: Recipient,
    consent: config::Consent,
    folder: Folder,
    silent_during: Vec<Expectation>,
    /// Rung when one is finished.
    bell: Bell,
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// The folder can't be used.
#[derive(Debug, Error)]
#[error("recordings.folder: {path}: {error}")]
pub struct FolderError {
    path: String,
    error: io::Error,
}

impl Archive {
    /// What the configuration asks for; none: nothing is recorded. Makes the folder.
    pub fn open(
        config: &config::Recordings,
        store: &Store,
        clock: &Clock,
        metrics: &Arc<Metrics>,
        bell: &Bell,
    ) -> Result<Option<Arc<Self>>, FolderError> {
        let (Some(consent), Some(recipient)) = (config.consent, config.recipient.clone()) else {
            return Ok(None);
        };
        let folder = Folder::new(&config.folder);
        folder.prepare().map_err(|error| FolderError {
            path: config.folder.display().to_string(),
            error,
        })?;
        Ok(Some(Arc::new(Self {
            consent,
            recipient,
            folder,
            silent_during: config.silent_during.clone(),
            bell: bell.clone(),
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        })))
    }

    /// What lets a recording begin.
    pub fn consent(&self) -> config::Consent {
        self.consent
    }

    fn failed(&self, fault: Fault, error: &dyn std::fmt::Display) {
        self.metrics.recording_failed(fault);
        tracing::error!(recording.fault = fault.word(), error = %error, "a recording could not be kept");
    }
}

/// The recording of one stream of a call. Without an archive it does nothing.
#[derive(Debug)]
pub struct CallRecording(Option<Box<Recorded>>);

#[derive(Debug)]
struct Recorded {
    archive: Arc<Archive>,
    call_sid: String,
    stream: i64,
    tasks: TaskTracker,
    timeline: Timeline,
    writing: Option<Writing>,
}

#[derive(Debug)]
struct Writing {
    blocks: mpsc::Sender<Block>,
    lost: Arc<AtomicU64>,
    /// Tells the writer that the call is over, however it ends.
    _over: DropGuard,
}

impl CallRecording {
    /// For a call's stream of this number; its tasks hang on the call.
    pub fn new(archive: Option<Arc<Archive>>, call_sid: &str, stream: i64, tasks: &TaskTracker) -> Self {
        Self(archive.map(|archive| {
            Box::new(Recorded {
                archive,
                call_sid: call_sid.to_owned(),
                stream,
                tasks: tasks.clone(),
                timeline: Timeline::default(),
                writing: None,
            })
        }))
    }

    /// From now on it is kept: the caller knows, or has agreed.
    pub fn begin(&mut self, at: Timestamp) {
        let Some(recorded) = self.0.as_mut().filter(|recorded| recorded.writing.is_none()) else {
            return;
        };
        recorded.timeline.begin();
        let (blocks, receiver) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let over = CancellationToken::new();
        recorded.tasks.spawn(
            writer::Job {
                archive: recorded.archive.clone(),
                call_sid: recorded.call_sid.clone(),
                stream: recorded.stream,
                at,
                blocks: receiver,
                lost: lost.clone(),
                over: over.clone(),
            }
            .run(),
        );
        recorded.writing = Some(Writing {
            blocks,
            lost,
            _over: over.drop_guard(),
        });
    }

    /// The caller's next frame, with its time in milliseconds since the stream began.
    pub fn caller(&mut self, frame: &MulawFrame, timestamp_ms: u64) {
        if let Some(recorded) = &mut self.0 {
            recorded.timeline.caller(frame, timestamp_ms);
            if let Some(block) = recorded.timeline.block() {
                recorded.hand_over(block);
            }
        }
    }

    /// What the dialogue sends to the line.
    pub fn sent(&mut self, output: &Output) {
        if let Some(recorded) = &mut self.0 {
            match output {
                Output::Frame(frame) => recorded.timeline.sent_frame(frame),
                Output::Mark(mark) => recorded.timeline.sent_mark(*mark),
                Output::Clear => recorded.timeline.cleared(),
                _ => {}
            }
        }
    }

    /// A mark of this name came back from the line.
    pub fn mark_back(&mut self, name: &str) {
        if let Some(recorded) = &mut self.0
            && let Some(mark) = MarkId::parse(name)
        {
            recorded.timeline.mark_back(mark);
        }
    }

    /// The caller pressed a key.
    pub fn key(&mut self) {
        if let Some(recorded) = &mut self.0 {
            recorded.timeline.key();
        }
    }

    /// Such an answer is expected from now on.
    pub fn expecting(&mut self, expectation: Expectation) {
        if let Some(recorded) = &mut self.0 {
            let quiet = recorded.archive.silent_during.contains(&expectation);
            recorded.timeline.quiet(quiet);
        }
    }

    /// The stream is over, or the caller wants it no more; what is left is written soon after.
    pub fn end(&mut self) {
        if let Some(mut recorded) = self.0.take()
            && let Some(block) = recorded.timeline.finish()
        {
            recorded.hand_over(block);
        }
    }
}

impl Recorded {
    fn hand_over(&mut self, block: Block) {
        let Some(writing) = &self.writing else {
            return;
        };
        let samples = block.stereo.len() as u64 / 2;
        // A writer that gave up has said why.
        if let Err(mpsc::error::TrySendError::Full(_)) = writing.blocks.try_send(block) {
            writing.lost.fetch_add(samples, Ordering::Relaxed);
            let ms = duration_of(samples).as_millis() as u64;
            self.archive.metrics.recording_lost_milliseconds.inc_by(ms);
        }
    }
}
