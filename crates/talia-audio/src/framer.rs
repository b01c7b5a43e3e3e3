//! Cuts audio that comes in chunks of any length into exact frames of the line.

use crate::frame::{FRAME_SAMPLES, MulawFrame, SAMPLE_RATE};
use crate::mulaw;
use crate::resample::{Resampler, UnsupportedRates};

/// μ-law bytes or 8 kHz samples in, frames of 160 bytes out; nothing lost, nothing doubled.
#[derive(Debug, Clone)]
pub struct Framer {
    frame: MulawFrame,
    filled: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            frame: [mulaw::SILENCE; FRAME_SAMPLES],
            filled: 0,
        }
    }
}

impl Framer {
    /// An empty framer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes μ-law bytes and hands every full frame to `output` (a `Vec` or `VecDeque` of frames).
    pub fn push(&mut self, mut bytes: &[u8], output: &mut impl Extend<MulawFrame>) {
        while !bytes.is_empty() {
            let taken = bytes.len().min(FRAME_SAMPLES - self.filled);
            self.frame[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            self.advance(taken, output);
        }
    }

    /// Takes linear samples at 8 kHz and hands every full frame to `output`.
    pub fn push_samples(&mut self, mut samples: &[i16], output: &mut impl Extend<MulawFrame>) {
        while !samples.is_empty() {
            let taken = mulaw::encode_into(samples, &mut self.frame[self.filled..]);
            samples = &samples[taken..];
            self.advance(taken, output);
        }
    }

    /// Counts bytes that were written behind `filled` and hands the frame out if it is full.
    fn advance(&mut self, taken: usize, output: &mut impl Extend<MulawFrame>) {
        self.filled += taken;
        if self.filled == FRAME_SAMPLES {
            output.extend([self.frame]);
            self.filled = 0;
        }
    }

    /// Hands out the last frame, padded with silence, and returns how many bytes were padding.
    pub fn flush(&mut self, output: &mut impl Extend<MulawFrame>) -> usize {
        if self.filled == 0 {
            return 0;
        }
        let padding = FRAME_SAMPLES - self.filled;
        self.frame[self.filled..].fill(mulaw::SILENCE);
        output.extend([self.frame]);
        self.filled = 0;
        padding
    }

    /// Bytes that wait for their frame to fill.
    pub fn pending(&self) -> usize {
        self.filled
    }

    /// Throws the unfinished frame away and returns how many bytes that was.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.filled)
    }
}

/// Little-endian 16-bit PCM bytes in, samples out; half a sample at the end of a chunk waits for the next.
#[derive(Debug, Clone, Default)]
pub struct Pcm16Decoder {
    low_byte: Option<u8>,
}

impl Pcm16Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of any number and appends every whole sample to `output`.
    pub fn push(&mut self, mut bytes: &[u8], output: &mut Vec<i16>) {
        if let (Some(low), Some((&high, rest))) = (self.low_byte, bytes.split_first()) {
            output.push(i16::from_le_bytes([low, high]));
            self.low_byte = None;
            bytes = rest;
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        output.extend(pairs.iter().copied().map(i16::from_le_bytes));
        if let [low] = rest {
            self.low_byte = Some(*low);
        }
    }

    /// Ends the stream; true if half a sample was left over and is gone.
    pub fn finish(&mut self) -> bool {
        self.low_byte.take().is_some()
    }
}

/// What was done to end a stream on a frame's edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Bytes of silence at the end of the last frame.
    pub padding: usize,
    /// The stream ended in the middle of a sample: its sender is at fault.
    pub half_sample: bool,
}

/// Little-endian 16-bit PCM bytes of any rate and chunking in, frames of the line out.
pub struct Pcm16Framer {
    decoder: Pcm16Decoder,
    resampler: Resampler,
    framer: Framer,
    decoded: Vec<i16>,
    converted: Vec<i16>,
}

impl Pcm16Framer {
    /// A framer for PCM at `from_hz`.
    pub fn new(from_hz: u32) -> Result<Self, UnsupportedRates> {
        Ok(Self {
            decoder: Pcm16Decoder::new(),
            resampler: Resampler::new(from_hz, SAMPLE_RATE)?,
            framer: Framer::new(),
            decoded: Vec::new(),
            converted: Vec::new(),
        })
    }

    /// Takes bytes of any number and hands every full frame to `output`.
    pub fn push(&mut self, bytes: &[u8], output: &mut impl Extend<MulawFrame>) {
        self.decoded.clear();
        self.converted.clear();
        self.decoder.push(bytes, &mut self.decoded);
        self.resampler.push_i16(&self.decoded, &mut self.converted);
        self.framer.push_samples(&self.converted, output);
    }

    /// Hands out the rest, the last frame padded with silence, and is ready for another stream.
    pub fn flush(&mut self, output: &mut impl Extend<MulawFrame>) -> Flushed {
        self.converted.clear();
        self.resampler.finish_i16(&mut self.converted);
        self.framer.push_samples(&self.converted, output);
        Flushed {
            padding: self.framer.flush(output),
            half_sample: self.decoder.finish(),
        }
    }
}
