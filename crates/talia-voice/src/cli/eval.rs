//! `talia-voice eval`: how good the local engines are, on cases of our own.

use super::Options;
use crate::{
    config::{Config, Sources},
    ears::stt::Recording,
    engines::{SpeechEngines, models_dir},
    mouth::tts::Voice,
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
};
use talia_audio::{mix, mulaw};
use talia_spanish::{
    Expectation, Language,
    ear::{self, Agreement, Context as Reading, Country, Heard},
};

/// The dictated cases that can be given to a voice.
const CASES: &[(&str, &str)] = &[
    ("emails", include_str!("../../../talia-spanish/cases/emails.toml")),
    ("phones", include_str!("../../../talia-spanish/cases/phones_mx.toml")),
    ("names", include_str!("../../../talia-spanish/cases/names.toml")),
    ("companies", include_str!("../../../talia-spanish/cases/companies.toml")),
    (
        "yes and no",
        include_str!("../../../talia-spanish/cases/agreement.toml"),
    ),
    ("digits", include_str!("../../../talia-spanish/cases/digits.toml")),
    ("held out", include_str!("../../../talia-spanish/cases/held_out.toml")),
];

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

#[derive(Debug, Deserialize)]
struct File {
    #[serde(flatten)]
    defaults: Keys,
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    #[serde(flatten)]
    keys: Keys,
    #[serde(default)]
    say: String,
    #[serde(default)]
    value: String,
}

/// What a file states for all of its cases, and a case may override.
#[derive(Debug, Clone, Default, Deserialize)]
struct Keys {
    field: Option<String>,
    expect: Option<String>,
    language: Option<String>,
    country: Option<String>,
    spoken: Option<bool>,
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
        for (name, text) in CASES {
            let file: File = toml::from_str(text).with_context(|| format!("cases of {name}"))?;
            let mut by_voice: BTreeMap<&str, Score> = BTreeMap::new();
            let spoken = file.case.iter().filter(|case| case.is_spoken(&file.defaults));
            for (number, case) in spoken.take(self.limit.unwrap_or(usize::MAX)).enumerate() {
                for voice in &self.voices {
                    let exact = self.one(engines, &file.defaults, case, voice, number as u64)?;
                    by_voice.entry(voice).or_default().count(exact);
                    all.count(exact);
                }
            }
            let rates: Vec<String> = by_voice
                .iter()
                .map(|(voice, score)| format!("{voice} {score}"))
                .collect();
            println!("{name:<12} {}", rates.join("   "));
        }
        println!("{:<12} {all}", "all");
        Ok(())
    }

    fn one(&self, engines: &SpeechEngines, defaults: &Keys, case: &Case, voice: &str, seed: u64) -> Result<bool> {
        let keys = case.keys.over(defaults);
        let expectation = expectation(keys.expect.as_deref().unwrap_or("open"));
        let voice = Voice {
            name: voice.to_owned(),
            speed: 1.0,
            language: Language::Spanish,
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
        let asked = if self.without_prompt {
            Expectation::Open
        } else {
            expectation
        };
        let recording = Recording {
            samples,
            expectation: asked,
            language: Language::Spanish,
        };
        let text = engines
            .ears
            .stt
            .transcribe(&recording, &Arc::new(AtomicBool::new(false)))?;
        let country = keys.country.as_deref().and_then(Country::from_iso).unwrap_or_default();
        let heard = ear::read_in(
            &text,
            Reading {
                expectation,
                language: Language::Spanish,
                country,
            },
        );
        let read = value_of(keys.field.as_deref().unwrap_or(""), &heard);
        let exact = read == case.value;
        if self.show && !exact {
            println!(
                "  said «{}»\n  heard «{text}»\n  read «{read}» for «{}»",
                case.say, case.value
            );
        }
        Ok(exact)
    }
}

impl Keys {
    fn over(&self, defaults: &Self) -> Self {
        Self {
            field: self.field.clone().or_else(|| defaults.field.clone()),
            expect: self.expect.clone().or_else(|| defaults.expect.clone()),
            language: self.language.clone().or_else(|| defaults.language.clone()),
            country: self.country.clone().or_else(|| defaults.country.clone()),
            spoken: self.spoken.or(defaults.spoken),
        }
    }
}

impl Case {
    fn is_spoken(&self, defaults: &Keys) -> bool {
        let keys = self.keys.over(defaults);
        let field = keys.field.as_deref().unwrap_or("");
        let is_known = matches!(field, "email" | "phone" | "name" | "company" | "agreement" | "digits");
        keys.spoken == Some(true) && keys.language.as_deref() != Some("en") && is_known && !self.say.is_empty()
    }
}

fn expectation(word: &str) -> Expectation {
    match word {
        "name" => Expectation::Name,
        "spelled" => Expectation::Spelled,
        "email" => Expectation::Email,
        "phone" => Expectation::Phone,
        "yes_no" => Expectation::YesNo,
        "confirm_email" => Expectation::ConfirmEmail,
        "confirm_phone" => Expectation::ConfirmPhone,
        "digits" => Expectation::Digits,
        "company" => Expectation::Company,
        _ => Expectation::Open,
    }
}

/// The field in the form that the cases write it.
fn value_of(field: &str, heard: &Heard) -> String {
    match field {
        "email" => heard.email.as_ref().map(|emails| emails.best().value.to_string()),
        "phone" => heard.phone.as_ref().map(|phone| phone.e164.clone()),
        "name" => heard.name.as_ref().map(|name| {
            name.surname
                .as_ref()
                .map_or_else(|| name.given.clone(), |surname| format!("{}|{surname}", name.given))
        }),
        "company" => heard.company.clone(),
        "agreement" => heard.agreement.map(|agreement| {
            match agreement {
                Agreement::Yes => "yes",
                Agreement::No => "no",
                Agreement::Unsure => "unsure",
            }
            .to_owned()
        }),
        "digits" => heard.digits.clone(),
        _ => None,
    }
    .unwrap_or_default()
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
