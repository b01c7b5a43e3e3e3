//! One sentence of ours: its text, its audio, and how much of it was made, sent and heard.

use crate::heard::{expected_samples, heard_prefix};
use crate::{CueId, Moment, SegmentId, SpeechKind, UtteranceId};
use std::time::Duration;
use talia_audio::frame::{FRAME_SAMPLES, MulawFrame, SAMPLE_RATE, duration_of, samples_in};

/// μ-law's quietest byte (ITU-T G.711).
const SILENCE: u8 = 0xFF;
/// Audio that one sentence may have: two minutes, far beyond any sentence, so that a broken voice can't fill memory.
const LONGEST: usize = 120 * SAMPLE_RATE as usize;
/// Text that one sentence may have, in bytes: far beyond what two minutes can hold.
const LONGEST_TEXT: usize = 8_192;
/// Heard audio is let go in pieces of this many samples, so that not every mark moves memory.
const TRIM: u32 = SAMPLE_RATE;

/// One sentence on its way to the caller. All positions count samples from its beginning.
#[derive(Debug)]
pub(crate) struct Sentence {
    pub(crate) id: SegmentId,
    pub(crate) cue: CueId,
    pub(crate) kind: SpeechKind,
    pub(crate) text: String,
    /// The brain says it with a voice of its own: its text may grow.
    pub(crate) utterance: Option<UtteranceId>,
    /// Audio from position `base` on.
    audio: Vec<u8>,
    base: u32,
    /// No more audio will come.
    pub(crate) complete: bool,
    /// The audio broke off before its end.
    pub(crate) failed: bool,
    /// Sent to the line under the present generation.
    pub(crate) sent: u32,
    /// Position of the last mark sent.
    pub(crate) marked: u32,
    /// Confirmed as heard.
    pub(crate) heard: u32,
    /// Where the present stretch of it began to sound.
    pub(crate) resumed: Moment,
    /// How far the line had played when it was stopped, as far as the clock can tell.
    reached: u32,
    /// Some of it counts as heard only by the clock.
    pub(crate) by_timer: bool,
    /// When it began to sound.
    pub(crate) began: Moment,
    /// When the last part known to be heard was confirmed.
    pub(crate) ended: Moment,
    pub(crate) first_audio: Option<Moment>,
    pub(crate) first_frame: Option<Moment>,
    /// When audio last arrived, or the sentence was asked for.
    pub(crate) last_audio: Moment,
}

impl Sentence {
    pub(crate) fn new(id: SegmentId, cue: CueId, kind: SpeechKind, text: &str, now: Moment) -> Self {
        Self {
            id,
            cue,
            kind,
            text: text.to_owned(),
            utterance: None,
            audio: Vec::new(),
            base: 0,
            complete: false,
            failed: false,
            sent: 0,
            marked: 0,
            heard: 0,
            resumed: now,
            reached: 0,
            by_timer: false,
            began: now,
            ended: now,
            first_audio: None,
            first_frame: None,
            last_audio: now,
        }
    }

    /// Whether the caller can't cut it.
    pub(crate) fn uninterruptible(&self) -> bool {
        matches!(self.kind, SpeechKind::Disclosure | SpeechKind::Goodbye)
    }

    /// Samples made so far.
    pub(crate) fn total(&self) -> u32 {
        self.base + self.audio.len() as u32
    }

    /// Takes audio in; answers how many bytes were too many.
    pub(crate) fn receive(&mut self, mulaw: &[u8], now: Moment) -> usize {
        let room = LONGEST.saturating_sub(self.total() as usize).min(mulaw.len());
        self.audio.extend_from_slice(&mulaw[..room]);
        self.last_audio = now;
        if room > 0 {
            self.first_audio.get_or_insert(now);
        }
        mulaw.len() - room
    }

    pub(crate) fn fully_sent(&self) -> bool {
        self.complete && self.sent == self.total()
    }

    pub(crate) fn fully_heard(&self) -> bool {
        self.complete && self.heard == self.total()
    }

    /// On the line and not confirmed.
    pub(crate) fn unacknowledged(&self) -> bool {
        self.sent > self.heard
    }

    /// Whether a whole frame, or the last one, can be taken.
    pub(crate) fn frame_ready(&self) -> bool {
        let left = (self.total() - self.sent) as usize;
        left >= FRAME_SAMPLES || (self.complete && left > 0)
    }

    /// Takes the next frame, the last one filled up with silence.
    pub(crate) fn take_frame(&mut self) -> MulawFrame {
        let from = (self.sent - self.base) as usize;
        let rest = &self.audio[from..];
        let length = rest.len().min(FRAME_SAMPLES);
        let mut frame = [SILENCE; FRAME_SAMPLES];
        frame[..length].copy_from_slice(&rest[..length]);
        self.sent += length as u32;
        frame
    }

    /// Notes that everything before `position` was heard.
    pub(crate) fn confirm(&mut self, position: u32, now: Moment) {
        self.heard = self.heard.max(position.min(self.sent));
        self.ended = now;
        if self.heard - self.base >= TRIM {
            self.audio.drain(..(self.heard - self.base) as usize);
            self.base = self.heard;
        }
    }

    /// Takes more text in; answers how many bytes were too many.
    pub(crate) fn grow(&mut self, text: &str) -> usize {
        if self.text.len() + text.len() > LONGEST_TEXT {
            return text.len();
        }
        let text = if self.text.is_empty() { text.trim_start() } else { text };
        self.text.push_str(text);
        0
    }

    /// What was sent and not heard was thrown away by the line.
    pub(crate) fn rewind(&mut self, now: Moment) {
        if self.unacknowledged() {
            let since = if self.heard > 0 { self.ended } else { self.began };
            let played = samples_in(now.saturating_sub(since.max(self.resumed)));
            let reached = u64::from(self.heard).saturating_add(played);
            self.reached = self.reached.max(reached.min(u64::from(self.sent)) as u32);
        }
        self.sent = self.heard;
        self.marked = self.heard;
        if self.heard == 0 {
            self.first_frame = None;
        }
    }

    /// How much of it has sounded at the caller's, the unconfirmed part by the clock.
    pub(crate) fn sounded(&self) -> Duration {
        duration_of(u64::from(self.heard.max(self.reached)))
    }

    /// The words that were heard, and those that were not.
    pub(crate) fn split(&self) -> (&str, &str) {
        let whole = if self.complete && !self.failed {
            self.total()
        } else {
            self.total().max(expected_samples(&self.text))
        };
        let fraction = if whole == 0 {
            0.0
        } else {
            self.heard as f32 / whole as f32
        };
        let heard = heard_prefix(&self.text, fraction);
        (heard, self.text[heard.len()..].trim())
    }
}
