//! Is this speech? Checks what a voice sends before anybody hears it: pages, files, noise, silence, too much, another rate.

use super::release::expected_duration;
use crate::providers::Fault;
use std::time::Duration;
use talia_audio::{
    frame::{FRAME_SAMPLES, duration_of},
    level::mulaw_rms_dbfs,
    mulaw,
};
use talia_spanish::Language;

/// How much is held back: so many frames of noise in a row are noise, and nobody has heard them.
const NOISY_FRAMES: usize = 4;
const HELD: usize = NOISY_FRAMES * FRAME_SAMPLES;
/// How much must be there before any of it is heard: a single frame would leave a gap when the next piece is late.
const FIRST: usize = HELD + 8 * FRAME_SAMPLES;
/// A loud frame that crosses zero so often is no voice: vowels are loud and cross seldom, sibilants cross often and are soft.
const NOISE_DBFS: f32 = -15.0;
const NOISE_CROSSINGS: usize = FRAME_SAMPLES * 3 / 10;
/// Samples of a frame at full scale that no voice has.
const CLIPPED_SAMPLES: usize = FRAME_SAMPLES / 4;
const FULL_SCALE: i16 = 30_000;
/// Below this a frame is a pause.
const AUDIBLE_DBFS: f32 = -55.0;
/// A pause before the first word beyond which nothing was said yet.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_500);
/// How much longer or shorter than expected a text may last before its sampling rate is doubted…
const LONGEST_SHARE: f32 = 1.6;
const SHORTEST_SHARE: f32 = 0.5;
/// …if it has so many letters. Fewer may take any time but…
const ENOUGH_LETTERS: usize = 20;
/// …less than this: bytes of μ-law that are taken for 16 bits at 24 kHz last a sixth.
const NO_SPEECH_SHARE: f32 = 0.3;

/// Checks the audio of one text and lets through what may be heard.
#[derive(Debug)]
pub(super) struct Inspector {
    held: Vec<u8>,
    /// How much of `held` was looked at.
    looked: usize,
    noisy: usize,
    audible: bool,
    begun: bool,
    received: u64,
    expected: Duration,
    letters: usize,
}

impl Inspector {
    /// For the audio of `text`, said at `speed`.
    pub(super) fn new(text: &str, language: Language, speed: f32) -> Self {
        Self {
            held: Vec::with_capacity(2 * HELD),
            looked: 0,
            noisy: 0,
            audible: false,
            begun: false,
            received: 0,
            expected: expected_duration(text, language).div_f32(speed.clamp(0.25, 4.0)),
            letters: text.chars().filter(|c| c.is_alphanumeric()).count(),
        }
    }

    /// How long the text should last.
    pub(super) fn expected(&self) -> Duration {
        self.expected
    }

    /// Takes μ-law in and adds what may be heard to `out`: nothing before the first sound.
    pub(super) fn push(&mut self, mulaw: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let first = self.received == 0;
        self.received += mulaw.len() as u64;
        self.held.extend_from_slice(mulaw);
        if first || self.received < 64 {
            sniff(&self.held)?;
        }
        while self.held.len() - self.looked >= FRAME_SAMPLES {
            let frame = &self.held[self.looked..self.looked + FRAME_SAMPLES];
            self.audible |= mulaw_rms_dbfs(frame) > AUDIBLE_DBFS;
            self.noisy = if is_noise(frame) { self.noisy + 1 } else { 0 };
            if self.noisy >= NOISY_FRAMES {
                return Err(Fault::malformed("the voice sends noise"));
            }
            self.looked += FRAME_SAMPLES;
        }
        let received = duration_of(self.received);
        if received > self.expected * 2 + Duration::from_secs(2) {
            return Err(Fault::malformed("the voice goes on without end"));
        }
        if self.audible && (self.begun || self.held.len() >= FIRST) {
            self.begun = true;
            let ready = self.held.len().saturating_sub(HELD);
            out.extend(self.held.drain(..ready));
            self.looked = self.looked.saturating_sub(ready);
        } else if !self.audible && received > LONGEST_PAUSE.max(self.expected) {
            return Err(Fault::malformed("the voice is silent"));
        }
        Ok(())
    }

    /// The connection broke: adds what was held back of speech that had begun.
    pub(super) fn broke_off(&mut self, out: &mut Vec<u8>) {
        if self.begun && self.noisy == 0 {
            out.append(&mut self.held);
        }
        self.held.clear();
    }

    /// No more comes: adds what was held back. An error tells that it was no speech, or speech at another rate, of which
    /// the caller has heard whatever was let through.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        sniff(&self.held)?;
        if self.held.len() < FRAME_SAMPLES && !self.held.is_empty() {
            self.audible |= mulaw_rms_dbfs(&self.held) > AUDIBLE_DBFS;
        }
        if !self.audible {
            return Err(Fault::malformed("the voice is silent"));
        }
        if is_noise(&self.held[self.looked..]) && self.noisy > 0 {
            return Err(Fault::malformed("the voice sends noise"));
        }
        let share = duration_of(self.received).as_secs_f32() / self.expected.as_secs_f32().max(0.01);
        let fits = if self.letters >= ENOUGH_LETTERS {
            (SHORTEST_SHARE..=LONGEST_SHARE).contains(&share)
        } else {
            share >= NO_SPEECH_SHARE
        };
        // What was not begun can still be kept from the caller; the rest of what was is no worse than its beginning.
        if fits || self.begun {
            out.append(&mut self.held);
            self.looked = 0;
        }
        if fits {
            Ok(())
        } else {
            Err(Fault::malformed("the voice's sampling rate is not the one asked for"))
        }
    }
}

/// Audio whose first bytes are a file's or a page's is none.
pub(super) fn sniff(bytes: &[u8]) -> Result<(), Fault> {
    const FILES: [&[u8]; 6] = [b"RIFF", b"ID3", b"OggS", b"fLaC", b".snd", b"FORM"];
    if FILES.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(Fault::malformed("a sound file came instead of bare audio"));
    }
    let text = &bytes[..bytes.len().min(64)];
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let visible = text.trim_ascii_start();
    // Twelve printable bytes that open like a document: audio has them once in millions of beginnings.
    if visible.len() >= 12 && matches!(visible[0], b'<' | b'{' | b'[') && text.iter().all(printable) {
        return Err(Fault::malformed("a document came instead of audio"));
    }
    Ok(())
}

fn is_noise(frame: &[u8]) -> bool {
    if frame.len() < FRAME_SAMPLES / 2 {
        return false;
    }
    let samples = frame.iter().map(|byte| mulaw::decode(*byte));
    let clipped = samples
        .clone()
        .filter(|sample| sample.unsigned_abs() >= FULL_SCALE.unsigned_abs());
    if clipped.count() * FRAME_SAMPLES >= CLIPPED_SAMPLES * frame.len() {
        return true;
    }
    let signs: Vec<bool> = samples.map(|sample| sample < 0).collect();
    let crossings = signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
    mulaw_rms_dbfs(frame) > NOISE_DBFS && crossings * FRAME_SAMPLES >= NOISE_CROSSINGS * frame.len()
}
