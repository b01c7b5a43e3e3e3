//! What every streaming recogniser is to us: bytes to send, and its messages in our words. A provider is one file.

use super::transcript::Word;
use crate::providers::{Fault, Target};
use bytes::Bytes;
use std::ops::Range;
use talia_spanish::{Expectation, Language};

/// One message to a recogniser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// Text, mostly JSON.
    Text(String),
    /// Binary: audio.
    Binary(Bytes),
}

/// Words of a piece of a stream. Places count bytes of μ-law since the stream began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The audio that it is about.
    pub span: Range<u64>,
    /// Its words.
    pub words: Vec<Word>,
}

/// What a recogniser says, in our words.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It takes audio from now on.
    Ready,
    /// Words that may change.
    Running(Piece),
    /// Words that are final.
    Final(Piece),
    /// It has given all the words up to this place of the stream that were asked for.
    Finalized {
        /// Bytes since the stream began.
        to: u64,
    },
    /// It believes that the caller has finished there.
    TurnEnded {
        /// Bytes since the stream began.
        to: u64,
        /// 0 to 1.
        confidence: f32,
    },
    /// It can't go on: the stream is to be given up.
    Failed(Fault),
    /// Something that we have no use for, but know.
    Nothing,
    /// Something that we don't know: counted and skipped.
    Unknown,
    /// No message at all: HTML, cut JSON. Skipped, until there is too much of it.
    Malformed,
}

/// What audio a recogniser wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feeding {
    /// All of it, silence too: it finds pauses itself.
    Always,
    /// Only what belongs to a turn: it writes down what it is given, and silence would be paid for.
    Turns,
}

/// How a recogniser wants to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// What audio it wants.
    pub feeding: Feeding,
    /// The shortest piece of audio to send while there is no hurry, bytes.
    pub chunk: u64,
    /// Its running words tell how far it has heard, so that silence from it means that something is wrong.
    pub reports_progress: bool,
    /// Its running words up to the end of a pause are an answer; it can't be asked for final ones.
    pub answers_by_progress: bool,
    /// It says when a turn has ended.
    pub detects_turns: bool,
}

/// One stream's side of the protocol. Pure: knows no socket and no time.
pub trait Protocol: Send {
    /// How it wants to be treated.
    fn traits(&self) -> Traits;
    /// What is sent first; engines that say nothing before they take audio are ready at once.
    fn begin(&mut self, out: &mut Vec<Wire>, heard: &mut Vec<Heard>);
    /// The caller's next audio; never empty.
    fn audio(&mut self, mulaw: &[u8], out: &mut Vec<Wire>);
    /// Asks for the words of everything sent so far. It answers with [`Heard::Finalized`] sooner or later, or at once if
    /// there is nothing to ask for.
    fn finalize(&mut self, out: &mut Vec<Wire>, heard: &mut Vec<Heard>);
    /// The turn is over: what was sent and not written down is not wanted. Gives the place up to which the engine still
    /// holds what it was sent; what was taken back may be sent again.
    fn discard(&mut self, out: &mut Vec<Wire>) -> u64;
    /// The kind of answer that comes next.
    fn expect(&mut self, expectation: Expectation, out: &mut Vec<Wire>);
    /// How much of the audio given so far its service charges for, bytes.
    fn charged(&self) -> u64;
    /// Nothing was sent for some seconds: what keeps the stream open, if it needs something.
    fn keep_alive(&mut self, out: &mut Vec<Wire>);
    /// Reads one text message.
    fn receive(&mut self, text: &str, heard: &mut Vec<Heard>);
    /// What it means that the engine closed the stream with this code.
    fn closed(&self, code: Option<u16>) -> Fault {
        closed(code)
    }
}

/// A streaming recogniser of the configuration.
pub trait StreamingStt: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;
    /// Where to connect.
    fn target(&self, language: Language) -> Target;
    /// The protocol of a new stream.
    fn protocol(&self, language: Language) -> Box<dyn Protocol>;
}

/// What a closing code means where the provider has no own ones: RFC 6455, 7.4.1.
pub fn closed(code: Option<u16>) -> Fault {
    match code {
        Some(1008) => Fault::new(crate::providers::FaultClass::Terminal, "the engine refuses the stream"),
        _ => Fault::transient("the engine closed the stream"),
    }
}

/// Bytes of a stream at this many seconds of it. What can't be a time counts as the beginning.
pub fn bytes_at(seconds: f64) -> u64 {
    const LONGEST: f64 = 86_400.0;
    if seconds.is_finite() {
        (seconds.clamp(0.0, LONGEST) * 8_000.0).round() as u64
    } else {
        0
    }
}
