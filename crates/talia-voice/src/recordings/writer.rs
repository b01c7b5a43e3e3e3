//! The task that writes one recording: it may be as slow as its disk, and the call never waits for it.

use super::timeline::Block;
use super::{Archive, Fault, keys, wave};
use crate::store::{NewRecording, Record, RecordingEnd};
use age::stream::StreamWriter;
use age::{EncryptError, Encryptor};
use jiff::Timestamp;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use talia_audio::frame::duration_of;
use talia_audio::mulaw::SILENCE;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long the disk may take once the call is over.
const LAST: Duration = Duration::from_millis(1_500);
/// Silence for what was lost is put in by pieces of a second.
const PIECE: u64 = 8_000;

/// One recording that is to be written.
pub(super) struct Job {
    pub(super) archive: Arc<Archive>,
    pub(super) call_sid: String,
    pub(super) stream: i64,
    /// When it began.
    pub(super) at: Timestamp,
    pub(super) blocks: mpsc::Receiver<Block>,
    /// Samples that the call could not hand over.
    pub(super) lost: Arc<AtomicU64>,
    /// Cancelled when the call is over.
    pub(super) over: CancellationToken,
}

/// What was written so far.
#[derive(Default)]
struct Written {
    bytes: u64,
    samples: u64,
    missing: u64,
    silenced: u64,
}

/// Where the encrypted bytes are until the disk takes them.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Vec<u8>>>);

impl Pending {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Job {
    /// Writes until the call is over, then says what became of it.
    pub(super) async fn run(mut self) {
        let id = self.archive.store.new_id(self.at);
        let place = format!("{}-{id}.wav.age", self.call_sid);
        let (key, sealed) = match keys::new_sealed(&self.archive.recipient) {
            Ok(pair) => pair,
            Err(error) => return self.archive.failed(Fault::Key, &error),
        };
        self.keep(Record::RecordingBegun(NewRecording {
            id: id.clone(),
            call_sid: self.call_sid.clone(),
            stream: self.stream,
            place: place.clone(),
            recipient: self.archive.recipient.to_string(),
            key: sealed,
            consent: self.archive.consent.ground(),
            at: self.at,
        }));
        let path = self.archive.folder.file(&place);
        let mut written = Written::default();
        let over = self.over.clone();
        let late = async {
            over.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        let result = tokio::select! {
            result = self.write(&path, &key, &mut written) => result,
            () = late => Err(io::ErrorKind::TimedOut.into()),
        };
        let fault = result.err().map(|error| {
            let fault = Fault::of(&error);
            self.archive.failed(fault, &error);
            fault
        });
        let ms = |samples: u64| duration_of(samples).as_millis() as i64;
        self.keep(Record::RecordingEnded(RecordingEnd {
            id,
            call_sid: self.call_sid.clone(),
            fault: fault.map(Fault::word),
            bytes: written.bytes as i64,
            duration_ms: ms(written.samples),
            missing_ms: ms(written.missing),
            silenced_ms: ms(written.silenced),
            at: self.archive.clock.wall(),
        }));
        self.archive.bell.ring();
    }

    fn keep(&self, record: Record) {
        if let Err(error) = self.archive.store.record(record) {
            // Counted by the store.
            tracing::error!(error = %error, "the row of a recording could not be handed over");
        }
    }

    async fn write(&mut self, path: &PathBuf, key: &age::x25519::Recipient, written: &mut Written) -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(path).await?;
        let pending = Pending::default();
        let encryptor = Encryptor::with_recipients([key as &dyn age::Recipient].into_iter());
        let encryptor = encryptor.map_err(|error: EncryptError| io::Error::other(error.to_string()))?;
        let mut sealing = encryptor.wrap_output(pending.clone())?;
        sealing.write_all(&wave::header(None))?;
        send(&pending, &mut file, written).await?;
        while let Some(block) = self.blocks.recv().await {
            written.missing += fill(&mut sealing, block.at.saturating_sub(written.samples))?;
            written.samples = written.samples.max(block.at) + block.stereo.len() as u64 / 2;
            written.silenced += block.silenced;
            sealing.write_all(&block.stereo)?;
            send(&pending, &mut file, written).await?;
        }
        // What the call could not hand over at its very end leaves no hole that could be seen.
        let lost = self.lost.load(Ordering::Relaxed).saturating_sub(written.missing);
        let filled = fill(&mut sealing, lost)?;
        written.missing += filled;
        written.samples += filled;
        sealing.finish()?;
        send(&pending, &mut file, written).await?;
        file.sync_all().await?;
        // A file whose folder was taken away can be written to its end, and nobody will find it.
        tokio::fs::metadata(path).await.map(drop)
    }
}

/// Puts silence in the place of what was lost; answers how many samples.
fn fill(sealing: &mut StreamWriter<Pending>, samples: u64) -> io::Result<u64> {
    let mut left = samples;
    while left > 0 {
        let piece = left.min(PIECE);
        sealing.write_all(&vec![SILENCE; piece as usize * 2])?;
        left -= piece;
    }
    Ok(samples)
}

/// Gives the disk what is encrypted.
async fn send(pending: &Pending, file: &mut File, written: &mut Written) -> io::Result<()> {
    let bytes = pending.take();
    if !bytes.is_empty() {
        file.write_all(&bytes).await?;
        // The file hands its bytes to another thread: only then it is known whether the disk took them.
        file.flush().await?;
        written.bytes += bytes.len() as u64;
    }
    Ok(())
}
