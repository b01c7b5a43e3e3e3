//! How a fake voice performs a text: in which pieces, when, and what goes wrong with it.

use crate::providers::spelled_speech;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;
use talia_audio::mulaw;

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VoiceFault {
    /// Nothing.
    #[default]
    None,
    /// The key is refused: HTTP 401.
    Unauthorised,
    /// HTTP 429, with `Retry-After` in seconds or without.
    RateLimited { retry_after: Option<u32> },
    /// HTTP 503.
    Unavailable,
    /// The connection breaks once the text is there and so much audio was sent, in milliseconds (0: none at all).
    Dies { after_ms: u32 },
    /// Nothing more comes once so much audio was sent, though the connection stays alive.
    Stalls { after_ms: u32 },
    /// The same, and nothing is read or answered any more, not even pings.
    HalfOpen { after_ms: u32 },
    /// The service says that something went wrong, after so much audio.
    Fails { after_ms: u32 },
    /// A page of HTML where audio should be.
    Html,
    /// A WAV file where bare audio should be.
    Wave,
    /// White noise instead of speech, after so much of it.
    Noise { after_ms: u32 },
    /// The bytes of 16-bit samples where μ-law should be, or of μ-law where 16 bits should be.
    OtherCoding,
    /// Speech sampled at twice the rate: too long and too low.
    TwiceTheRate,
    /// Digital silence as long as the text.
    Silent,
    /// Speech that goes on after its end, for minutes.
    Endless,
    /// Every byte alone.
    ByteByByte,
    /// Events and fields that nobody documented, and messages that are no JSON, between the others.
    UnknownEvents,
}

/// How a fake voice performs until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// What goes wrong.
    pub fault: VoiceFault,
    /// From the text to the first audio.
    pub first_audio: Duration,
    /// Audio in one message, in milliseconds.
    pub piece_ms: u32,
    /// Seconds between two messages for each second of audio in one: 0 sends all at once, 1 as fast as it is heard.
    pub pace: f32,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            fault: VoiceFault::None,
            first_audio: Duration::from_millis(80),
            piece_ms: 100,
            pace: 0.2,
        }
    }
}

/// The coding of the audio that a voice was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// 8 kHz μ-law.
    Mulaw,
    /// 24 kHz, signed 16 bits, little endian.
    Pcm24k,
}

impl Coding {
    fn rate(self) -> u32 {
        match self {
            Self::Mulaw => 8_000,
            Self::Pcm24k => 24_000,
        }
    }

    fn bytes_a_ms(self) -> usize {
        match self {
            Self::Mulaw => 8,
            Self::Pcm24k => 48,
        }
    }

    fn encode(self, samples: &[i16]) -> Vec<u8> {
        match self {
            Self::Mulaw => samples.iter().copied().map(mulaw::encode).collect(),
            Self::Pcm24k => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        }
    }
}

/// One thing that a performing voice does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Sends audio, whose first and last byte are those milliseconds of the performance.
    Audio { bytes: Vec<u8>, from_ms: u32, to_ms: u32 },
    /// Does nothing for a while.
    Wait(Duration),
    /// Sends something undocumented.
    Oddity,
    /// Tells that it failed.
    Fail,
    /// Breaks the connection.
    Die,
    /// Does nothing any more, but keeps the connection alive.
    Stall,
    /// Does not even read any more.
    Hang,
}

/// What a voice does for a text.
pub(super) fn perform(text: &str, manner: &Manner, coding: Coding) -> Vec<Step> {
    let (bytes, last) = sound(text, manner, coding);
    let cut = match manner.fault {
        VoiceFault::Dies { after_ms }
        | VoiceFault::Stalls { after_ms }
        | VoiceFault::HalfOpen { after_ms }
        | VoiceFault::Fails { after_ms } => after_ms as usize * coding.bytes_a_ms(),
        _ => bytes.len(),
    };
    let bytes = &bytes[..cut.min(bytes.len())];
    let piece = match manner.fault {
        VoiceFault::ByteByByte => 1,
        _ => manner.piece_ms.max(1) as usize * coding.bytes_a_ms(),
    };
    let mut steps = vec![Step::Wait(manner.first_audio)];
    let ms = |bytes: usize| (bytes / coding.bytes_a_ms()) as u32;
    for (index, part) in bytes.chunks(piece).enumerate() {
        if manner.fault == VoiceFault::UnknownEvents {
            steps.push(Step::Oddity);
        }
        if index > 0 && piece > 1 {
            steps.push(Step::Wait(
                Duration::from_millis(u64::from(ms(piece))).mul_f32(manner.pace),
            ));
        }
        steps.push(Step::Audio {
            bytes: part.to_vec(),
            from_ms: ms(index * piece),
            to_ms: ms(index * piece + part.len()),
        });
    }
    steps.extend(last);
    steps
}

/// The bytes that would be sent, and what comes behind them.
fn sound(text: &str, manner: &Manner, coding: Coding) -> (Vec<u8>, Option<Step>) {
    let speech = |rate| coding.encode(&spelled_speech::speak(text, rate));
    let bytes = match manner.fault {
        VoiceFault::Html => format!(
            "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>{}</body></html>",
            "<p>upstream</p>".repeat(400)
        )
        .into_bytes(),
        VoiceFault::Wave => [
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".as_slice(),
            &speech(coding.rate()),
        ]
        .concat(),
        VoiceFault::Noise { after_ms } => {
            let mut bytes = speech(coding.rate());
            let from = (after_ms as usize * coding.bytes_a_ms()).min(bytes.len());
            StdRng::seed_from_u64(7).fill_bytes(&mut bytes[from..]);
            bytes
        }
        VoiceFault::OtherCoding => {
            let other = match coding {
                Coding::Mulaw => Coding::Pcm24k,
                Coding::Pcm24k => Coding::Mulaw,
            };
            other.encode(&spelled_speech::speak(text, other.rate()))
        }
        VoiceFault::TwiceTheRate => speech(2 * coding.rate()),
        VoiceFault::Silent => coding.encode(&vec![0; spelled_speech::speak(text, coding.rate()).len()]),
        VoiceFault::Endless => {
            let once = speech(coding.rate());
            once.iter()
                .copied()
                .cycle()
                .take(300_000 * coding.bytes_a_ms())
                .collect()
        }
        _ => speech(coding.rate()),
    };
    let last = match manner.fault {
        VoiceFault::Dies { .. } => Some(Step::Die),
        VoiceFault::Stalls { .. } => Some(Step::Stall),
        VoiceFault::HalfOpen { .. } => Some(Step::Hang),
        VoiceFault::Fails { .. } => Some(Step::Fail),
        _ => None,
    };
    (bytes, last)
}
