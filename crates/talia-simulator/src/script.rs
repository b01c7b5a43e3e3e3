//! What a caller does, as data: a TOML file of steps, of answers chosen by what the assistant says, and of the line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A caller's script.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it shows.
    #[serde(default)]
    pub name: String,
    /// The voice of the caller's lines, by the speaker's name; none: the speaker's own.
    #[serde(default)]
    pub voice: Option<String>,
    /// How long the assistant must be silent, in milliseconds, before the caller takes the turn.
    #[serde(default = "default_silence_ms")]
    pub silence_ms: u64,
    /// How long a step waits for the assistant, in milliseconds, before the caller gives up and hangs up.
    #[serde(default = "default_patience_ms")]
    pub patience_ms: u64,
    /// The line between caller and carrier.
    #[serde(default)]
    pub line: LineConditions,
    /// What the caller does, in order; behind the last step the caller hangs up.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What the caller answers in a [`Step::Converse`].
    #[serde(default, rename = "answer")]
    pub answers: Vec<Answer>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            name: String::new(),
            voice: None,
            silence_ms: default_silence_ms(),
            patience_ms: default_patience_ms(),
            line: LineConditions::default(),
            steps: Vec::new(),
            answers: Vec::new(),
        }
    }
}

fn default_silence_ms() -> u64 {
    900
}

fn default_patience_ms() -> u64 {
    20_000
}

/// One thing a caller does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Waits until the assistant has spoken since the caller last did, and then been silent.
    WaitForAnswerEnd {
        /// Instead of the script's own, in milliseconds.
        #[serde(default)]
        silence_ms: Option<u64>,
    },
    /// Says a line.
    Say {
        /// The line.
        text: String,
        /// Instead of the script's own.
        #[serde(default)]
        voice: Option<String>,
    },
    /// Plays a WAV file (any rate, first channel).
    Play {
        /// The file.
        file: PathBuf,
    },
    /// Waits for the assistant to speak, then talks over it.
    Interrupt {
        /// After this much of the assistant's speech, in milliseconds.
        #[serde(default)]
        after_ms: u64,
        /// Not before the assistant has said this word (needs a listener).
        #[serde(default)]
        at_word: Option<String>,
        /// The caller's words.
        text: String,
        /// Instead of the script's own.
        #[serde(default)]
        voice: Option<String>,
    },
    /// A short assent while the assistant speaks, which is no interruption.
    Backchannel {
        /// After this much of the assistant's speech, in milliseconds.
        #[serde(default)]
        after_ms: u64,
        /// "ajá", "mm", "sí".
        text: String,
        /// Instead of the script's own.
        #[serde(default)]
        voice: Option<String>,
    },
    /// A cough, a door, a dog: a burst of noise, over the assistant when it speaks within the patience.
    NoiseBurst {
        /// After this much of the assistant's speech; none: at once.
        #[serde(default)]
        after_ms: Option<u64>,
        /// How long, in milliseconds.
        duration_ms: u64,
        /// How loud (RMS).
        level_dbfs: f32,
    },
    /// Says nothing.
    Silence {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// Presses keys (also written `press`).
    #[serde(alias = "press")]
    Digits {
        /// `0`–`9`, `*`, `#`.
        digits: String,
        /// From one key to the next, in milliseconds; none: 200.
        #[serde(default)]
        pause_ms: Option<u64>,
    },
    /// Answers by keyword until the assistant says one of `until`, or hangs up, or `max_turns` are over.
    Converse {
        /// Words that end it.
        #[serde(default)]
        until: Vec<String>,
        /// Most answers.
        #[serde(default = "default_turns")]
        max_turns: u32,
        /// What is said when no answer fits; none: the caller waits for more.
        #[serde(default)]
        otherwise: Option<String>,
    },
    /// Takes lines from outside (somebody types) until they end.
    Live,
    /// Hangs up.
    HangUp,
    /// Waits for the other side to hang up.
    ExpectHangUp {
        /// At most this long, in milliseconds.
        within_ms: u64,
    },
    /// The media socket fails; the carrier goes on with the next verb.
    DropSocket {
        /// Without a closing frame, by a reset.
        #[serde(default)]
        abrupt: bool,
    },
}

fn default_turns() -> u32 {
    20
}

/// A line for a [`Step::Converse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Words of which one must occur in what the assistant said; case and accents don't matter. Of several answers
    /// that fit, the one whose word comes last wins: the question stands at the end of a turn.
    pub when: Vec<String>,
    /// What is said.
    pub say: String,
    /// Whether it may be said more than once.
    #[serde(default)]
    pub repeat: bool,
}

/// The line between caller and carrier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineConditions {
    /// How far speech stands above steady noise, in dB; none: no noise.
    pub noise_snr_db: Option<f32>,
    /// Whether the voice passes the telephone's band (300–3400 Hz).
    pub band_pass: bool,
    /// Packets are late by up to this, in milliseconds.
    pub jitter_ms: u64,
    /// Packets that never arrive, in per cent.
    pub loss_percent: f32,
    /// Packets that change places with the next, in per cent.
    pub reorder_percent: f32,
    /// Packets that arrive twice, in per cent.
    pub duplicate_percent: f32,
    /// The assistant's voice comes back with the caller's.
    pub echo: Option<EchoPath>,
    /// Decides which packets are hit and how the noise sounds.
    pub seed: u64,
}

impl Default for LineConditions {
    fn default() -> Self {
        Self {
            noise_snr_db: None,
            band_pass: true,
            jitter_ms: 0,
            loss_percent: 0.0,
            reorder_percent: 0.0,
            duplicate_percent: 0.0,
            echo: None,
            seed: 1,
        }
    }
}

/// How the assistant's voice comes back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EchoPath {
    /// How much quieter, in dB.
    pub attenuation_db: f32,
    /// How much later, in milliseconds.
    pub delay_ms: u64,
}

/// A script couldn't be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// No such file, or it can't be read.
    #[error("the script can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Not the format above.
    #[error("the script isn't understood: {0}")]
    Format(#[from] toml::de::Error),
    /// A value that makes no sense.
    #[error("step {step}: {reason}")]
    Step {
        /// Counted from 1.
        step: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A WAV file of a `play` step.
    #[error("{file}: {reason}")]
    Wave {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The caller's voice failed.
    #[error(transparent)]
    Speaker(#[from] crate::speaker::SpeakerFault),
}

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script: Self = toml::from_str(text)?;
        script.check()?;
        Ok(script)
    }

    /// Reads a script's file; its `play` files are relative to its folder.
    pub fn load(path: &std::path::Path) -> Result<Self, ScriptError> {
        let mut script = Self::parse(&std::fs::read_to_string(path)?)?;
        let folder = path.parent().unwrap_or(std::path::Path::new("."));
        for step in &mut script.steps {
            if let Step::Play { file } = step {
                *file = folder.join(&file);
            }
        }
        Ok(script)
    }

    /// Whether the caller must understand words, so that a listener is needed.
    pub fn needs_listener(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Converse { .. } | Step::Interrupt { at_word: Some(_), .. }))
    }

    fn check(&self) -> Result<(), ScriptError> {
        for (index, step) in self.steps.iter().enumerate() {
            let reason = match step {
                Step::Say { text, .. } | Step::Interrupt { text, .. } | Step::Backchannel { text, .. }
                    if text.trim().is_empty() =>
                {
                    "a line without words"
                }
                Step::Digits { digits, .. } if !digits.chars().all(|digit| "0123456789*#".contains(digit)) => {
                    "keys are 0-9, * and #"
                }
                _ => continue,
            };
            return Err(ScriptError::Step {
                step: index + 1,
                reason,
            });
        }
        Ok(())
    }
}
