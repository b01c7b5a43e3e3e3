//! What one 20 ms frame of a call costs in this crate, without models.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use talia_audio::echo::{EchoGuard, EchoSettings};
use talia_audio::frame::{FRAME, FRAME_SAMPLES, MulawFrame};
use talia_audio::framer::Framer;
use talia_audio::gate::{EnergyGate, GateSettings};
use talia_audio::level::mulaw_rms_dbfs;
use talia_audio::mel::LogMel;
use talia_audio::pacer::Pacer;
use talia_audio::resample::Resampler;
use talia_audio::{mix, mulaw};

fn frame_path(criterion: &mut Criterion) {
    let mut noise = [0; FRAME_SAMPLES];
    mix::white_noise(1, -30.0, &mut noise);
    let mut inbound: MulawFrame = [mulaw::SILENCE; FRAME_SAMPLES];
    mulaw::encode_into(&noise, &mut inbound);

    let mut pacer = Pacer::new(Duration::ZERO, Duration::from_millis(140));
    let mut gate = EnergyGate::new(GateSettings::default());
    let mut echo = EchoGuard::new(EchoSettings::default());
    let mut framer = Framer::new();
    let mut frames: Vec<MulawFrame> = Vec::with_capacity(16);
    let mut now = Duration::ZERO;
    criterion.bench_function("frame: decode, level, gate, echo, encode, frame, pace", |bencher| {
        bencher.iter(|| {
            now += FRAME;
            let mut samples = [0; FRAME_SAMPLES];
            mulaw::decode_into(black_box(&inbound), &mut samples);
            let level = mulaw_rms_dbfs(&inbound);
            let silent = gate.is_silence(level, FRAME);
            echo.heard(level, false, now);
            let own = echo.is_probably_echo(level, now);
            frames.clear();
            framer.push_samples(&samples, &mut frames);
            let due = pacer.due(now);
            echo.sent(level, pacer.played_out_at());
            pacer.sent(due);
            black_box((silent, own, &frames));
        });
    });
    criterion.bench_function("echo similarity over 600 ms", |bencher| {
        bencher.iter(|| black_box(echo.similarity(now)));
    });
}

fn conversions(criterion: &mut Criterion) {
    let mut second = vec![0; 24_000];
    mix::white_noise(2, -30.0, &mut second);
    let mut resampler = Resampler::new(24_000, 8_000).expect("both rates are usual");
    let mut output = Vec::with_capacity(16_000);
    criterion.bench_function("resample one second 24 to 8 kHz", |bencher| {
        bencher.iter(|| {
            output.clear();
            resampler.push_i16(black_box(&second), &mut output);
        });
    });

    let audio: Vec<f32> = (0..128_000).map(|n| (n as f32 * 0.05).sin() * 0.1).collect();
    let mut mel = LogMel::new();
    criterion.bench_function("log-mel of eight seconds", |bencher| {
        bencher.iter(|| black_box(mel.features(black_box(&audio))[0]));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(2));
    targets = frame_path, conversions
}
criterion_main!(benches);
