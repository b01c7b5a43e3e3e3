//! Sample-rate conversion of a stream that comes in chunks of any length.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Length of one block of the FFT. Its filter is flat to 3.6 kHz at 8 kHz and delays by half a block.
const BLOCK_MILLIS: usize = 40;
/// Highest rate taken; what a provider announces beyond it is a mistake, not audio.
const HIGHEST_HZ: u32 = 384_000;

/// A pair of rates between which nothing can be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot convert audio from {from_hz} Hz to {to_hz} Hz")]
pub struct UnsupportedRates {
    /// Rate of the input in hertz.
    pub from_hz: u32,
    /// Rate of the output in hertz.
    pub to_hz: u32,
}

/// Converts mono audio between two rates and keeps its state from chunk to chunk.
///
/// The output doesn't depend on how the input is split, bit for bit. It is aligned with the input (the
/// filter's delay is taken off the start) and after [`Resampler::finish`] it is `round(input × ratio)`
/// samples long.
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// `None` when the rates are equal.
    engine: Option<Engine>,
    /// Samples between the two formats of the 16-bit calls, kept for their capacity.
    scratch: (Vec<f32>, Vec<f32>),
}

struct Engine {
    fft: Fft<f32>,
    /// Input that doesn't fill a block yet.
    pending: Vec<f32>,
    block_out: Vec<f32>,
    /// Output samples still to be dropped because of the filter's delay.
    to_skip: usize,
    received: u64,
    emitted: u64,
}

impl Resampler {
    /// A converter from one rate to another, both in hertz.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRates> {
        let unsupported = UnsupportedRates { from_hz, to_hz };
        if from_hz == 0 || to_hz == 0 || from_hz > HIGHEST_HZ || to_hz > HIGHEST_HZ {
            return Err(unsupported);
        }
        let engine = if from_hz == to_hz {
            None
        } else {
            Some(Engine::new(from_hz as usize, to_hz as usize).ok_or(unsupported)?)
        };
        Ok(Self {
            from_hz,
            to_hz,
            engine,
            scratch: (Vec::new(), Vec::new()),
        })
    }

    /// Rate of the input in hertz.
    pub fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// Rate of the output in hertz.
    pub fn to_hz(&self) -> u32 {
        self.to_hz
    }

    /// Takes a chunk and appends what is ready to `output`. Samples are in −1..1.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.engine {
            None => output.extend_from_slice(input),
            Some(engine) => engine.push(input, output),
        }
    }

    /// Appends the rest of the stream to `output` and is then ready for another stream.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        if let Some(engine) = &mut self.engine {
            engine.finish(self.from_hz, self.to_hz, output);
        }
    }

    /// [`Resampler::push`] for 16-bit samples; overshoot of the filter is saturated.
    pub fn push_i16(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let (mut floats, mut converted) = std::mem::take(&mut self.scratch);
        floats.clear();
        converted.clear();
        floats.extend(input.iter().copied().map(to_f32));
        self.push(&floats, &mut converted);
        output.extend(converted.iter().copied().map(to_i16));
        self.scratch = (floats, converted);
    }

    /// [`Resampler::finish`] for 16-bit samples.
    pub fn finish_i16(&mut self, output: &mut Vec<i16>) {
        let (floats, mut converted) = std::mem::take(&mut self.scratch);
        converted.clear();
        self.finish(&mut converted);
        output.extend(converted.iter().copied().map(to_i16));
        self.scratch = (floats, converted);
    }

    /// Forgets the stream so far.
    pub fn reset(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }
}

impl Engine {
    fn new(from_hz: usize, to_hz: usize) -> Option<Self> {
        let block = (from_hz * BLOCK_MILLIS / 1_000).max(1);
        let fft = Fft::<f32>::new(from_hz, to_hz, block, 1, FixedSync::Both).ok()?;
        let mut engine = Self {
            pending: Vec::with_capacity(fft.input_frames_max()),
            block_out: vec![0.0; fft.output_frames_max()],
            fft,
            to_skip: 0,
            received: 0,
            emitted: 0,
        };
        engine.reset();
        Some(engine)
    }

    fn reset(&mut self) {
        self.fft.reset();
        self.pending.clear();
        self.to_skip = self.fft.output_delay();
        self.received = 0;
        self.emitted = 0;
    }

    fn push(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        self.received += input.len() as u64;
        let block = self.fft.input_frames_next();
        while self.pending.len() + input.len() >= block {
            let (head, rest) = input.split_at(block - self.pending.len());
            self.pending.extend_from_slice(head);
            input = rest;
            self.convert_block(output, u64::MAX);
        }
        self.pending.extend_from_slice(input);
    }

    fn finish(&mut self, from_hz: u32, to_hz: u32, output: &mut Vec<f32>) {
        let wanted = (self.received * u64::from(to_hz) + u64::from(from_hz) / 2) / u64::from(from_hz);
        let block = self.fft.input_frames_next();
        while self.emitted < wanted {
            self.pending.resize(block, 0.0);
            self.convert_block(output, wanted - self.emitted);
        }
        self.reset();
    }

    /// Converts the full block in `pending` and appends at most `limit` samples.
    fn convert_block(&mut self, output: &mut Vec<f32>, limit: u64) {
        let frames = self.block_out.len();
        let source = InterleavedSlice::new(&self.pending, 1, self.pending.len());
        let target = InterleavedSlice::new_mut(&mut self.block_out, 1, frames);
        let written = match (source, target) {
            (Ok(source), Ok(mut target)) => self.fft.process_into_buffer(&source, &mut target, None),
            _ => unreachable!("a mono slice always holds as many frames as samples"),
        };
        let Ok((_, written)) = written else {
            unreachable!("both blocks have exactly the length the converter asked for")
        };
        self.pending.clear();
        let skipped = self.to_skip.min(written);
        self.to_skip -= skipped;
        let ready = ((written - skipped) as u64).min(limit) as usize;
        output.extend_from_slice(&self.block_out[skipped..skipped + ready]);
        self.emitted += ready as u64;
    }
}

/// Converts a whole piece of 16-bit audio.
pub fn resample_all(input: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, UnsupportedRates> {
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let mut output = Vec::with_capacity(input.len() * to_hz as usize / from_hz as usize + 1);
    resampler.push_i16(input, &mut output);
    resampler.finish_i16(&mut output);
    Ok(output)
}

/// [`resample_all`] for samples in −1..1.
pub fn resample_all_f32(input: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, UnsupportedRates> {
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let mut output = Vec::with_capacity(input.len() * to_hz as usize / from_hz as usize + 1);
    resampler.push(input, &mut output);
    resampler.finish(&mut output);
    Ok(output)
}

/// A 16-bit sample as a number in −1..1.
#[inline]
pub fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

/// The nearest 16-bit sample, saturated; not-a-number becomes silence.
#[inline]
pub fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}
