//! Where speech begins and ends, from the probabilities of a voice activity detector.

use std::time::Duration;

/// How far the stop threshold lies below the start threshold (Silero's own hysteresis).
const HYSTERESIS: f32 = 0.15;

/// Thresholds and patience of a [`SpeechSegmenter`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmenterSettings {
    /// Probability from which a step counts as speech. A step under it by 0.15 counts as silence.
    pub start_threshold: f32,
    /// Speech that lasts this long is believed.
    pub onset: Duration,
    /// Silence that lasts this long is believed.
    pub hangover: Duration,
}

/// The moment at which speech began or ended, on the axis of [`SpeechSegmenter::position`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Speech began at `since`, an onset before it was believed.
    Started {
        /// Start of the first step that was speech.
        since: Duration,
    },
    /// Speech ended at `since`, a hangover before it was believed.
    Stopped {
        /// Start of the first step that was silence.
        since: Duration,
    },
}

/// Speech hysteresis over probabilities.
#[derive(Debug, Clone)]
pub struct SpeechSegmenter {
    settings: SegmenterSettings,
    speaking: bool,
    /// Start of the change that is not believed yet.
    candidate: Option<Duration>,
    position: Duration,
}

impl SpeechSegmenter {
    /// A segmenter that starts in silence at position zero.
    pub fn new(settings: SegmenterSettings) -> Self {
        Self {
            settings,
            speaking: false,
            candidate: None,
            position: Duration::ZERO,
        }
    }

    /// Takes the probability of one step and how long the step is; tells an edge once it is believed.
    ///
    /// A probability that isn't a number counts as silence.
    pub fn push(&mut self, probability: f32, duration: Duration) -> Option<Edge> {
        let start = self.position;
        self.position += duration;
        let speech = probability >= self.settings.start_threshold;
        let silence = probability.is_nan() || (!speech && probability < self.stop_threshold());
        let (towards, against, patience) = if self.speaking {
            (silence, speech, self.settings.hangover)
        } else {
            (speech, silence, self.settings.onset)
        };
        if against {
            self.candidate = None;
        }
        if !towards {
            return None;
        }
        let since = *self.candidate.get_or_insert(start);
        if self.position.saturating_sub(since) < patience {
            return None;
        }
        self.candidate = None;
        self.speaking = !self.speaking;
        Some(if self.speaking {
            Edge::Started { since }
        } else {
            Edge::Stopped { since }
        })
    }

    /// Probability under which a step counts as silence.
    pub fn stop_threshold(&self) -> f32 {
        self.settings.start_threshold - HYSTERESIS
    }

    /// Changes the start threshold from the next step on, for instance while our own voice is on the line.
    pub fn set_start_threshold(&mut self, threshold: f32) {
        self.settings.start_threshold = threshold;
    }

    /// Changes how long silence must last from the next step on.
    pub fn set_hangover(&mut self, hangover: Duration) {
        self.settings.hangover = hangover;
    }

    /// True between a believed start and a believed stop.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Since when the change that isn't believed yet has been going on: silence while speaking, else speech.
    pub fn candidate(&self) -> Option<Duration> {
        self.candidate
    }

    /// How much audio has been judged so far.
    pub fn position(&self) -> Duration {
        self.position
    }

    /// Goes back to silence without telling an edge; the position goes on.
    pub fn reset(&mut self) {
        self.speaking = false;
        self.candidate = None;
    }
}
