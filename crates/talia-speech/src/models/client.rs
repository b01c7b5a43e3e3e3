//! Runs the registries' ordinary clients (`pip download`, `npm pack`) and watches what they write.

use super::catalogue::{Package, Registry};
use super::error::FetchError;
use super::progress::Progress;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(100);
/// Polls without one new byte after which the client is given up (two minutes).
const STALLED_POLLS: u32 = 1_200;

/// Downloads one package into `folder`; what the client writes on the way lives and dies in that folder too.
pub(super) fn download(package: &Package, folder: &Path, progress: &mut dyn Progress) -> Result<(), FetchError> {
    let log_path = folder.join("client.log");
    let log = File::create(&log_path).map_err(FetchError::io(&log_path))?;
    let mut command = command(package, folder)?;
    let shown = display(&command);
    let errors = log.try_clone().map_err(FetchError::io(&log_path))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| FetchError::Client {
            command: shown.clone(),
            reason: error.to_string(),
        })?;
    match watch(child, folder, package.bytes, progress) {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(FetchError::Client {
            command: shown,
            reason: last_lines(&log_path),
        }),
        Err(error) => Err(FetchError::Client {
            command: shown,
            reason: error.to_string(),
        }),
    }
}

fn command(package: &Package, folder: &Path) -> Result<Command, FetchError> {
    match package.registry {
        Registry::PyPi => pip(package, folder),
        Registry::Npm => npm(package, folder),
    }
}

fn pip(package: &Package, folder: &Path) -> Result<Command, FetchError> {
    let mut command = [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]]
        .into_iter()
        .find(|words| runs(words))
        .map(|words| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            command
        })
        .ok_or(FetchError::NoClient {
            client: "pip",
            hint: "instala python3-pip (en Debian: `apt-get install python3-pip`)",
        })?;
    command.args(["download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]);
    command.args(["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]);
    if let Some(platform) = package.platform {
        // Always the same wheel, whatever interpreter this machine has: only its shared library is used.
        command.args(["--python-version", "3.12", "--platform", platform]);
    }
    command.arg("--dest").arg(folder);
    command.arg(format!("{}=={}", package.name, package.version));
    command.env("TMPDIR", folder);
    Ok(command)
}

fn npm(package: &Package, folder: &Path) -> Result<Command, FetchError> {
    if !runs(&["npm"]) {
        return Err(FetchError::NoClient {
            client: "npm",
            hint: "instala npm (en Debian: `apt-get install npm`)",
        });
    }
    let mut command = Command::new("npm");
    command.args(["pack", "--loglevel=error", "--no-update-notifier", "--no-fund"]);
    command.arg("--pack-destination").arg(folder);
    command.arg("--cache").arg(folder.join("npm-cache"));
    command.arg(format!("{}@{}", package.name, package.version));
    // Outside any project, or npm would read that project's settings.
    command.current_dir(folder);
    Ok(command)
}

fn runs(words: &[&str]) -> bool {
    Command::new(words[0])
        .args(&words[1..])
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Waits for the client, showing how much it has written.
fn watch(mut child: Child, folder: &Path, total: u64, progress: &mut dyn Progress) -> io::Result<ExitStatus> {
    let mut seen = 0;
    let mut idle = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let size = folder_size(folder);
        if size == seen {
            idle += 1;
        } else {
            (seen, idle) = (size, 0);
            // Clients keep a second copy for a moment: never show more than there is to come.
            progress.reached(size.min(total));
        }
        if idle >= STALLED_POLLS {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "no llegó ningún byte en dos minutos",
            ));
        }
        thread::sleep(POLL);
    }
}

fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            // A file that its client has just moved.
            Err(_) => 0,
        })
        .sum()
}

fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}
