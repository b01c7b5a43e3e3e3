//! The program itself, run by an operator who answers its questions.

use super::PATIENCE;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What it said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it in `folder` with nothing in its environment but this, and types `input`.
pub(crate) async fn program(folder: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_talia-voice"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have ended before it reads.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(3 * PATIENCE, child.wait_with_output())
        .await
        .expect("in time")
        .expect("an end");
    Said {
        code: output.status.code().expect("a code"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
