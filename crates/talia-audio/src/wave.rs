//! What a recording looks like: peaks, clipping, gaps inside speech. For judging a call by its sound.

use std::time::Duration;

use crate::level::{peak_dbfs, rms_dbfs};

/// The loudest value that μ-law can carry: samples that stay there are cut off.
const CEILING: u16 = 32_124;
/// So many samples at the ceiling in a row are clipping; fewer are a peak.
const CLIPPED_RUN: usize = 3;
/// Resolution of the search for gaps, in milliseconds.
const STEP_MILLIS: usize = 10;
/// Resolution of [`WaveReport::levels_dbfs`], in milliseconds.
const LEVEL_MILLIS: usize = 100;

/// What counts as silence and as a gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveSettings {
    /// Steps of 10 ms under this RMS level are silence.
    pub silence_dbfs: f32,
    /// Silence between two voiced parts is reported from this length on.
    pub shortest_gap: Duration,
}

impl Default for WaveSettings {
    fn default() -> Self {
        Self {
            silence_dbfs: -50.0,
            shortest_gap: Duration::from_millis(300),
        }
    }
}

/// Silence with voice before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where the silence begins.
    pub start: Duration,
    /// How long it lasts, to 10 ms.
    pub duration: Duration,
}

/// Figures of one recording.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveReport {
    /// Length of the whole recording.
    pub duration: Duration,
    /// Highest sample.
    pub peak_dbfs: f32,
    /// RMS of the whole.
    pub rms_dbfs: f32,
    /// Samples in runs of three or more at full scale.
    pub clipped_samples: usize,
    /// RMS per 100 ms; the last piece may be shorter.
    pub levels_dbfs: Vec<f32>,
    /// From the first voiced step to the end of the last; zero if all is silent.
    pub spoken: Duration,
    /// The longest silence between voiced parts, however short.
    pub longest_gap: Duration,
    /// Silences between voiced parts of at least the length asked for, in order.
    pub gaps: Vec<Gap>,
}

/// Measures mono audio at `rate_hz`.
pub fn measure(samples: &[i16], rate_hz: u32, settings: WaveSettings) -> WaveReport {
    let in_millis = |millis: usize| (rate_hz as usize * millis / 1_000).max(1);
    let voiced: Vec<usize> = samples
        .chunks(in_millis(STEP_MILLIS))
        .enumerate()
        .filter(|(_, step)| rms_dbfs(step) >= settings.silence_dbfs)
        .map(|(number, _)| number)
        .collect();
    let steps = |count: usize| Duration::from_millis((count * STEP_MILLIS) as u64);
    let silences = voiced.windows(2).map(|pair| Gap {
        start: steps(pair[0] + 1),
        duration: steps(pair[1] - pair[0] - 1),
    });
    WaveReport {
        duration: Duration::from_secs_f64(samples.len() as f64 / f64::from(rate_hz.max(1))),
        peak_dbfs: peak_dbfs(samples),
        rms_dbfs: rms_dbfs(samples),
        clipped_samples: clipped(samples),
        levels_dbfs: samples.chunks(in_millis(LEVEL_MILLIS)).map(rms_dbfs).collect(),
        spoken: match (voiced.first(), voiced.last()) {
            (Some(first), Some(last)) => steps(last - first + 1),
            _ => Duration::ZERO,
        },
        longest_gap: silences.clone().map(|gap| gap.duration).max().unwrap_or_default(),
        gaps: silences.filter(|gap| gap.duration >= settings.shortest_gap).collect(),
    }
}

fn clipped(samples: &[i16]) -> usize {
    samples
        .chunk_by(|a, b| at_ceiling(*a) && at_ceiling(*b) && (*a < 0) == (*b < 0))
        .filter(|run| run.len() >= CLIPPED_RUN)
        .map(<[i16]>::len)
        .sum()
}

fn at_ceiling(sample: i16) -> bool {
    sample.unsigned_abs() >= CEILING
}
