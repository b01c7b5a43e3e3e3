//! A script with its lines already spoken, so that nothing is synthesised while the call runs.

use std::{path::Path, sync::Arc};

use talia_audio::{
    frame::{FRAME_SAMPLES, SAMPLE_RATE},
    level::rms_dbfs,
    mix::white_noise,
    resample::resample_all,
};

use crate::{
    script::{Script, ScriptError, Step},
    speaker::{Speaker, tones},
};

/// A frame at or above this RMS level is the caller's voice.
pub const VOICED_DBFS: f32 = -45.0;
/// How long a machine's beep is, in milliseconds, and its pitch in hertz.
pub(crate) const BEEP_MS: u64 = 500;
const BEEP_HZ: f64 = 1_000.0;
/// What speech on a telephone line is taken to be when a script has no line to measure.
const NOMINAL_SPEECH_DBFS: f32 = -24.0;

/// A line ready to be said: whole frames, from the first voiced one to the last.
#[derive(Debug, Clone)]
pub struct Line {
    /// The words; empty for noise and WAV files.
    pub text: String,
    /// 8 kHz mono.
    pub samples: Arc<[i16]>,
}

impl Line {
    /// Takes samples and cuts the silence at both ends, so that a line ends with its last voiced frame.
    pub fn new(text: impl Into<String>, samples: &[i16]) -> Self {
        let voiced = |frame: &[i16]| rms_dbfs(frame) >= VOICED_DBFS;
        let frames: Vec<&[i16]> = samples.chunks(FRAME_SAMPLES).collect();
        let first = frames.iter().position(|frame| voiced(frame)).unwrap_or(0);
        let last = frames
            .iter()
            .rposition(|frame| voiced(frame))
            .map_or(0, |index| index + 1);
        let mut cut = frames.get(first..last).unwrap_or_default().concat();
        cut.resize(cut.len().next_multiple_of(FRAME_SAMPLES), 0);
        Self {
            text: text.into(),
            samples: cut.into(),
        }
    }
}

/// A script and the sound of its lines.
#[derive(Debug)]
pub struct PreparedScript {
    pub(crate) script: Script,
    /// By step; none where a step says nothing.
    pub(crate) steps: Vec<Option<Line>>,
    /// By answer.
    pub(crate) answers: Vec<Line>,
    /// Mean level of the lines' voiced frames.
    pub(crate) speech_dbfs: f32,
}

impl PreparedScript {
    /// Speaks all lines of a script.
    pub async fn new(script: Script, speaker: &dyn Speaker) -> Result<Self, ScriptError> {
        let own = script.voice.as_deref();
        let mut steps = Vec::with_capacity(script.steps.len());
        for (index, step) in script.steps.iter().enumerate() {
            steps.push(match step {
                Step::Say { text, voice }
                | Step::Interrupt { text, voice, .. }
                | Step::Backchannel { text, voice, .. } => {
                    Some(Line::new(text, &speaker.speak(text, voice.as_deref().or(own)).await?))
                }
                Step::Converse {
                    otherwise: Some(text), ..
                } => Some(Line::new(text, &speaker.speak(text, own).await?)),
                Step::Play { file } => Some(Line::new("", &read_wave(file)?)),
                Step::NoiseBurst {
                    duration_ms,
                    level_dbfs,
                    ..
                } => {
                    let mut samples = vec![0; *duration_ms as usize * SAMPLE_RATE as usize / 1_000];
                    white_noise(script.line.seed.wrapping_add(index as u64), *level_dbfs, &mut samples);
                    Some(Line::new("", &samples))
                }
                _ => None,
            });
        }
        let mut answers = Vec::with_capacity(script.answers.len());
        for answer in &script.answers {
            answers.push(Line::new(&answer.say, &speaker.speak(&answer.say, own).await?));
        }
        let speech_dbfs = speech_level(steps.iter().flatten().chain(&answers));
        Ok(Self {
            script,
            steps,
            answers,
            speech_dbfs,
        })
    }

    /// Says nothing for a while, then hangs up.
    pub fn silence(ms: u64) -> Self {
        Self::built(vec![(Step::Silence { ms }, None)])
    }

    /// An answering machine: a greeting of words without meaning, a beep, and silence while it records.
    pub fn machine(greeting_ms: u64, beep: bool, records_ms: u64) -> Self {
        let mut greeting = Vec::new();
        while greeting.len() < samples_of(greeting_ms) {
            greeting.extend(tones("deje su mensaje"));
        }
        greeting.truncate(samples_of(greeting_ms));
        let mut steps = vec![said("greeting", &greeting)];
        if beep {
            let beep: Vec<i16> = (0..samples_of(BEEP_MS))
                .map(|index| {
                    let phase = std::f64::consts::TAU * BEEP_HZ * index as f64 / f64::from(SAMPLE_RATE);
                    (phase.sin() * 8_000.0) as i16
                })
                .collect();
            steps.push(said("beep", &beep));
        }
        steps.push((Step::Silence { ms: records_ms }, None));
        Self::built(steps)
    }

    fn built(parts: Vec<(Step, Option<Line>)>) -> Self {
        let (steps, lines): (_, Vec<_>) = parts.into_iter().unzip();
        let script = Script {
            steps,
            ..Script::default()
        };
        Self {
            script,
            speech_dbfs: speech_level(lines.iter().flatten()),
            steps: lines,
            answers: Vec::new(),
        }
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }
}

fn samples_of(ms: u64) -> usize {
    ms as usize * SAMPLE_RATE as usize / 1_000
}

fn said(text: &str, samples: &[i16]) -> (Step, Option<Line>) {
    let step = Step::Say {
        text: text.to_owned(),
        voice: None,
    };
    (step, Some(Line::new(text, samples)))
}

/// Level of the voiced frames of all lines with words.
fn speech_level<'a>(lines: impl Iterator<Item = &'a Line>) -> f32 {
    let voiced: Vec<i16> = lines
        .filter(|line| !line.text.is_empty())
        .flat_map(|line| line.samples.chunks(FRAME_SAMPLES))
        .filter(|frame| rms_dbfs(frame) >= VOICED_DBFS)
        .flatten()
        .copied()
        .collect();
    if voiced.is_empty() {
        NOMINAL_SPEECH_DBFS
    } else {
        rms_dbfs(&voiced)
    }
}

/// The first channel of a WAV file (16-bit integer or 32-bit float), at 8 kHz.
fn read_wave(file: &Path) -> Result<Vec<i16>, ScriptError> {
    let fault = |reason: String| ScriptError::Wave {
        file: file.to_owned(),
        reason,
    };
    let mut reader = hound::WavReader::open(file).map_err(|error| fault(error.to_string()))?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels.max(1));
    let all: Result<Vec<i16>, hound::Error> = match (spec.sample_format, spec.bits_per_sample) {
        (hound::SampleFormat::Int, 16) => reader.samples::<i16>().step_by(channels).collect(),
        (hound::SampleFormat::Float, 32) => reader
            .samples::<f32>()
            .step_by(channels)
            .map(|sample| sample.map(talia_audio::resample::to_i16))
            .collect(),
        (format, bits) => return Err(fault(format!("{bits}-bit {format:?} samples aren't supported"))),
    };
    let samples = all.map_err(|error| fault(error.to_string()))?;
    resample_all(&samples, spec.sample_rate, SAMPLE_RATE).map_err(|error| fault(error.to_string()))
}
