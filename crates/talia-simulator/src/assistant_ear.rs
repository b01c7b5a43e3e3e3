//! What the caller hears of the assistant: when it speaks, for how long, since when it is silent.

use talia_audio::{frame::FRAME_SAMPLES, level::mulaw_rms_dbfs, mulaw};

/// A frame at or above this RMS level is the assistant's voice.
pub const AUDIBLE_DBFS: f32 = -50.0;
/// Pauses up to this belong to one utterance, in milliseconds.
const UTTERANCE_PAUSE_MS: u64 = 400;
/// Most audio of one turn that is kept for the listener, in samples (one minute).
const TURN_SAMPLES: usize = 60 * 8_000;

/// An utterance's edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The assistant began to speak.
    Began {
        /// Call clock, in milliseconds.
        at_ms: u64,
    },
    /// It has been silent for 400 ms.
    Ended {
        /// When it began.
        from_ms: u64,
        /// When its last audible frame ended.
        to_ms: u64,
    },
}

/// The assistant as the caller hears it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scene {
    /// Whether an utterance is going on.
    pub speaking: bool,
    /// How long the utterance has lasted, in milliseconds.
    pub speech_ms: u64,
    /// When the last audible frame since a break of the line ended, on the call's clock.
    pub last_audible_ms: Option<u64>,
}

/// Follows the audio that is played to the caller.
#[derive(Debug, Default)]
pub struct AssistantEar {
    began_ms: Option<u64>,
    last_audible_ms: Option<u64>,
    /// When the line last broke: what was heard before is no answer.
    broke_ms: Option<u64>,
    turn: Vec<i16>,
}

impl AssistantEar {
    /// Takes the frame that was played up to `now_ms`. Returns the edge it made, and whether it is audible.
    pub fn hear(&mut self, frame: &[u8], now_ms: u64) -> (Option<Edge>, bool) {
        let audible = mulaw_rms_dbfs(frame) >= AUDIBLE_DBFS;
        // Silence in front of a turn tells a listener nothing.
        if (audible || !self.turn.is_empty()) && self.turn.len() + FRAME_SAMPLES <= TURN_SAMPLES {
            self.turn.extend(frame.iter().map(|&byte| mulaw::decode(byte)));
        }
        if audible {
            self.last_audible_ms = Some(now_ms);
            if self.began_ms.is_none() {
                let at_ms = now_ms.saturating_sub(20);
                self.began_ms = Some(at_ms);
                return (Some(Edge::Began { at_ms }), audible);
            }
        } else if let (Some(from_ms), Some(to_ms)) = (self.began_ms, self.last_audible_ms)
            && now_ms - to_ms >= UTTERANCE_PAUSE_MS
        {
            self.began_ms = None;
            return (Some(Edge::Ended { from_ms, to_ms }), audible);
        }
        (None, audible)
    }

    /// A stream begins: what was heard before it is an utterance of its own, however short the break.
    pub fn break_off(&mut self) -> Option<Edge> {
        let from_ms = self.began_ms.take()?;
        let to_ms = self.last_audible_ms.unwrap_or(from_ms);
        Some(Edge::Ended { from_ms, to_ms })
    }

    /// The stream broke: whoever hears a sentence torn off waits for what comes back, and takes no silence for its end.
    pub fn broke(&mut self, now_ms: u64) {
        self.broke_ms = Some(now_ms);
    }

    /// The scene at `now_ms`.
    pub fn scene(&self, now_ms: u64) -> Scene {
        Scene {
            speaking: self.began_ms.is_some(),
            speech_ms: self.began_ms.map_or(0, |began| now_ms.saturating_sub(began)),
            last_audible_ms: self
                .last_audible_ms
                .filter(|&at| self.broke_ms.is_none_or(|broke| at > broke)),
        }
    }

    /// What the assistant has said since the caller's last turn, 8 kHz.
    pub fn turn(&self) -> &[i16] {
        &self.turn
    }

    /// The caller has spoken: a new turn of the assistant begins.
    pub fn new_turn(&mut self) {
        self.turn.clear();
    }
}
