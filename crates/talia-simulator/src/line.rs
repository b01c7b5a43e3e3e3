//! The line between caller and carrier: band, noise, echo and the fate of packets.

use std::collections::VecDeque;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use talia_audio::{
    frame::{FRAME_SAMPLES, MulawFrame, SAMPLE_RATE},
    mix::{LineFilter, amplitude_of, white_noise},
    mulaw,
};

use crate::script::LineConditions;

/// Length of the noise that is repeated, in samples: long enough to be no tone.
const NOISE_SAMPLES: usize = 4 * SAMPLE_RATE as usize;

/// What the line does to the caller's voice.
#[derive(Debug)]
pub struct VoicePath {
    filter: Option<LineFilter>,
    noise: Vec<i16>,
    noise_offset: usize,
    echo_factor: f32,
    echo: Option<VecDeque<i16>>,
}

impl VoicePath {
    /// A line on which speech has the given level.
    pub fn new(conditions: &LineConditions, speech_dbfs: f32) -> Self {
        let filter = conditions.band_pass.then(LineFilter::new);
        let mut noise = Vec::new();
        if let Some(snr_db) = conditions.noise_snr_db {
            noise.resize(NOISE_SAMPLES, 0);
            white_noise(conditions.seed, speech_dbfs - snr_db, &mut noise);
        }
        let delay = conditions.echo.map_or(0, |path| path.delay_ms as usize * 8);
        Self {
            filter,
            noise,
            noise_offset: 0,
            echo_factor: conditions.echo.map_or(0.0, |path| amplitude_of(-path.attenuation_db)),
            echo: conditions.echo.map(|_| VecDeque::from(vec![0; delay])),
        }
    }

    /// Takes what was played to the caller in this frame's time; it may come back later.
    pub fn played(&mut self, frame: &[u8]) {
        if let Some(echo) = &mut self.echo {
            echo.extend(frame.iter().map(|&byte| mulaw::decode(byte)));
        }
    }

    /// Carries one frame of the caller's voice.
    pub fn carry(&mut self, voice: &[i16; FRAME_SAMPLES]) -> MulawFrame {
        let mut samples = *voice;
        if let Some(echo) = &mut self.echo {
            for sample in &mut samples {
                let returned = echo.pop_front().map_or(0.0, |played| f32::from(played) * self.echo_factor);
                *sample = sample.saturating_add(returned as i16);
            }
        }
        if !self.noise.is_empty() {
            for sample in &mut samples {
                *sample = sample.saturating_add(self.noise[self.noise_offset]);
                self.noise_offset = (self.noise_offset + 1) % self.noise.len();
            }
        }
        if let Some(filter) = &mut self.filter {
            filter.apply(&mut samples);
        }
        samples.map(mulaw::encode)
    }
}

/// What happens to one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Arrives.
    Arrives,
    /// Never arrives; the counters show the gap.
    Lost,
    /// Arrives twice.
    Doubled,
    /// Arrives behind the packet after it.
    Overtaken,
}

/// Decides the fate and delay of packets; the same seed decides the same.
#[derive(Debug)]
pub struct PacketPath {
    random: StdRng,
    jitter_ms: u64,
    loss: f32,
    reorder: f32,
    duplicate: f32,
    last_due_ms: u64,
}

impl PacketPath {
    /// A path with the given conditions.
    pub fn new(conditions: &LineConditions) -> Self {
        Self {
            random: StdRng::seed_from_u64(conditions.seed),
            jitter_ms: conditions.jitter_ms,
            loss: conditions.loss_percent / 100.0,
            reorder: conditions.reorder_percent / 100.0,
            duplicate: conditions.duplicate_percent / 100.0,
            last_due_ms: 0,
        }
    }

    /// When a packet produced at `now_ms` is due (never before an earlier one), and its fate.
    pub fn decide(&mut self, now_ms: u64) -> (u64, Fate) {
        let delay = if self.jitter_ms == 0 {
            0
        } else {
            self.random.random_range(0..=self.jitter_ms)
        };
        self.last_due_ms = self.last_due_ms.max(now_ms + delay);
        let dice: f32 = self.random.random();
        let fate = if dice < self.loss {
            Fate::Lost
        } else if dice < self.loss + self.reorder {
            Fate::Overtaken
        } else if dice < self.loss + self.reorder + self.duplicate {
            Fate::Doubled
        } else {
            Fate::Arrives
        };
        (self.last_due_ms, fate)
    }
}
