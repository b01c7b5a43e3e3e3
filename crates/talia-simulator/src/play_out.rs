//! Twilio's play-out buffer: queues a server's audio, plays it at 8 kHz on the call's clock, echoes its marks.
//!
//! Pure: every method takes the time, in milliseconds since the stream began. Semantics after Twilio's page
//! "Media Streams: WebSocket messages": a mark is echoed when all audio before it has been played, or at once when the
//! queue is empty; `clear` drops the queue and echoes every pending mark right away.

use std::collections::VecDeque;

use talia_audio::{level::mulaw_rms_dbfs, mulaw};

/// μ-law bytes in a millisecond.
const BYTES_PER_MS: u64 = 8;

/// What the buffer tolerates.
#[derive(Debug, Clone, Copy)]
pub struct PlayOutSettings {
    /// Audio beyond this is refused, in milliseconds: Twilio reports buffers of more than ten minutes (31931).
    pub capacity_ms: u64,
    /// A pause between audible audio up to this length, in milliseconds, counts as an underrun inside speech.
    pub underrun_ms: u64,
    /// Audio at or above this RMS level is audible.
    pub audible_dbfs: f32,
}

impl Default for PlayOutSettings {
    fn default() -> Self {
        Self {
            capacity_ms: 600_000,
            underrun_ms: 300,
            audible_dbfs: -50.0,
        }
    }
}

/// A mark on its way back to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// The server's name for it.
    pub name: String,
    /// Whether everything before it was played; false when a `clear` flushed it out.
    pub played: bool,
}

/// The queue ran dry inside speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Underrun {
    /// When the queue ran dry, in milliseconds since the stream began.
    pub at_ms: u64,
    /// How long nothing was played.
    pub gap_ms: u64,
}

/// How one media message arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// Audio that was still queued before it, in milliseconds.
    pub lead_ms: f64,
    /// How much later it came than the earliest schedule seen in this stretch of audio, in milliseconds.
    pub lateness_ms: f64,
    /// Change of the lateness from the message before (RFC 3550's difference D), in milliseconds; none for the first.
    pub jitter_ms: Option<f64>,
    /// Whether the queue had run dry inside speech.
    pub underrun: Option<Underrun>,
}

/// The message didn't fit into the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {0} ms of audio are queued")]
pub struct Overfull(pub u64);

#[derive(Debug)]
enum Item {
    Audio(Vec<u8>, usize),
    Mark(String),
}

/// A stretch of audio that arrived without the queue running dry.
#[derive(Debug)]
struct Spurt {
    began_ms: f64,
    audio_ms: f64,
    earliest: f64,
    last_lateness: f64,
}

/// The buffer of one stream.
#[derive(Debug)]
pub struct PlayOut {
    settings: PlayOutSettings,
    queue: VecDeque<Item>,
    queued_bytes: u64,
    /// Bytes of time that have been played, silence included.
    position: u64,
    spurt: Option<Spurt>,
    /// When audible audio was played last, and when the queue ran dry.
    last_audible_ms: Option<u64>,
    dry_since_ms: Option<u64>,
}

impl PlayOut {
    /// An empty buffer at time 0.
    pub fn new(settings: PlayOutSettings) -> Self {
        Self {
            settings,
            queue: VecDeque::new(),
            queued_bytes: 0,
            position: 0,
            spurt: None,
            last_audible_ms: None,
            dry_since_ms: None,
        }
    }

    /// Audio that waits to be played, in bytes.
    pub fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// Audio that waits to be played, in milliseconds, rounded up.
    pub fn queued_ms(&self) -> u64 {
        self.queued_bytes.div_ceil(BYTES_PER_MS)
    }

    /// Marks that wait for their audio.
    pub fn pending_marks(&self) -> usize {
        self.queue.iter().filter(|item| matches!(item, Item::Mark(_))).count()
    }

    /// Whether audible audio waits to be played.
    pub fn holds_speech(&self) -> bool {
        self.queue.iter().any(|item| match item {
            Item::Audio(audio, offset) => mulaw_rms_dbfs(&audio[*offset..]) >= self.settings.audible_dbfs,
            Item::Mark(_) => false,
        })
    }

    /// Queues a media message that arrived at `now_ms`. Its audio is played from the next [`advance`](Self::advance) on.
    pub fn media(&mut self, audio: Vec<u8>, now_ms: f64) -> Result<Arrival, Overfull> {
        let bytes = audio.len() as u64;
        if self.queued_bytes + bytes > self.settings.capacity_ms * BYTES_PER_MS {
            return Err(Overfull(self.settings.capacity_ms));
        }
        let audible = mulaw_rms_dbfs(&audio) >= self.settings.audible_dbfs;
        let lead_ms = self.queued_bytes as f64 / BYTES_PER_MS as f64;
        let underrun = self.underrun(audible);
        if self.dry_ms() > 0 && underrun.is_none() {
            self.spurt = None;
        }
        let arrival = self.time(now_ms, bytes as f64 / BYTES_PER_MS as f64);
        if bytes > 0 {
            self.dry_since_ms = None;
            self.queued_bytes += bytes;
            self.queue.push_back(Item::Audio(audio, 0));
        }
        Ok(Arrival {
            lead_ms,
            underrun,
            ..arrival
        })
    }

    /// How long silence has been played in the place of audio.
    fn dry_ms(&self) -> u64 {
        self.dry_since_ms.map_or(0, |dry| self.position / BYTES_PER_MS - dry)
    }

    fn underrun(&self, audible: bool) -> Option<Underrun> {
        let (dry_since, last_audible) = (self.dry_since_ms?, self.last_audible_ms?);
        let gap_ms = self.dry_ms();
        // Silence that the server played itself before the queue ran dry is a pause of its speech, no fault.
        let inside_speech = audible && dry_since.saturating_sub(last_audible) <= 40;
        (inside_speech && gap_ms > 0 && gap_ms <= self.settings.underrun_ms).then_some(Underrun {
            at_ms: dry_since,
            gap_ms,
        })
    }

    fn time(&mut self, now_ms: f64, duration_ms: f64) -> Arrival {
        let fresh = self.spurt.is_none();
        let spurt = self.spurt.get_or_insert(Spurt {
            began_ms: now_ms,
            audio_ms: 0.0,
            earliest: 0.0,
            last_lateness: 0.0,
        });
        let transit = now_ms - spurt.began_ms - spurt.audio_ms;
        spurt.earliest = spurt.earliest.min(transit);
        let lateness_ms = transit - spurt.earliest;
        let jitter_ms = (!fresh).then_some((lateness_ms - spurt.last_lateness).abs());
        spurt.audio_ms += duration_ms;
        spurt.last_lateness = lateness_ms;
        Arrival {
            lead_ms: 0.0,
            lateness_ms,
            jitter_ms,
            underrun: None,
        }
    }

    /// Takes a mark; the echo is returned when it is due at once.
    pub fn mark(&mut self, name: String) -> Option<Echo> {
        if self.queue.is_empty() {
            return Some(Echo { name, played: true });
        }
        self.queue.push_back(Item::Mark(name));
        None
    }

    /// Drops the queue; returns the milliseconds of audio dropped and the echoes of all pending marks, in order.
    pub fn clear(&mut self) -> (u64, Vec<Echo>) {
        let dropped_ms = self.queued_ms();
        let echoes = self
            .queue
            .drain(..)
            .filter_map(|item| match item {
                Item::Mark(name) => Some(Echo { name, played: false }),
                Item::Audio(..) => None,
            })
            .collect();
        self.queued_bytes = 0;
        self.spurt = None;
        // What is silenced on purpose is no underrun.
        self.last_audible_ms = None;
        self.dry_since_ms = None;
        (dropped_ms, echoes)
    }

    /// Plays up to `now_ms`: appends what was heard since the last call (μ-law, silence where the queue was dry) and
    /// returns the marks that became due. A time in the past plays nothing.
    pub fn advance(&mut self, now_ms: u64, heard: &mut Vec<u8>) -> Vec<Echo> {
        let target = now_ms * BYTES_PER_MS;
        let mut echoes = Vec::new();
        while self.position < target {
            let want = target - self.position;
            match self.queue.front_mut() {
                None => {
                    heard.resize(heard.len() + want as usize, mulaw::SILENCE);
                    self.position = target;
                }
                Some(Item::Mark(_)) => self.echo_front(&mut echoes),
                Some(Item::Audio(audio, offset)) => {
                    let take = (want as usize).min(audio.len() - *offset);
                    let piece = &audio[*offset..*offset + take];
                    heard.extend_from_slice(piece);
                    let audible = mulaw_rms_dbfs(piece) >= self.settings.audible_dbfs;
                    *offset += take;
                    self.position += take as u64;
                    self.queued_bytes -= take as u64;
                    if audible {
                        self.last_audible_ms = Some(self.position / BYTES_PER_MS);
                    }
                    if *offset == audio.len() {
                        self.queue.pop_front();
                    }
                    if self.queued_bytes == 0 {
                        self.dry_since_ms = Some(self.position / BYTES_PER_MS);
                    }
                }
            }
        }
        while matches!(self.queue.front(), Some(Item::Mark(_))) {
            self.echo_front(&mut echoes);
        }
        echoes
    }

    fn echo_front(&mut self, echoes: &mut Vec<Echo>) {
        if let Some(Item::Mark(name)) = self.queue.pop_front() {
            echoes.push(Echo { name, played: true });
        }
    }
}
