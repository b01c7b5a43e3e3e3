//! `talia-voice eval`: how good the local engines are, on cases of our own.

use super::Options;
use crate::{
    clock::Clock,
    config::{Config, Sources},
    ears::stt::Recording,
    engines::{SpeechEngines, models_dir},
    mouth::tts::Voice,
};
use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use talia_audio::{mix, mulaw};
use talia_spanish::{
    Expectation, Language,
    cases::{self, Case},
};

/// What is judged.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Eval {
    /// Speaks dictated fields, recognises them, reads them: how many come out exact.
    Dictation(Dictation),
}

/// Options of the dictation.
#[derive(Debug, Clone, Args)]
pub(super) struct Dictation {
    /// Voices to speak with.
    #[arg(long, value_delimiter = ',', default_value = "em_alex,em_santa,ef_dora")]
    voices: Vec<String>,
    /// Voice of the English cases.
    #[arg(long, default_value = "af_heart")]
    english_voice: String,
    /// Of these files of cases only (agreement, emails…).
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Steady noise this far below the voice, in dB; without it, none.
    #[arg(long)]
    snr: Option<f32>,
    /// At most so many cases of each kind.
    #[arg(long)]
    limit: Option<usize>,
    /// Without telling the recogniser what to expect, for comparison.
    #[arg(long)]
    without_prompt: bool,
    /// Prints every case that came out wrong.
    #[arg(long)]
    show: bool,
}

impl Eval {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let Self::Dictation(dictation) = self;
        let models = Config::models(&Sources::of_process(options.config.clone()))?;
        let models = models_dir(models.directory.as_ref());
        tokio::task::spawn_blocking(move || {
            let engines = SpeechEngines::local(&models, 1)?;
            dictation.judge(&engines)
        })
        .await?
    }
}

impl Dictation {
    fn judge(&self, engines: &SpeechEngines) -> Result<()> {
        println!(
            "voices {}, {}, {}",
            self.voices.join(" "),
            self.snr
                .map_or_else(|| "no noise".to_owned(), |snr| format!("noise {snr} dB below")),
            if self.without_prompt {
                "without prompt"
            } else {
                "with the expected kind as prompt"
            }
        );
        let mut all = Score::default();
        let mut fields: BTreeMap<String, Score> = BTreeMap::new();
        let files: Vec<_> = cases::files().collect();
        ensure!(
            self.only.iter().all(|only| files.contains(&only.as_str())),
            "--only: the files are {}",
            files.join(", ")
        );
        let wanted = |file: &&str| self.only.is_empty() || self.only.iter().any(|only| only == file);
        for file in files.iter().copied().filter(wanted) {
            let mut by_voice: BTreeMap<&str, Score> = BTreeMap::new();
            let mut seconds = 0.0;
            let spoken = cases::load(file).map_err(anyhow::Error::msg)?;
            let spoken = spoken.iter().filter(|case| case.spoken && !case.say.is_empty());
            for (number, case) in spoken.take(self.limit.unwrap_or(usize::MAX)).enumerate() {
                for voice in self.voices_for(case.context.language) {
                    let (exact, took) = self.one(engines, case, voice, number as u64)?;
                    by_voice.entry(voice).or_default().count(exact);
                    fields.entry(case.field.clone()).or_default().count(exact);
                    all.count(exact);
                    seconds += took.as_secs_f64();
                }
            }
            let count: usize = by_voice.values().map(|score| score.all).sum();
            if count > 0 {
                let rates: Vec<String> = by_voice
                    .iter()
                    .map(|(voice, score)| format!("{voice} {score}"))
                    .collect();
                println!(
                    "{file:<18} {}   {:.2} s a transcription",
                    rates.join("   "),
                    seconds / count as f64
                );
            }
        }
        println!();
        for (field, score) in &fields {
            println!("{field:<18} {score}");
        }
        println!("{:<18} {all}", "all");
        Ok(())
    }

    /// English cases have an English voice, whatever Spanish ones were chosen.
    fn voices_for(&self, language: Language) -> Vec<&str> {
        match language {
            Language::Spanish => self.voices.iter().map(String::as_str).collect(),
            Language::English => vec![&self.english_voice],
        }
    }

    /// Whether the field came out exact, and how long the recogniser took.
    fn one(&self, engines: &SpeechEngines, case: &Case, voice: &str, seed: u64) -> Result<(bool, Duration)> {
        let voice = Voice {
            name: voice.to_owned(),
            speed: 1.0,
            language: case.context.language,
        };
        let mulaw = engines.mouth.tts.speak(&case.say, &voice)?;
        let mut samples: Vec<i16> = mulaw.iter().map(|byte| mulaw::decode(*byte)).collect();
        // The line before and after the words, as a call has it.
        samples.splice(0..0, std::iter::repeat_n(0, 2_400));
        samples.extend(std::iter::repeat_n(0, 2_400));
        if let Some(snr) = self.snr {
            let mut noise = vec![0; samples.len()];
            mix::white_noise(seed + 1, -30.0, &mut noise);
            mix::add_noise_at_snr(&mut samples, &noise, snr);
        }
        let expectation = if self.without_prompt {
            Expectation::Open
        } else {
            case.context.expectation
        };
        let recording = Recording {
            samples,
            expectation,
            language: case.context.language,
            alone: false,
        };
        let clock = Clock::real();
        let text = engines
            .ears
            .stt
            .transcribe(&recording, &Arc::new(AtomicBool::new(false)))?;
        let took = clock.elapsed();
        let read = cases::read(case, &text);
        let exact = read == case.value;
        if self.show && !exact {
            println!(
                "  said «{}»\n  heard «{text}»\n  read «{read}» for «{}»",
                case.say, case.value
            );
        }
        Ok((exact, took))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    exact: usize,
    all: usize,
}

impl Score {
    fn count(&mut self, exact: bool) {
        self.exact += usize::from(exact);
        self.all += 1;
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = 100.0 * self.exact as f64 / self.all.max(1) as f64;
        write!(f, "{}/{} ({percent:.0} %)", self.exact, self.all)
    }
}
