//! Bytes of 16-bit samples at any rate, cut anywhere, to the line's μ-law.

use talia_audio::{
    frame::SAMPLE_RATE,
    mulaw,
    resample::{Resampler, UnsupportedRates},
};

/// Converts a stream. What comes out does not depend on where the bytes were cut, not even within a sample.
pub struct PcmToMulaw {
    resampler: Resampler,
    /// The first half of a sample whose second half has not come.
    half: Option<u8>,
    samples: Vec<i16>,
    converted: Vec<i16>,
    smoothness: Smoothness,
}

/// Whether neighbouring samples resemble each other, as those of a voice do at any rate above the line's.
#[derive(Debug)]
struct Smoothness {
    /// Samples that are looked at together: 80 ms.
    window: u64,
    count: u64,
    last: f64,
    energy: f64,
    steps: f64,
    scrambled: bool,
}

impl Smoothness {
    /// Below −14 dBFS (as a mean square) even a sharp sibilant may be as rough as this.
    const LOUD: f64 = 32_768.0 * 32_768.0 * 0.04;

    fn look(&mut self, samples: &[i16]) {
        for sample in samples.iter().copied().map(f64::from) {
            self.energy += sample * sample;
            self.steps += (sample - self.last).powi(2);
            self.last = sample;
            self.count += 1;
            if self.count == self.window {
                let loud = self.energy > Self::LOUD * self.window as f64;
                self.scrambled |= loud && self.steps > 0.9 * self.energy;
                (self.count, self.energy, self.steps) = (0, 0.0, 0.0);
            }
        }
    }
}

impl PcmToMulaw {
    /// From mono samples, signed 16 bits, little endian, of this rate in hertz.
    pub fn new(rate: u32) -> Result<Self, UnsupportedRates> {
        Ok(Self {
            resampler: Resampler::new(rate, SAMPLE_RATE)?,
            half: None,
            samples: Vec::new(),
            converted: Vec::new(),
            smoothness: Smoothness {
                window: u64::from(rate / 1_000 * 80).max(1),
                count: 0,
                last: 0.0,
                energy: 0.0,
                steps: 0.0,
                scrambled: false,
            },
        })
    }

    /// Takes bytes in and adds what is ready to `mulaw`.
    pub fn push(&mut self, bytes: &[u8], mulaw: &mut Vec<u8>) {
        self.samples.clear();
        let mut bytes = bytes;
        if let (Some(low), [high, rest @ ..]) = (self.half, bytes) {
            self.samples.push(i16::from_le_bytes([low, *high]));
            self.half = None;
            bytes = rest;
        }
        let pairs = bytes.chunks_exact(2);
        if let [half] = pairs.remainder() {
            self.half = Some(*half);
        }
        self.samples
            .extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        self.smoothness.look(&self.samples);
        self.converted.clear();
        self.resampler.push_i16(&self.samples, &mut self.converted);
        mulaw.extend(self.converted.iter().copied().map(mulaw::encode));
    }

    /// Whether 80 ms of it were loud and jumped from sample to sample: the bytes are of another coding.
    pub fn is_scrambled(&self) -> bool {
        self.smoothness.scrambled
    }

    /// Adds the rest. Half a sample at the end is no sample.
    pub fn finish(&mut self, mulaw: &mut Vec<u8>) {
        self.half = None;
        self.converted.clear();
        self.resampler.finish_i16(&mut self.converted);
        mulaw.extend(self.converted.iter().copied().map(mulaw::encode));
    }
}
