//! Speech programs of the system, run as processes: their licences and crashes stay outside.

use crate::error::EngineError;
use crate::level::for_telephone;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use talia_audio::resample::to_f32;
use talia_spanish::Language;

const POLL: Duration = Duration::from_millis(2);
/// Polls after which a program is taken for hung (ten seconds).
const MOST_POLLS: u32 = 5_000;

/// A synthesiser that may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// SVOX Pico (Debian non-free `libttspico-utils`): quick and intelligible.
    Pico,
    /// espeak-ng: better than silence.
    Espeak,
}

impl Program {
    /// The command's name.
    pub fn command(self) -> &'static str {
        match self {
            Self::Pico => "pico2wave",
            Self::Espeak => "espeak-ng",
        }
    }

    /// Whether it can be run.
    pub fn is_installed(self) -> bool {
        Command::new(self.command())
            .arg("--help")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    }

    /// Speech for a text, 8 kHz, levelled; `speed` is 1 for the program's own pace.
    ///
    /// The text of Pico is visible in the machine's list of processes while it runs: the program has no other way in.
    pub fn speak_8k(self, text: &str, language: Language, speed: f32) -> Result<Vec<i16>, EngineError> {
        let failed = EngineError::run(self.command());
        // One name per file: calls may speak at the same time.
        let file = tempfile::Builder::new()
            .suffix(".wav")
            .tempfile()
            .map_err(|error| failed(error.to_string()))?;
        let child = match self {
            Self::Pico => pico(text, language, speed, file.path()),
            Self::Espeak => espeak(text, language, speed, file.path()),
        }?;
        wait(self.command(), child)?;
        read_wave(self.command(), file.path())
    }
}

fn pico(text: &str, language: Language, speed: f32, file: &Path) -> Result<Child, EngineError> {
    let voice = match language {
        Language::Spanish => "es-ES",
        Language::English => "en-US",
    };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let percent = (speed.clamp(0.5, 2.0) * 100.0) as u32;
    let mut command = Command::new(Program::Pico.command());
    command.arg(format!("--lang={voice}"));
    command.arg(format!("--wave={}", file.display()));
    // The markup in front also keeps a text from being read as an option.
    command.arg(format!("<speed level=\"{percent}\">{escaped}</speed>"));
    spawn(
        Program::Pico.command(),
        command.stdin(Stdio::null()).stdout(Stdio::null()),
    )
}

fn espeak(text: &str, language: Language, speed: f32, file: &Path) -> Result<Child, EngineError> {
    let words_a_minute = (speed.clamp(0.5, 2.0) * 165.0) as u32;
    let mut command = Command::new(Program::Espeak.command());
    command.args([
        "-v",
        espeak_voice(language),
        "-s",
        &words_a_minute.to_string(),
        "--stdin",
        "-w",
    ]);
    command.arg(file);
    feed(command.stdout(Stdio::null()), text)
}

fn espeak_voice(language: Language) -> &'static str {
    match language {
        Language::Spanish => "es-419",
        Language::English => "en-us",
    }
}

fn feed(command: &mut Command, text: &str) -> Result<Child, EngineError> {
    let name = Program::Espeak.command();
    let mut child = spawn(name, command.stdin(Stdio::piped()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that is gone already shows in its exit status.
        let _ = stdin.write_all(text.as_bytes());
    }
    Ok(child)
}

fn spawn(name: &'static str, command: &mut Command) -> Result<Child, EngineError> {
    command
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => EngineError::NoProgram(name),
            _ => EngineError::run(name)(error.to_string()),
        })
}

/// Waits for the program's end; a hung one is ended.
fn wait(name: &'static str, mut child: Child) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::run(name)(reason);
    for _ in 0..MOST_POLLS {
        match child.try_wait().map_err(|error| failed(error.to_string()))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(status.to_string())),
            None => thread::sleep(POLL),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(failed("no terminó en diez segundos".to_owned()))
}

fn read_wave(name: &'static str, path: &Path) -> Result<Vec<i16>, EngineError> {
    let failed = |reason: String| EngineError::run(name)(reason);
    let mut reader = hound::WavReader::open(path).map_err(|error| failed(error.to_string()))?;
    let rate = reader.spec().sample_rate;
    let samples = reader
        .samples::<i16>()
        .map(|sample| sample.map(to_f32))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.to_string()))?;
    let narrow = for_telephone(samples, rate).map_err(|error| failed(error.to_string()))?;
    if narrow.is_empty() {
        return Err(EngineError::Unspeakable);
    }
    Ok(narrow)
}
