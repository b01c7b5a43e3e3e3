//! What is left of a recording when something breaks, and that the call is never hurt.

use super::rig::{CHUNK, Operator, SEALED, Wave, age_opens, file_of, own_key, row_of};
use crate::conversation::HAPPY;
use crate::harness::{ACCOUNT, BRIEF, Cluster, ORIGIN, PATIENCE, TOKEN, eventually};
use std::process::Stdio;
use std::sync::Arc;
use talia_dialogue::EndReason;
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::lines::PreparedScript;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_simulator::speaker::ToneSpeaker;
use talia_twilio::AccountSid;
use talia_voice::clock::Clock;
use talia_voice::line::paths;
use talia_voice::recordings::{Fault, Folder, close_dead};
use talia_voice::store::{Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The program itself, behind a shell that may set limits to it first.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    async fn serve(operator: &Operator, database: &str, limits: &str) -> Self {
        let assistants = operator.home.path().join("assistants");
        std::fs::create_dir_all(&assistants).expect("a folder");
        std::fs::write(assistants.join("breve.toml"), BRIEF).expect("a file");
        let mut child = Command::new("sh")
            .args([
                "-c",
                &format!("{limits} exec \"$0\" serve"),
                env!("CARGO_BIN_EXE_talia-voice"),
            ])
            .current_dir(operator.home.path())
            .env_clear()
            .envs(operator.settings())
            .envs([
                ("TALIA_ASSISTANTS", "assistants"),
                ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
                ("TALIA_PUBLIC_URL", ORIGIN),
                ("TALIA_DATABASE_URL", database),
                ("TALIA_SPEECH__ENGINES", "fixed-delay"),
                ("TALIA_BIND", "127.0.0.1:0"),
                ("TALIA_TELEMETRY__FORMAT", "json"),
            ])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let ready = async {
            loop {
                let line = lines.next_line().await.expect("a line").expect("it stays");
                let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                if let Some(bind) = line["fields"]["server.bind"].as_str() {
                    return bind.to_owned();
                }
            }
        };
        let address = tokio::time::timeout(PATIENCE, ready).await.expect("in time");
        // Nobody reads on, and the pipe must not fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// Rings it; the caller listens for so long and hangs up.
    async fn ring(&self, ms: u64) -> CallOutcome {
        let account = AccountSid::new(ACCOUNT).expect("an account");
        let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
        settings.dial_origin = Some(format!("http://{}", self.address));
        let script = format!("[[step]]\ndo = \"silence\"\nms = {ms}\n[[step]]\ndo = \"hang_up\"\n");
        let script = Script::parse(&script).expect("a script");
        let script = PreparedScript::new(script, &ToneSpeaker).await.expect("tones");
        let carrier = Carrier::new(settings).expect("a carrier");
        let plan = CallPlan::new("+525512345678", "+525587654321", Arc::new(script));
        tokio::time::timeout(4 * PATIENCE, Box::pin(carrier.dial(plan)))
            .await
            .expect("the call ends")
            .expect("a call")
    }

    /// What it counted.
    async fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        crate::harness::raw(self.address.parse().expect("an address"), request)
            .await
            .body
    }

    /// As a process dies that can't help it.
    async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

async fn store(url: &str) -> Store {
    Store::open(StoreSettings::new(url), Clock::real(), Arc::new(Metrics::default()))
        .await
        .expect("a store")
}

#[tokio::test]
async fn what_a_killed_server_has_recorded_is_readable_up_to_its_last_chunk() {
    let operator = Operator::new();
    let database = format!("sqlite:{}", operator.home.path().join("talia.db").display());
    let server = Program::serve(&operator, &database, "").await;
    // Two chunks are on disk, and the third is on its way.
    let folder = operator.folder();
    let file = tokio::select! {
        outcome = server.ring(60_000) => panic!("the call ended: {outcome:?}"),
        file = file_of(&folder, 2 * SEALED as u64) => file,
    };
    server.kill().await;
    let left = std::fs::metadata(&file).expect("a file").len() as usize;
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let sid = &name[..34];

    let kept = store(&database).await;
    let row = row_of(&kept, sid).await;
    assert_eq!((row.state.as_str(), row.ended_at), ("recording", None));
    // Until the call is over for a while its writer may be alive.
    let metrics = Metrics::default();
    let now = Clock::real().wall();
    let closed = async |after: i64| {
        let now = now + jiff::SignedDuration::from_mins(after);
        close_dead(&kept, &Folder::new(&folder), &metrics, now)
            .await
            .expect("a look")
    };
    assert_eq!(closed(60).await, 0);
    kept.call_ended(sid, EndReason::Failure).await.expect("a write");
    assert_eq!((closed(1).await, closed(6).await, closed(7).await), (0, 1, 0));
    let row = row_of(&kept, sid).await;
    assert_eq!((row.state.as_str(), row.fault.as_deref()), ("failed", Some("died")));
    assert_eq!(row.bytes, Some(left as i64));
    let ms = (left / SEALED * CHUNK / 16) as i64;
    assert_eq!(row.duration_ms, Some(ms));
    assert_eq!(metrics.recording_failed_count(Fault::Died), 1);
    kept.close().await;
    let (wave, said) = operator.opens(&database, sid).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("está cortada; se entregaron los"), "{said:?}");
    let wave = wave.expect("a file");
    // The header of age is a few hundred bytes; whole chunks follow.
    let chunks = left / SEALED;
    assert_eq!(wave.len(), chunks * CHUNK, "{left} bytes were left");
    let wave = Wave::read(&wave, false);
    assert!(chunks >= 2 && !Wave::stretches(&wave.assistant).is_empty());

    // The ordinary tool gives the same, and says that the end is missing.
    let key = own_key(&operator, &database, sid).await;
    let (bytes, content) = age_opens(&file, &key).await;
    assert!(!content);
    assert_eq!(bytes.len(), chunks * CHUNK);
    let plain = Wave::read(&bytes, true);
    assert!(plain.caller == wave.caller && plain.assistant == wave.assistant);
}

/// A limit to the size of a file is what a disk without space is to who writes: the next write fails.
#[tokio::test]
async fn a_disk_without_space_ends_the_recording_and_not_the_call() {
    let operator = Operator::new();
    let database = Cluster::shared().new_database();
    // 96 KiB: one chunk fits. The shell counts in blocks of 512 bytes; who is told of it by a signal would die of it.
    let server = Program::serve(&operator, &database, "trap '' XFSZ; ulimit -f 192;").await;
    let outcome = server.ring(20_000).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_caller();
    outcome.assert_no_warnings();
    let sid = outcome.call_sid.as_str();
    let kept = store(&database).await;
    eventually("its row says why", async || row_of(&kept, sid).await.state == "failed").await;
    let row = row_of(&kept, sid).await;
    assert_eq!(row.fault.as_deref(), Some("full"));
    let counted = server.metrics().await;
    assert!(
        counted.contains("recording_failed_total{reason=\"Full\"} 1"),
        "{counted}"
    );
    assert!(counted.contains("recording_stored_total 0"), "{counted}");
    // What came before is whole.
    let (wave, said) = operator.opens(&database, sid).await;
    assert!(said.code == 3 && said.err.contains("está cortada"), "{said:?}");
    assert_eq!(wave.expect("a file").len(), CHUNK);
    // The conversation went on to its end.
    let lines = kept.transcript(sid).await.expect("a read");
    assert!(lines.iter().any(|line| line.text == "¿Sigues ahí?"), "{lines:?}");
    kept.close().await;
    server.kill().await;
}

#[tokio::test]
async fn a_folder_that_goes_away_is_counted_and_no_call_is_hurt() {
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let app = calls.server.app.clone();
    // While the first call is recorded…
    let removed = async {
        file_of(&operator.folder(), 100).await;
        std::fs::remove_dir_all(operator.folder()).expect("removed");
    };
    let (outcome, ()) = tokio::join!(calls.ring(HAPPY), removed);
    outcome.assert_script_done();
    calls.nothing_lives().await;
    // … and before the second, in whose folder's place a file is.
    std::fs::write(operator.folder(), "").expect("a file");
    let second = calls.ring(HAPPY).await;
    second.assert_script_done();
    calls.nothing_lives().await;
    for outcome in [&outcome, &second] {
        let row = row_of(&app.store, outcome.call_sid.as_str()).await;
        assert_eq!((row.state.as_str(), row.fault.as_deref()), ("failed", Some("gone")));
        assert!(
            app.store
                .lead(outcome.call_sid.as_str())
                .await
                .expect("a read")
                .is_some()
        );
    }
    assert_eq!(app.metrics.recording_failed_count(Fault::Gone), 2);
    assert_eq!(app.metrics.recording_stored.get(), 0);
}
