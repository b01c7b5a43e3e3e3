//! Sounds that the network makes itself: ringing, and speech without a voice of its own.

use std::f64::consts::TAU;

use talia_audio::frame::SAMPLE_RATE;

use crate::speaker::tones;

/// The ringing tone of North America: two pitches in hertz, two seconds of every six. Source: ITU-T E.180's list.
const RING_HZ: [f64; 2] = [440.0, 480.0];
const RING_S: u64 = 2;
const RING_PERIOD_S: u64 = 6;
/// Amplitude of each pitch of a tone.
const TONE: f64 = 1_500.0;

/// The ringing tone from its beginning.
pub(crate) fn ringing(ms: u64) -> Vec<i16> {
    let rate = u64::from(SAMPLE_RATE);
    let samples = 0..ms * rate / 1_000;
    let tone = samples.map(|index| {
        let sounds = index % (RING_PERIOD_S * rate) < RING_S * rate;
        let time = index as f64 / f64::from(SAMPLE_RATE);
        let value: f64 = RING_HZ.iter().map(|pitch| (TAU * pitch * time).sin() * TONE).sum();
        if sounds { value as i16 } else { 0 }
    });
    tone.collect()
}

/// Syllables for a text, exactly so long.
pub(crate) fn murmur(text: &str, ms: u64) -> Vec<i16> {
    let mut samples = tones(text);
    samples.resize((ms * u64::from(SAMPLE_RATE) / 1_000) as usize, 0);
    samples
}

/// The first channel of a WAV of 16 bits, at 8 kHz; none for anything else.
pub(crate) fn read_wave(bytes: &[u8]) -> Option<Vec<i16>> {
    let mut reader = hound::WavReader::new(bytes).ok()?;
    let spec = reader.spec();
    if (spec.sample_format, spec.bits_per_sample) != (hound::SampleFormat::Int, 16) {
        return None;
    }
    let channels = usize::from(spec.channels.max(1));
    let samples: Result<Vec<i16>, _> = reader.samples::<i16>().step_by(channels).collect();
    talia_audio::resample::resample_all(&samples.ok()?, spec.sample_rate, SAMPLE_RATE).ok()
}

/// How long samples last, in milliseconds, rounded up.
pub(crate) fn lasts_ms(samples: &[i16]) -> u64 {
    (samples.len() as u64 * 1_000).div_ceil(u64::from(SAMPLE_RATE))
}
