//! Whisper's mel filter bank (Slaney's scale and normalisation, as librosa computes it), which ggml files carry.

const SAMPLE_RATE: f64 = 16_000.0;
const FFT: usize = 400;
/// Frequency bins of the spectrum.
pub(super) const BINS: usize = FFT / 2 + 1;

/// Hertz a mel below 1 kHz, where Slaney's scale is linear.
const LINEAR: f64 = 200.0 / 3.0;
/// The scale turns logarithmic at 1 kHz, mel 15.
const BREAK_HZ: f64 = 1_000.0;
const BREAK_MEL: f64 = 15.0;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz >= BREAK_HZ {
        BREAK_MEL + (hz / BREAK_HZ).ln() / log_step()
    } else {
        hz / LINEAR
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel >= BREAK_MEL {
        BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp()
    } else {
        mel * 200.0 / 3.0
    }
}

/// `bands` rows of [`BINS`] weights.
pub(super) fn filters(bands: usize) -> Vec<f32> {
    let top = hz_to_mel(SAMPLE_RATE / 2.0);
    let points = bands + 2;
    let step = top / (points - 1) as f64;
    let edges: Vec<f64> = (0..points)
        .map(|i| mel_to_hz(if i + 1 == points { top } else { i as f64 * step }))
        .collect();
    let bin_hz = SAMPLE_RATE / FFT as f64;
    let mut weights = Vec::with_capacity(bands * BINS);
    for edge in edges.windows(3) {
        let (low, centre, high) = (edge[0], edge[1], edge[2]);
        let area = 2.0 / (high - low);
        for bin in 0..BINS {
            let hz = bin as f64 * bin_hz;
            let rising = -(low - hz) / (centre - low);
            let falling = (high - hz) / (high - centre);
            let height = rising.min(falling);
            // A comparison, not `max`: the pinned hash covers the negative zero of the first weight.
            let height = if height < 0.0 { 0.0 } else { height };
            weights.push((height * area) as f32);
        }
    }
    weights
}
