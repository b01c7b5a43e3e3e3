//! Our own voice coming back on the line, and how to tell it from a caller.

use std::time::Duration;

use crate::frame::FRAME;
use crate::level::{dbfs_of, power_of};

/// Frames of history: 1.28 s, enough to compare 600 ms behind a delay of 400 ms, and for a lead of 280 ms.
const HISTORY: usize = 64;
/// Frames of ours whose echo may arrive now: 700 ms, the longest delay and the tail of a room.
const REACH: u64 = 35;
/// Under this level nothing that we send can come back audibly.
const QUIET_DBFS: f32 = -50.0;
/// Frames of inbound audio that are compared with what we sent (600 ms).
const COMPARED: u64 = 30;
/// Longest delay of an echo that is looked for, in frames (400 ms).
pub const LONGEST_LAG: usize = 20;

/// How an [`EchoGuard`] learns and judges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EchoSettings {
    /// Return loss assumed before anything was learned: low, so that the first words can teach the rest.
    pub initial_loss_db: f32,
    /// How far above the expected echo a frame may be and still be called echo: lines colour the sound.
    pub margin_db: f32,
    /// Inbound audio louder than the expected echo by more than this teaches nothing: it is a caller.
    pub slack_db: f32,
    /// Time constant of learning.
    pub learning: Duration,
}

impl Default for EchoSettings {
    fn default() -> Self {
        Self {
            initial_loss_db: 6.0,
            margin_db: 6.0,
            slack_db: 6.0,
            learning: Duration::from_secs(2),
        }
    }
}

/// Knows what we sent in the last second, learns how much of it comes back, and judges inbound frames.
///
/// Times are durations since any fixed moment, the same for both directions; what we send counts from when it is
/// played ([`crate::pacer::Pacer::played_out_at`] before sending), which may lie in the future by the lead.
#[derive(Debug, Clone)]
pub struct EchoGuard {
    settings: EchoSettings,
    sent: Envelope,
    heard: Envelope,
    loss_db: f32,
    lessons: u32,
}

impl EchoGuard {
    /// A guard at the start of a call.
    pub fn new(settings: EchoSettings) -> Self {
        Self {
            settings,
            sent: Envelope::default(),
            heard: Envelope::default(),
            loss_db: settings.initial_loss_db,
            lessons: 0,
        }
    }

    /// Takes the level of one frame of ours that is played at `at`.
    pub fn sent(&mut self, dbfs: f32, at: Duration) {
        self.sent.put(slot(at), power_of(dbfs));
    }

    /// Tells that what was to be played from `now` on has been cleared.
    pub fn cleared(&mut self, now: Duration) {
        self.sent.forget_after(slot(now));
    }

    /// Takes the level of one inbound frame and learns from it unless the caller is known to speak.
    pub fn heard(&mut self, dbfs: f32, caller_speaking: bool, now: Duration) {
        let now = slot(now);
        self.heard.put(now, power_of(dbfs));
        if caller_speaking {
            return;
        }
        // Only a peak of ours that has had the time to come back can be looked for in what was heard since.
        let (peak, age) = self.sent.loudest(now);
        if peak <= QUIET_DBFS || age < LONGEST_LAG as u64 {
            return;
        }
        let observed = (peak - self.heard.loudest(now).0).clamp(0.0, 60.0);
        if observed < self.loss_db - self.settings.slack_db {
            return;
        }
        self.lessons = self.lessons.saturating_add(1);
        // A running mean at first, so that one greeting is enough; then a slow average.
        let slow = FRAME.as_secs_f32() / self.settings.learning.as_secs_f32().max(0.02);
        let share = (1.0 / (self.lessons as f32 + 1.0)).max(slow.min(1.0));
        self.loss_db += share * (observed - self.loss_db);
    }

    /// True if a frame of this level is no louder than our own echo would be.
    pub fn is_probably_echo(&self, inbound_dbfs: f32, now: Duration) -> bool {
        self.expected_echo_dbfs(now)
            .is_some_and(|expected| inbound_dbfs <= expected + self.settings.margin_db)
    }

    /// Level of the loudest frame that may come back of our voice at `now`; `None` if we have been silent.
    pub fn expected_echo_dbfs(&self, now: Duration) -> Option<f32> {
        let (loudest, _) = self.sent.loudest(slot(now));
        (loudest > QUIET_DBFS).then_some(loudest - self.loss_db)
    }

    /// Return loss as learned so far, in dB.
    pub fn return_loss_db(&self) -> f32 {
        self.loss_db
    }

    /// How much the last 600 ms of inbound audio rise and fall as ours did, at the delay that fits best.
    pub fn similarity(&self, now: Duration) -> Similarity {
        let now = slot(now);
        let mut heard = [0.0; COMPARED as usize];
        let mut sent = [0.0; COMPARED as usize + LONGEST_LAG];
        self.heard.copy_until(now, &mut heard);
        self.sent.copy_until(now, &mut sent);
        envelope_similarity(&sent, &heard)
    }
}

fn slot(at: Duration) -> u64 {
    (at.as_micros() / FRAME.as_micros()) as u64
}

/// Power per frame of the line over the last second, by frame number.
#[derive(Debug, Clone)]
struct Envelope {
    slots: [(u64, f32); HISTORY],
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            slots: [(u64::MAX, 0.0); HISTORY],
        }
    }
}

impl Envelope {
    fn put(&mut self, number: u64, power: f32) {
        self.slots[(number % HISTORY as u64) as usize] = (number, power);
    }

    fn get(&self, number: u64) -> f32 {
        match self.slots[(number % HISTORY as u64) as usize] {
            (kept, power) if kept == number => power,
            _ => 0.0,
        }
    }

    fn forget_after(&mut self, number: u64) {
        for slot in &mut self.slots {
            if slot.0 > number {
                *slot = (u64::MAX, 0.0);
            }
        }
    }

    /// Level in dBFS of the loudest of the last frames up to `now`, and how many frames ago it was.
    ///
    /// Not the RMS of them all: single frames of speech stand up to 8 dB above that, and it is single frames that are
    /// judged.
    fn loudest(&self, now: u64) -> (f32, u64) {
        let mut loudest = (0.0, 0);
        for age in 0..=REACH.min(now) {
            let power = self.get(now - age);
            if power >= loudest.0 {
                loudest = (power, age);
            }
        }
        (dbfs_of(loudest.0), loudest.1)
    }

    /// Levels in dBFS of the frames up to and including `last`, oldest first.
    fn copy_until(&self, last: u64, levels: &mut [f32]) {
        for (back, level) in levels.iter_mut().rev().enumerate() {
            *level = last
                .checked_sub(back as u64)
                .map_or(crate::level::SILENCE_DBFS, |number| dbfs_of(self.get(number)));
        }
    }
}

/// How alike two envelopes are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Similarity {
    /// Normalised cross-correlation, 0 (unlike, or nothing to compare) to 1 (the same up to loudness). Unrelated
    /// speech reaches 0.5 by chance over 600 ms; an echo stands above 0.8.
    pub value: f32,
    /// The delay at which the value was found, in frames of 20 ms.
    pub lag: usize,
}

/// Appends the RMS level of each whole 20 ms frame of 8 kHz audio in dBFS.
pub fn envelope(samples: &[i16], levels: &mut Vec<f32>) {
    let frames = samples.chunks_exact(crate::frame::FRAME_SAMPLES);
    levels.extend(frames.map(crate::level::rms_dbfs));
}

/// Compares an inbound envelope with the one we sent, both in dBFS per frame and ending at the same moment.
///
/// The longer `sent` is than `heard`, the longer the delays that are tried. Levels more than 40 dB under the loudest
/// of their envelope count as equally silent, so that noise under the words doesn't matter.
pub fn envelope_similarity(sent: &[f32], heard: &[f32]) -> Similarity {
    let mut best = Similarity::default();
    let Some(lags) = sent.len().checked_sub(heard.len()) else {
        return best;
    };
    let sent_floor = floor_of(sent);
    let heard_floor = floor_of(heard);
    for lag in 0..=lags {
        let end = sent.len() - lag;
        let pairs = sent[end - heard.len()..end]
            .iter()
            .zip(heard)
            .map(|(&a, &b)| (a.max(sent_floor), b.max(heard_floor)));
        let value = correlation(pairs);
        if value > best.value {
            best = Similarity { value, lag };
        }
    }
    best
}

fn floor_of(levels: &[f32]) -> f32 {
    levels.iter().copied().fold(f32::NEG_INFINITY, f32::max) - 40.0
}

/// Pearson's correlation; 0 if one side doesn't vary by 1 dB.
fn correlation(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    let mut count = 0.0;
    let mut means = (0.0, 0.0);
    for (a, b) in pairs.clone() {
        count += 1.0;
        means = (means.0 + a, means.1 + b);
    }
    if count < 2.0 {
        return 0.0;
    }
    let means = (means.0 / count, means.1 / count);
    let mut covariance = 0.0;
    let mut variances = (0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - means.0, b - means.1);
        covariance += a * b;
        variances = (variances.0 + a * a, variances.1 + b * b);
    }
    if variances.0 < count || variances.1 < count {
        return 0.0;
    }
    (covariance / (variances.0 * variances.1).sqrt()).clamp(-1.0, 1.0)
}
