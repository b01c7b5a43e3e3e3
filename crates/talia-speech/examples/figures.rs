//! Prints what the engines cost: CPU time (true on a busy machine too) of loading, a step, a prediction, a transcription
//! and a synthesis, and the memory they take.

use std::collections::BTreeMap;
use std::time::Duration;
use talia_audio::mulaw;
use talia_speech::kokoro::KokoroVoice;
use talia_speech::models::{Installed, ModelsDir};
use talia_speech::webrtc::WebRtcVad;
use talia_speech::whisper::TranscribeOptions;
use talia_speech::{Kokoro, Silero, SmartTurn, VoiceDetector, Whisper};

const SENTENCES: [&str; 6] = [
    "Hola, buenos días.",
    "¿En qué te puedo ayudar?",
    "Me gustaría recibir información sobre sus servicios.",
    "Mi teléfono es cincuenta y cinco, doce, treinta y cuatro, cincuenta y seis, setenta y ocho.",
    "Trabajo en una clínica dental en Guadalajara y queremos atender mejor las llamadas.",
    "Sí, claro, mándame la propuesta el martes por la tarde.",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("memory at start: {} MB", resident_mb());
    let installed = timed("check models", || Installed::open(&ModelsDir::from_env()))?;
    let silero = timed("load Silero", || Silero::load(&installed))?;
    let smart_turn = timed("load smart-turn", || SmartTurn::load(&installed, 1))?;
    let whisper = timed("load Whisper, one worker", || Whisper::load(&installed, 1))?;
    let kokoro = timed("load Kokoro, one session", || Kokoro::load(&installed, 1))?;

    let mut spoken = Vec::new();
    for sentence in SENTENCES {
        for voice in [KokoroVoice::Dora, KokoroVoice::Alex] {
            let watch = CpuTime::start();
            let samples = kokoro.speak_8k(sentence, voice, 1.0)?;
            let took = watch.elapsed();
            let seconds = samples.len() as f64 / 8_000.0;
            println!(
                "Kokoro {voice}: {:4} ms CPU for {seconds:.2} s, RTF {:.3}: {sentence}",
                took.as_millis(),
                took.as_secs_f64() / seconds
            );
            let line: Vec<i16> = samples.iter().map(|s| mulaw::decode(mulaw::encode(*s))).collect();
            spoken.push((sentence, line));
        }
    }
    println!("memory with all engines after use: {} MB", resident_mb());

    for (sentence, line) in &spoken {
        let watch = CpuTime::start();
        let mut turn = line.clone();
        turn.resize(turn.len() + 1_600, 0);
        let probability = smart_turn.predict(&turn)?;
        let turned = watch.elapsed();
        let cut = smart_turn.predict(&turn[..line.len() * 6 / 10])?;
        let watch = CpuTime::start();
        let heard = whisper.transcribe(line, &TranscribeOptions::default())?;
        let transcribed = watch.elapsed();
        println!(
            "smart-turn {:3} ms CPU p={probability:.2} cut={cut:.2}; Whisper {:4} ms CPU conf {:.2}: {} <- {sentence}",
            turned.as_millis(),
            transcribed.as_millis(),
            heard.confidence,
            heard.text
        );
    }

    let cores = std::thread::available_parallelism()?.get();
    let alone = TranscribeOptions {
        alone: true,
        ..TranscribeOptions::default()
    };
    let (mut one, mut more) = (Duration::ZERO, Duration::ZERO);
    for (sentence, line) in spoken.iter().chain(&spoken) {
        // By turns, so that whatever else the machine does meets both.
        let by_one = whisper.transcribe(line, &TranscribeOptions::default())?;
        let by_more = whisper.transcribe(line, &alone)?;
        assert_eq!(by_one.text, by_more.text, "heard otherwise by more threads: {sentence}");
        one += by_one.elapsed;
        more += by_more.elapsed;
    }
    let jobs = 2 * spoken.len() as u32;
    println!(
        "Whisper {} ms a turn with one thread, {} ms alone on {cores} cores: {:.2} ×",
        (one / jobs).as_millis(),
        (more / jobs).as_millis(),
        one.as_secs_f64() / more.as_secs_f64()
    );

    let mut stream = silero.stream();
    let mut verdicts = Vec::new();
    let watch = CpuTime::start();
    for (_, line) in &spoken {
        stream.push(line, &mut verdicts)?;
    }
    per_step("Silero", watch.elapsed(), verdicts.len());
    verdicts.clear();
    let mut stream = WebRtcVad::start()?.stream()?;
    let watch = CpuTime::start();
    for (_, line) in &spoken {
        stream.push(line, &mut verdicts)?;
    }
    per_step("WebRTC", watch.elapsed(), verdicts.len());
    println!("memory at end: {} MB", resident_mb());
    Ok(())
}

fn per_step(name: &str, took: Duration, steps: usize) {
    println!(
        "{name}: {:.1} µs a step over {steps} steps",
        took.as_secs_f64() * 1e6 / steps as f64
    );
}

fn timed<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let watch = CpuTime::start();
    let outcome = run();
    println!(
        "{name}: {} ms CPU, memory {} MB",
        watch.elapsed().as_millis(),
        resident_mb()
    );
    outcome
}

/// CPU time of this thread, which runs every engine's work (Linux: `schedstat`, nanoseconds on a processor).
struct CpuTime(Duration);

impl CpuTime {
    fn now() -> Duration {
        let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanos = schedstat.split_whitespace().next().and_then(|field| field.parse().ok());
        Duration::from_nanos(nanos.unwrap_or(0))
    }

    fn start() -> Self {
        Self(Self::now())
    }

    fn elapsed(&self) -> Duration {
        Self::now().saturating_sub(self.0)
    }
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fields: BTreeMap<_, _> = status.lines().filter_map(|line| line.split_once(':')).collect();
    fields
        .get("VmRSS")
        .and_then(|value| value.split_whitespace().next())
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
