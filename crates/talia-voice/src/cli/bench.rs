//! `talia-voice bench`: the frame path, the start, our own share of turns, a call's memory, durable writes, or what callers hear of
//! those, measured on this machine in one run.

mod jitter;
mod memory;
mod services;
mod turns;
mod writes;

use super::Options;
use crate::{
    brain::script::Assistants,
    clock::Clock,
    config::{Config, Sources},
    ears::{
        EarEngines, Ears,
        pool::Pool,
        stt::fixed_delay::FixedDelayStt,
        vad::{DetectorSource, VoiceDetector, VoiceProbability},
    },
    engines::{SpeechEngines, models_dir},
    providers::Work,
};
use anyhow::{Context, Result};
use clap::Args;
use std::{hint::black_box, sync::Arc, time::Duration};
use talia_audio::{
    frame::{FRAME, FRAME_SAMPLES, MulawFrame},
    mulaw,
};
use talia_dialogue::{Cue, Dialogue, Input, MarkId, Output, Settings, Speech, SpeechKind};
use talia_spanish::Language;
use talia_speech::EngineError;
use talia_twilio::media;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Options of the benchmark.
#[derive(Debug, Clone, Args)]
pub(super) struct Bench {
    /// Frames of each measurement.
    #[arg(long, default_value_t = 20_000)]
    frames: u32,
    /// Measures our own share of turns instead, in so many calls at once, against services of fixed delays.
    #[arg(long, value_name = "CALLS")]
    turns: Option<usize>,
    /// Measures what a live call costs in memory instead, with so many calls at once against services of fixed delays.
    #[arg(long, value_name = "CALLS", conflicts_with = "turns")]
    memory: Option<usize>,
    /// Measures how many lines of transcripts a second become durable instead, written by so many calls at once.
    #[arg(long, value_name = "CALLS", conflicts_with_all = ["turns", "memory"], group = "kept")]
    writes: Option<usize>,
    /// Measures the jitter of frames to so many calls at once instead, alone and beside the promised lines a second.
    #[arg(long, value_name = "CALLS", conflicts_with_all = ["turns", "memory"], group = "kept")]
    jitter: Option<usize>,
    /// An empty database of PostgreSQL, made for this, that is measured too by `--writes` or `--jitter`: postgres://…
    #[arg(long, value_name = "URL", requires = "kept")]
    postgres: Option<String>,
}

impl Bench {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        if let Some(calls) = self.turns {
            return Box::pin(turns::run(calls.max(1))).await;
        }
        if let Some(calls) = self.memory {
            return Box::pin(memory::run(calls.max(2))).await;
        }
        if let Some(calls) = self.writes {
            return Box::pin(writes::run(calls.max(2), self.postgres.as_deref())).await;
        }
        if let Some(calls) = self.jitter {
            return Box::pin(jitter::run(calls.max(1), self.postgres.as_deref())).await;
        }
        let models = Config::models(&Sources::of_process(options.config.clone()))?;
        let models = models_dir(models.directory.as_ref());
        tokio::task::spawn_blocking(move || {
            let clock = Clock::real();
            let assistants = Assistants::built_in()?;
            let engines = SpeechEngines::local(&models, 1)?;
            let start = clock.elapsed();
            println!(
                "start            {:>8.0} ms   engines and {} assistants loaded, models present",
                start.as_secs_f64() * 1e3,
                assistants.all().len()
            );
            let quiet = EarEngines {
                detector: Arc::new(NoDetectors),
                end_of_turn: None,
                ..engines.ears.clone()
            };
            let without = frame_path(quiet, self.frames)?;
            let with = frame_path(engines.ears, self.frames)?;
            println!(
                "frame path       {:>8.1} µs   CPU a 20 ms frame, without the voice detector's model",
                micros(without)
            );
            println!(
                "frame path       {:>8.1} µs   CPU a 20 ms frame, with Silero",
                micros(with)
            );
            println!(
                "Silero's share   {:>8.1} ×    of the path without it",
                with.as_secs_f64() / without.as_secs_f64()
            );
            println!(
                "one call         {:>8.2} %    of one core, both directions busy, without transcription and synthesis",
                100.0 * with.as_secs_f64() / FRAME.as_secs_f64()
            );
            Ok(())
        })
        .await?
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// CPU time of one frame in each direction: parse, decode, detect, decide, encode. The system calls of the socket are
/// not in it; `talia-voice load` measures those.
fn frame_path(engines: EarEngines, frames: u32) -> Result<Duration> {
    let (events, _receiver) = mpsc::channel(16);
    let mut ears = Ears::new(
        EarEngines {
            stt: Arc::new(FixedDelayStt {
                delay: Duration::ZERO,
                text: String::new(),
            }),
            stt_pool: Pool::new(1, 1),
            ..engines
        },
        Language::Spanish,
        (events, TaskTracker::new()),
        (None, Work::default()),
    )?;
    let mut dialogue = Dialogue::new(Settings {
        longest_call: Duration::from_secs(1_000_000),
        ..Settings::default()
    });
    let mut pipeline = Pipeline {
        out: String::new(),
        sent: 0,
        marks: Vec::new(),
        speech: vec![0x55; 80_000],
    };
    let message = inbound_message()?;
    let mut now = Duration::ZERO;
    dialogue.handle(now, Input::Opened);
    pipeline.execute(&mut dialogue, now);
    let before = cpu_time()?;
    for _ in 0..frames {
        now += FRAME;
        pipeline.frame(&message, &mut ears, &mut dialogue, now)?;
    }
    let spent = cpu_time()?.saturating_sub(before);
    anyhow::ensure!(
        pipeline.sent > u64::from(frames) / 2,
        "only {} of {frames} frames were answered",
        pipeline.sent
    );
    Ok(spent / frames)
}

struct Pipeline {
    out: String,
    sent: u64,
    marks: Vec<MarkId>,
    /// Ten seconds of something to say.
    speech: Vec<u8>,
}

impl Pipeline {
    fn frame(&mut self, message: &str, ears: &mut Ears, dialogue: &mut Dialogue, now: Duration) -> Result<()> {
        let media::Inbound::Media(inbound) = media::parse(message)? else {
            anyhow::bail!("not a media message")
        };
        let mut payload = [0; FRAME_SAMPLES];
        media::decode_payload_slice(&inbound.payload, &mut payload)?;
        ears.hear(&payload, |step| dialogue.handle(now, Input::Voice(step)));
        for mark in std::mem::take(&mut self.marks) {
            dialogue.handle(now, Input::Mark(&mark.to_string()));
        }
        dialogue.handle(now, Input::Tick);
        self.execute(dialogue, now);
        Ok(())
    }

    /// Answers every cue with a sentence of ten seconds, so that our side never falls silent.
    fn execute(&mut self, dialogue: &mut Dialogue, now: Duration) {
        while let Some(output) = dialogue.poll_output() {
            match output {
                Output::Frame(frame) => self.send(&frame),
                Output::Mark(mark) => {
                    self.out.clear();
                    media::write_mark(&mut self.out, "MZ00000000000000000000000000000000", &mark.to_string());
                    self.marks.push(mark);
                }
                Output::Think { cue, about } => {
                    let opening = about == Cue::Opening;
                    let kind = if opening {
                        SpeechKind::Disclosure
                    } else {
                        SpeechKind::Answer
                    };
                    dialogue.handle(
                        now,
                        Input::Say(Speech {
                            cue,
                            text: "Una frase que dura mucho.",
                            kind,
                        }),
                    );
                    for _ in 0..64 {
                        let next = Speech {
                            cue,
                            text: "Y otra más que sigue.",
                            kind: SpeechKind::Answer,
                        };
                        dialogue.handle(now, Input::Say(next));
                    }
                    dialogue.handle(now, Input::Answered { cue });
                }
                Output::Synthesize { segment, .. } => {
                    dialogue.handle(
                        now,
                        Input::Audio {
                            segment,
                            mulaw: &self.speech,
                        },
                    );
                    dialogue.handle(now, Input::AudioEnd { segment });
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, frame: &MulawFrame) {
        self.out.clear();
        media::write_media(&mut self.out, "MZ00000000000000000000000000000000", frame);
        black_box(&self.out);
        self.sent += 1;
    }
}

fn inbound_message() -> Result<String> {
    // Faint noise: what a caller who listens sends.
    let payload: Vec<u8> = (0..FRAME_SAMPLES)
        .map(|n| mulaw::encode(((n * 37) % 23) as i16 - 11))
        .collect();
    let mut outbound = String::new();
    media::write_media(&mut outbound, "MZ00000000000000000000000000000000", &payload);
    let value: serde_json::Value = serde_json::from_str(&outbound)?;
    let payload = value["media"]["payload"].as_str().context("a payload")?;
    Ok(serde_json::json!({
        "event": "media", "sequenceNumber": "3", "streamSid": "MZ00000000000000000000000000000000",
        "media": {"track": "inbound", "chunk": "2", "timestamp": "40", "payload": payload},
    })
    .to_string())
}

/// Time that this thread has had a processor.
fn cpu_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("an empty schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanos))
}

/// Hears nothing, at no cost.
struct NoDetectors;

struct NoDetector {
    filled: usize,
    end: u64,
}

impl DetectorSource for NoDetectors {
    fn detector(&self) -> Result<Box<dyn VoiceDetector>, EngineError> {
        Ok(Box::new(NoDetector { filled: 0, end: 0 }))
    }
}

impl VoiceDetector for NoDetector {
    fn step(&self) -> Duration {
        Duration::from_millis(32)
    }

    fn push(&mut self, samples: &[i16], verdicts: &mut Vec<VoiceProbability>) -> Result<(), EngineError> {
        self.filled += samples.len();
        while self.filled >= 256 {
            self.filled -= 256;
            self.end += 256;
            verdicts.push(VoiceProbability {
                probability: 0.0,
                end: self.end,
            });
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.filled = 0;
        self.end = 0;
    }
}
