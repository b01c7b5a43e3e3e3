//! How a script's words become sound: the trait that a caller's voice implements, and a voice without words.

use futures::future::BoxFuture;
use talia_audio::frame::SAMPLE_RATE;

/// A voice couldn't speak.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the caller's voice failed: {0}")]
pub struct SpeakerFault(pub String);

/// Speaks the caller's lines. All lines are rendered before the call starts, so that synthesis can't disturb its pace.
pub trait Speaker: Send + Sync {
    /// Renders a text in a voice (none: the speaker's own) as 8 kHz mono samples.
    fn speak<'a>(&'a self, text: &'a str, voice: Option<&'a str>) -> BoxFuture<'a, Result<Vec<i16>, SpeakerFault>>;
}

/// Speaks a 200 ms syllable for each word and a pause for each punctuation mark: deterministic, without any model.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToneSpeaker;

/// How long one word lasts, in milliseconds.
const WORD_MS: u32 = 200;
/// How long the pause behind a word, or a sentence, lasts.
const PAUSE_MS: u32 = 40;
const SENTENCE_MS: u32 = 160;

impl Speaker for ToneSpeaker {
    fn speak<'a>(&'a self, text: &'a str, _voice: Option<&'a str>) -> BoxFuture<'a, Result<Vec<i16>, SpeakerFault>> {
        Box::pin(std::future::ready(Ok(tones(text))))
    }
}

/// The syllables of [`ToneSpeaker`].
pub fn tones(text: &str) -> Vec<i16> {
    let mut samples = Vec::new();
    for word in text.split_whitespace() {
        let seed = word.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        syllable(seed, &mut samples);
        let pause = if word.ends_with(['.', ',', '?', '!', ';', ':']) {
            SENTENCE_MS
        } else {
            PAUSE_MS
        };
        samples.resize(samples.len() + samples_of(pause), 0);
    }
    samples
}

const fn samples_of(ms: u32) -> usize {
    (ms * SAMPLE_RATE / 1_000) as usize
}

/// A voiced sound: a pitch with falling harmonics under a smooth envelope.
fn syllable(seed: u32, samples: &mut Vec<i16>) {
    let count = samples_of(WORD_MS);
    let pitch = 110.0 + f64::from(seed % 80);
    for index in 0..count {
        let time = index as f64 / f64::from(SAMPLE_RATE);
        let envelope = (std::f64::consts::PI * index as f64 / count as f64).sin().sqrt();
        let voice: f64 = (1..=8)
            .map(|harmonic| (std::f64::consts::TAU * pitch * f64::from(harmonic) * time).sin() / f64::from(harmonic))
            .sum();
        samples.push((voice * envelope * 5_000.0) as i16);
    }
}
