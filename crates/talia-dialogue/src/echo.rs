//! The guard against our own echo: by level, against what we just sent, and by words, against what we just said.

use crate::Moment;
use std::time::Duration;
use talia_audio::frame::MulawFrame;
use talia_audio::mulaw;

/// How far back a sent frame may come back as echo: the lead is played by then, the rest is the network's round trip.
const WINDOW: Duration = Duration::from_millis(400);
/// Frames remembered: more than the window and the lead hold.
const FRAMES: usize = 64;
/// How much weaker than what we sent our echo is taken to be before anything was learned, dB. Telephone networks keep
/// talker echo at least this low as a rule (ITU-T G.131 asks for far more where the delay is noticeable).
const RETURN_LOSS: f32 = 24.0;
const LEAST_RETURN_LOSS: f32 = 6.0;
/// A voice must be this much louder than the echo expected, dB.
const MARGIN: f32 = 4.0;
/// Quieter than this nothing is learned and nothing is guarded, dBFS.
const QUIET: f32 = -55.0;
/// Weight of a new observation.
const NEW: f32 = 0.05;

/// What was sent lately, and how much of it comes back.
#[derive(Debug)]
pub(crate) struct EchoGuard {
    sent: [(Moment, f32); FRAMES],
    next: usize,
    return_loss: f32,
}

impl EchoGuard {
    pub(crate) fn new() -> Self {
        Self {
            sent: [(Moment::ZERO, -96.0); FRAMES],
            next: 0,
            return_loss: RETURN_LOSS,
        }
    }

    /// A frame goes out that will be played at `plays_at`.
    pub(crate) fn sent(&mut self, plays_at: Moment, frame: &MulawFrame) {
        self.sent[self.next] = (plays_at, level(frame));
        self.next = (self.next + 1) % FRAMES;
    }

    /// What was not played yet never will be.
    pub(crate) fn cleared(&mut self, now: Moment) {
        for entry in self.sent.iter_mut().filter(|(at, _)| *at > now) {
            entry.1 = -96.0;
        }
    }

    /// The loudest of what the line played within the window, dBFS.
    fn reference(&self, now: Moment) -> f32 {
        let from = now.saturating_sub(WINDOW);
        let within = self.sent.iter().filter(|(at, _)| *at >= from && *at <= now);
        within.map(|(_, level)| *level).fold(-96.0, f32::max)
    }

    /// Whether the caller's level is above what our echo can be.
    pub(crate) fn louder_than_echo(&self, now: Moment, level: f32) -> bool {
        let reference = self.reference(now);
        reference < QUIET || level > reference - self.return_loss + MARGIN
    }

    /// Learns from a step that was no voice although we were audible: what came back was echo and noise.
    pub(crate) fn learn_quiet(&mut self, now: Moment, level: f32) {
        let reference = self.reference(now);
        if reference > QUIET && level > QUIET {
            let loss = (reference - level).clamp(LEAST_RETURN_LOSS, RETURN_LOSS + 12.0);
            self.return_loss += NEW * (loss - self.return_loss);
        }
    }

    /// Learns from a sound that turned out to be our own words.
    pub(crate) fn learn_echo(&mut self, excess: f32) {
        if excess.is_finite() {
            self.return_loss = self.return_loss.min(excess).max(LEAST_RETURN_LOSS);
        }
    }

    /// How much weaker than what we sent the caller's level is, dB; `None` when we sent nothing.
    pub(crate) fn below_reference(&self, now: Moment, level: f32) -> Option<f32> {
        let reference = self.reference(now);
        (reference > QUIET).then_some(reference - level)
    }
}

/// Level of a frame, dBFS.
fn level(frame: &MulawFrame) -> f32 {
    let energy: f32 = frame
        .iter()
        .map(|&byte| {
            let sample = f32::from(mulaw::decode(byte)) / 32_768.0;
            sample * sample
        })
        .sum();
    (10.0 * (energy / frame.len() as f32).max(1e-10).log10()).max(-96.0)
}

/// Whether what was heard is a stretch of what we said: its words, in order and next to each other.
pub(crate) fn is_our_own(heard: &str, said: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (heard, said) = (words(heard), words(said));
    // A single word says too little: a caller repeats one of ours more often than the line brings one back.
    if heard.len() < 2 || said.is_empty() {
        return false;
    }
    let most = heard.len() - heard.len() / 4;
    (0..said.len()).any(|from| {
        let same = heard.iter().zip(&said[from..]).filter(|(a, b)| a == b).count();
        same >= most
    })
}
