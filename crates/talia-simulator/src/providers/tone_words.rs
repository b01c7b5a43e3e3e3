//! Words as tones: 100 ms of one frequency a word, so that a fake recogniser hears exactly the bytes that it was sent. A word
//! of which some is missing or doubled is not that word any more.

use std::sync::Arc;

use futures::future::BoxFuture;
use talia_audio::{
    frame::{FRAME_SAMPLES, SAMPLE_RATE},
    mulaw,
};

use crate::speaker::{Speaker, SpeakerFault};

/// How long a word sounds, and the silence behind it, in samples.
pub const WORD: usize = 800;
/// Silence behind each word, in samples.
pub const GAP: usize = 480;
/// What is heard of a word that lacks a piece.
pub const CUT: &str = "[cortada]";
/// What is heard of a word that goes on for too long.
pub const DOUBLED: &str = "[doblada]";
/// Frequencies of the words, Hz.
const LOWEST: f64 = 300.0;
const STEP: f64 = 45.0;
/// More would not fit below 3,400 Hz.
const MOST_WORDS: usize = 68;
/// Sound is looked for in pieces of 10 ms.
const BLOCK: usize = 80;
/// Blocks that a whole word may have, whatever the place of its edges.
const WHOLE: std::ops::RangeInclusive<usize> = 9..=11;
const AMPLITUDE: f64 = 9_000.0;
/// Mean square of a block with sound.
const LOUD: f64 = 1_000_000.0;

/// The words that can be said, each with its frequency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
}

impl Vocabulary {
    /// All words of these texts, as they are written; the first 68 different ones.
    pub fn of(texts: &[&str]) -> Self {
        let mut words: Vec<String> = Vec::new();
        for word in texts.iter().flat_map(|text| text.split_whitespace()) {
            if words.len() < MOST_WORDS && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        Self { words }
    }

    /// The text as 8 kHz samples; none when a word isn't in the vocabulary.
    pub fn say(&self, text: &str) -> Option<Vec<i16>> {
        let mut samples = Vec::new();
        for word in text.split_whitespace() {
            let index = self.words.iter().position(|known| known == word)?;
            let turns = std::f64::consts::TAU * frequency(index) / f64::from(SAMPLE_RATE);
            samples.extend((0..WORD).map(|sample| (AMPLITUDE * (turns * sample as f64).sin()) as i16));
            samples.resize(samples.len() + GAP, 0);
        }
        let frames = samples.len().div_ceil(FRAME_SAMPLES);
        samples.resize(frames * FRAME_SAMPLES, 0);
        Some(samples)
    }

    fn hear(&self, samples: &[f64]) -> &str {
        let strengths = (0..self.words.len()).map(|index| (index, strength(samples, frequency(index))));
        let best = strengths.max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or(CUT, |(index, _)| self.words[index].as_str())
    }
}

fn frequency(index: usize) -> f64 {
    LOWEST + STEP * index as f64
}

/// Goertzel's algorithm.
fn strength(samples: &[f64], frequency: f64) -> f64 {
    let factor = 2.0 * (std::f64::consts::TAU * frequency / f64::from(SAMPLE_RATE)).cos();
    let (last, before) = samples.iter().fold((0.0, 0.0), |(last, before), sample| {
        (sample + factor * last - before, last)
    });
    last * last + before * before - factor * last * before
}

/// A word and where it was heard, in bytes since the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToneWord {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// The word, or [`CUT`] or [`DOUBLED`].
    pub text: String,
}

/// Hears words in a stream of μ-law bytes.
#[derive(Debug)]
pub struct ToneEar {
    vocabulary: Arc<Vocabulary>,
    block: Vec<f64>,
    sound: Vec<f64>,
    blocks: usize,
    position: u64,
    words: Vec<ToneWord>,
}

impl ToneEar {
    /// An ear that has heard nothing.
    pub fn new(vocabulary: Arc<Vocabulary>) -> Self {
        Self {
            vocabulary,
            block: Vec::with_capacity(BLOCK),
            sound: Vec::new(),
            blocks: 0,
            position: 0,
            words: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.block.push(f64::from(mulaw::decode(*byte)));
            self.position += 1;
            if self.block.len() == BLOCK {
                self.take_block();
            }
        }
    }

    fn take_block(&mut self) {
        let power = self.block.iter().map(|sample| sample * sample).sum::<f64>() / BLOCK as f64;
        if power > LOUD {
            self.blocks += 1;
            self.sound.append(&mut self.block);
        } else {
            self.block.clear();
            self.end_word();
        }
    }

    /// A word that sounds now ends here, whole or not.
    pub fn end_word(&mut self) {
        if self.blocks > 0 {
            let text = match self.blocks {
                blocks if WHOLE.contains(&blocks) => self.vocabulary.hear(&self.sound),
                blocks if blocks < *WHOLE.start() => CUT,
                _ => DOUBLED,
            };
            let to = self.position - BLOCK as u64;
            self.words.push(ToneWord {
                from: to.saturating_sub(self.sound.len() as u64),
                to,
                text: text.to_owned(),
            });
        }
        self.sound.clear();
        self.blocks = 0;
    }

    /// Whether a word sounds now.
    pub fn is_hearing(&self) -> bool {
        self.blocks > 0
    }

    /// Bytes heard so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Where the last word ended, if there was one.
    pub fn last_word_end(&self) -> Option<u64> {
        self.words.last().map(|word| word.to)
    }

    /// All words so far.
    pub fn words(&self) -> &[ToneWord] {
        &self.words
    }
}

/// A caller who speaks in tones.
#[derive(Debug, Clone)]
pub struct ToneWordSpeaker(pub Arc<Vocabulary>);

impl Speaker for ToneWordSpeaker {
    fn speak<'a>(&'a self, text: &'a str, _voice: Option<&'a str>) -> BoxFuture<'a, Result<Vec<i16>, SpeakerFault>> {
        let spoken = self.0.say(text);
        let spoken = spoken.ok_or_else(|| SpeakerFault("a word is not in the vocabulary".to_owned()));
        Box::pin(std::future::ready(spoken))
    }
}
