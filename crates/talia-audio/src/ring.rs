//! The last moments of a stream: what was said before speech was believed (pre-roll).

use std::collections::VecDeque;

/// The last `capacity` 16-bit samples.
#[derive(Debug, Clone)]
pub struct SampleRing {
    samples: VecDeque<i16>,
    capacity: usize,
}

impl SampleRing {
    /// An empty ring; its memory is taken at once and never grows.
    pub fn new(capacity: usize) -> Self {
        Self {
            samples: VecDeque::with_capacity(capacity),
            capacity,
        }
    }

    /// Appends samples; the oldest give way.
    pub fn push(&mut self, samples: &[i16]) {
        let kept = &samples[samples.len().saturating_sub(self.capacity)..];
        let surplus = (self.samples.len() + kept.len()).saturating_sub(self.capacity);
        self.samples.drain(..surplus);
        self.samples.extend(kept);
    }

    /// Appends the last `count` samples (fewer if fewer are kept), oldest first, and returns how many.
    pub fn copy_last(&self, count: usize, output: &mut Vec<i16>) -> usize {
        let count = count.min(self.samples.len());
        output.extend(self.samples.range(self.samples.len() - count..));
        count
    }

    /// How many samples are kept at present.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True if nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many samples are kept at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}
