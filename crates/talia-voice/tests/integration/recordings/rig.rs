//! A server that records, an operator with a pair of keys, and ears that read WAV files.

use crate::harness::{CallServer, PATIENCE, Said, program};
use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use std::path::{Path, PathBuf};
use std::time::Duration;
use talia_audio::mulaw;
use talia_simulator::outcome::CallOutcome;
use talia_voice::store::{RecordingRow, Store};
use tempfile::TempDir;
use tokio::process::Command;

/// What the brief assistant says behind its disclosure.
pub(crate) const NOTICE: &str = "es=La llamada se graba.";
/// μ-law: the channel's samples in a second.
pub(crate) const SECOND: usize = 8_000;

/// Bytes of a recording that age seals together.
pub(crate) const CHUNK: usize = 64 * 1_024;
/// The same in the file.
pub(crate) const SEALED: usize = CHUNK + 16;

/// The operator's keys and folders.
pub(crate) struct Operator {
    pub(crate) home: TempDir,
    pub(crate) identity: Identity,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let operator = Self {
            home: TempDir::new().expect("a folder"),
            identity: Identity::generate(),
        };
        let secret = operator.identity.to_string();
        std::fs::write(operator.key(), format!("# mine\n{}\n", secret.expose_secret())).expect("a file");
        operator
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.home.path().join("operator.key")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("recordings")
    }

    /// What a server that records for this operator is told.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TALIA_RECORDINGS_MODE", "after_notice".to_owned()),
            ("TALIA_RECORDINGS_RECIPIENT", self.identity.to_public().to_string()),
            ("TALIA_RECORDINGS_FOLDER", self.folder().display().to_string()),
            ("TALIA_RECORDINGS__NOTICE", NOTICE.to_owned()),
        ]
    }

    /// A server that records for this operator.
    pub(crate) async fn server(&self, more: &[(&str, &str)]) -> CallServer {
        let settings = self.settings();
        let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(more);
        CallServer::start_with(&settings).await
    }

    /// Runs the program where this operator sits, with the database of this address.
    pub(crate) async fn runs(&self, database: &str, arguments: &[&str]) -> Said {
        self.runs_with(database, arguments, &[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn runs_with(&self, database: &str, arguments: &[&str], more: &[(&str, &str)]) -> Said {
        let folder = self.folder().display().to_string();
        let mut environment = vec![
            ("TALIA_DATABASE_URL", database),
            ("TALIA_RECORDINGS_FOLDER", folder.as_str()),
        ];
        environment.extend(more);
        program(self.home.path(), arguments, &environment, "").await
    }

    /// Opens a call's recording; answers the WAV and what the program said.
    pub(crate) async fn opens(&self, database: &str, call_sid: &str) -> (Option<Vec<u8>>, Said) {
        let said = self
            .runs(
                database,
                &[
                    "recording",
                    "open",
                    call_sid,
                    "--identity",
                    "operator.key",
                    "-o",
                    "out.wav",
                ],
            )
            .await;
        let file = self.home.path().join("out.wav");
        let wave = std::fs::read(&file).ok();
        let _ = std::fs::remove_file(file);
        (wave, said)
    }
}

/// The one recording of a call.
pub(crate) async fn row_of(store: &Store, call_sid: &str) -> RecordingRow {
    let mut rows = store.recordings(call_sid).await.expect("a read");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// Decrypts a file by the ordinary tool: what came out, and whether it was content.
pub(crate) async fn age_opens(file: &Path, key: &Path) -> (Vec<u8>, bool) {
    let output = Command::new("age")
        .args(["--decrypt", "--identity"])
        .args([key, file])
        .output()
        .await
        .expect("`age` is installed by `scripts/setup.sh test`");
    (output.stdout, output.status.success())
}

/// Both sides of a recording, linear samples.
pub(crate) struct Wave {
    pub(crate) caller: Vec<i16>,
    pub(crate) assistant: Vec<i16>,
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

impl Wave {
    /// Reads a file as a player does: chunk by chunk. With `growing`, its lengths are those of a file that isn't over.
    pub(crate) fn read(bytes: &[u8], growing: bool) -> Self {
        assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
        let length = |told: u32, rest: usize| {
            if growing {
                assert_eq!(told, u32::MAX);
            } else {
                assert_eq!(told as usize, rest);
            }
        };
        length(number(bytes, 4), bytes.len() - 8);
        let mut at = 12;
        while &bytes[at..at + 4] != b"data" {
            let size = number(bytes, at + 4) as usize;
            if &bytes[at..at + 4] == b"fmt " {
                // μ-law, two channels, 8,000 times a second, one byte each.
                let format: Vec<_> = bytes[at + 8..at + 24].to_vec();
                assert_eq!(format, [7, 0, 2, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 8, 0]);
            }
            at += 8 + size;
        }
        length(number(bytes, at + 4), bytes.len() - at - 8);
        let pairs = bytes[at + 8..].as_chunks::<2>().0;
        Self {
            caller: pairs.iter().map(|[caller, _]| mulaw::decode(*caller)).collect(),
            assistant: pairs.iter().map(|[_, assistant]| mulaw::decode(*assistant)).collect(),
        }
    }

    /// Where in the call it begins, by the caller's side, which must be the simulated caller's to the sample.
    pub(crate) fn begins_in(&self, outcome: &CallOutcome) -> usize {
        let whole = &outcome.recording.caller;
        let same = |at: &usize| {
            whole[*at..]
                .iter()
                .zip(&self.caller)
                .all(|(theirs, ours)| theirs == ours)
        };
        let last = whole.len().saturating_sub(self.caller.len());
        let places: Vec<_> = (0..=last).filter(same).collect();
        assert_eq!(places.len(), 1, "the caller's side is in the call once: {places:?}");
        places[0]
    }

    /// Stretches of our side that sound, by their first and last sample; pauses of up to 40 ms don't part them.
    pub(crate) fn stretches(side: &[i16]) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (at, _) in side.iter().enumerate().filter(|(_, sample)| **sample != 0) {
            match found.last_mut() {
                Some((_, last)) if at - *last <= 320 => *last = at,
                _ => found.push((at, at)),
            }
        }
        found
    }
}

/// The recording in a folder, once it is there and so large.
pub(crate) async fn file_of(folder: &Path, bytes: u64) -> PathBuf {
    let find = || {
        let paths = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()));
        paths.into_iter().find(|path| {
            let large = std::fs::metadata(path).is_ok_and(|file| file.len() >= bytes);
            large && path.extension().is_some_and(|end| end == "age")
        })
    };
    let mut pulse = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        loop {
            pulse.tick().await;
            if let Some(found) = find() {
                return found;
            }
        }
    };
    tokio::time::timeout(3 * PATIENCE, waiting).await.expect("a recording")
}

/// The private key of a call's recording, in a file.
pub(crate) async fn own_key(operator: &Operator, database: &str, sid: &str) -> PathBuf {
    let said = operator
        .runs(database, &["recording", "key", sid, "--identity", "operator.key"])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    let path = operator.home.path().join("call.key");
    std::fs::write(&path, said.out).expect("a file");
    path
}
