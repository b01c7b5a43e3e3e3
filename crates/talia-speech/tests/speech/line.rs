//! What the tests share: engines loaded once, and audio as a telephone line delivers it.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use talia_audio::mulaw;
use talia_speech::kokoro::KokoroVoice;
use talia_speech::models::{Installed, ModelsDir};
use talia_speech::{Kokoro, SmartTurn, Whisper};

/// The user's models; without them the tests fail and name the command that mends it.
pub(crate) fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| Installed::open(&ModelsDir::from_env()).unwrap_or_else(|error| panic!("{error}")))
}

pub(crate) fn kokoro() -> &'static Kokoro {
    static KOKORO: OnceLock<Kokoro> = OnceLock::new();
    KOKORO.get_or_init(|| Kokoro::load(installed(), 1).unwrap())
}

pub(crate) fn whisper() -> &'static Whisper {
    static WHISPER: OnceLock<Whisper> = OnceLock::new();
    WHISPER.get_or_init(|| Whisper::load(installed(), 2).unwrap())
}

pub(crate) fn smart_turn() -> &'static SmartTurn {
    static SMART_TURN: OnceLock<SmartTurn> = OnceLock::new();
    SMART_TURN.get_or_init(|| SmartTurn::load(installed(), 1).unwrap())
}

/// A sentence spoken over the line: synthesised (once for all tests), through μ-law and back.
pub(crate) fn spoken(text: &str, voice: KokoroVoice) -> Vec<i16> {
    static SPOKEN: Mutex<BTreeMap<String, Vec<i16>>> = Mutex::new(BTreeMap::new());
    let mut spoken = SPOKEN.lock().unwrap_or_else(PoisonError::into_inner);
    spoken
        .entry(format!("{voice}: {text}"))
        .or_insert_with(|| {
            let samples = kokoro().speak_8k(text, voice, 1.0).unwrap();
            samples
                .into_iter()
                .map(|sample| mulaw::decode(mulaw::encode(sample)))
                .collect()
        })
        .clone()
}

/// White noise of a fixed seed, uniform in ±`amplitude`.
pub(crate) fn white_noise(samples: usize, amplitude: i16) -> Vec<i16> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..samples)
        .map(|_| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let uniform = (state >> 40) as f32 / (1_u64 << 24) as f32;
            ((uniform * 2.0 - 1.0) * f32::from(amplitude)) as i16
        })
        .collect()
}

/// Words alone: lower case, no punctuation, no accents (Whisper and people drop them alike).
pub(crate) fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace(['á', 'à'], "a")
        .replace('é', "e")
        .replace('í', "i")
        .replace('ó', "o")
        .replace(['ú', 'ü'], "u")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Fewest insertions, deletions and substitutions from one to the other.
pub(crate) fn distance<T: PartialEq>(from: &[T], to: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
