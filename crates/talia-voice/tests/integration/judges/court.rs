//! Runs the judges of `tests/judges`.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The SDKs are large: on a busy machine an interpreter needs seconds to read them.
const PATIENCE: Duration = Duration::from_mins(1);

/// A file of the judges.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges").join(name)
}

/// The interpreter that has the SDKs.
fn python() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let folder = cache.expect("a home folder").join("talia-voice/judges");
    let wanted = std::fs::read_to_string(file("requirements.txt")).expect("the requirements");
    assert!(
        std::fs::read_to_string(folder.join("requirements.txt")).is_ok_and(|installed| installed == wanted),
        "the official SDKs that judge our messages are not here as tests/judges/requirements.txt asks for them: run `make test`, or \
         `scripts/setup.sh test` alone"
    );
    folder.join("bin/python")
}

async fn run(script: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut judge = Command::new(python())
        .arg(file(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the judges' interpreter runs");
    let mut stdin = judge.stdin.take().expect("a pipe");
    stdin.write_all(input).await.expect("a write");
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, judge.wait_with_output());
    let output = output.await.expect("in time").expect("an end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Something that we send to a service.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) service: &'static str,
    /// `message`, `body` or `query`.
    pub(super) what: &'static str,
    pub(super) value: Value,
}

impl Case {
    /// A text message or a body.
    pub(super) fn message(service: &'static str, text: &str) -> Self {
        Self {
            service,
            what: "message",
            value: serde_json::from_str(text).expect("we send JSON"),
        }
    }

    pub(super) fn query(service: &'static str, pairs: &[(String, String)]) -> Self {
        Self {
            service,
            what: "query",
            value: json!(pairs),
        }
    }

    /// Messages of a kind have this in common: their type, or else their fields.
    pub(super) fn kind(&self) -> String {
        if self.what == "query" {
            return "query".to_owned();
        }
        if let Some(kind) = self.value["type"].as_str() {
            return kind.to_owned();
        }
        let fields = self.value.as_object().expect("an object").keys();
        fields.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// What the SDKs say against these, by their place.
pub(super) async fn judged(cases: &[Case]) -> Vec<(usize, Vec<String>)> {
    let lines = cases
        .iter()
        .map(|case| json!({"service": case.service, "what": case.what, "value": case.value}).to_string() + "\n");
    let verdict = run("messages.py", &[], lines.collect::<String>().as_bytes()).await;
    let lines = verdict.lines().map(|line| {
        let found: Value = serde_json::from_str(line).expect("JSON");
        let place = found["line"].as_u64().expect("a place") as usize;
        let errors = found["errors"].as_array().expect("errors").iter();
        (
            place,
            errors.map(|error| error.as_str().expect("text").to_owned()).collect(),
        )
    });
    lines.collect()
}

/// What came of a session that the service's SDK held with the fake at `url`.
pub(super) async fn session(service: &str, url: &str, key: &str, caller: &[u8]) -> Value {
    let said = run("sessions.py", &[service, url, key], caller).await;
    serde_json::from_str(&said).expect("JSON")
}
