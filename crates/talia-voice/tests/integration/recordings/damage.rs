//! What is left of a recording whose disk was slow, or whose bytes were changed or cut.

use super::rig::{CHUNK, Operator, SEALED, SECOND, Wave, age_opens, file_of, own_key, row_of};
use crate::harness::call_sid;
use crate::store::new_call;
use age::x25519::Identity;
use std::sync::Arc;
use std::time::Duration;
use talia_audio::mulaw::SILENCE;
use talia_voice::clock::Clock;
use talia_voice::recordings::{Archive, Bell, CallRecording};
use talia_voice::store::{RecordingRow, Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

/// A recording without a call: what a call task would hand over, by hand.
struct Bench {
    operator: Operator,
    database: String,
    store: Store,
    metrics: Arc<Metrics>,
    archive: Arc<Archive>,
    tasks: TaskTracker,
}

impl Bench {
    async fn new(sid: &str) -> Self {
        let operator = Operator::new();
        let folder = TempDir::new().expect("a folder");
        let settings = operator.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = crate::harness::config(&folder, &settings).recordings;
        let database = format!("sqlite:{}", operator.home.path().join("talia.db").display());
        let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
        let store = Store::open(StoreSettings::new(&database), clock.clone(), metrics.clone())
            .await
            .expect("a store");
        store.call_started(new_call(sid, &clock)).await.expect("a row");
        let archive = Archive::open(&config, &store, &clock, &metrics, &Bell::default()).expect("a folder");
        Self {
            operator,
            database,
            store,
            metrics,
            archive: archive.expect("recordings are on"),
            tasks: TaskTracker::new(),
        }
    }

    fn recording(&self, sid: &str) -> CallRecording {
        CallRecording::new(Some(self.archive.clone()), sid, 1, &self.tasks)
    }

    /// The row, once nothing is written any more.
    async fn row(&self, sid: &str) -> RecordingRow {
        self.tasks.close();
        self.tasks.wait().await;
        self.store
            .node_alive(Duration::from_secs(1))
            .await
            .expect("behind it in the row");
        row_of(&self.store, sid).await
    }
}

/// Seconds of a caller who says so.
fn speak(recording: &mut CallRecording, frames: std::ops::Range<u64>) {
    for number in frames {
        recording.caller(&[0x42; 160], number * 20);
    }
}

/// On one thread, a writer that is never let run is a disk that hangs.
#[tokio::test(flavor = "current_thread")]
async fn a_writer_that_falls_behind_costs_the_recording_and_never_the_call() {
    let sid = call_sid(0x91);
    let bench = Bench::new(&sid).await;
    let mut recording = bench.recording(&sid);
    recording.begin(Clock::real().wall());
    // Half a minute at once: thirteen seconds may wait, the rest is lost.
    speak(&mut recording, 0..1_500);
    let lost = bench.metrics.recording_lost_milliseconds.get();
    assert!((14_000..18_000).contains(&lost), "{lost}");
    file_of(&bench.operator.folder(), 2 * SEALED as u64).await;
    // It goes on where it is.
    speak(&mut recording, 1_500..1_750);
    recording.end();
    let row = bench.row(&sid).await;
    assert_eq!(row.state, "stored");
    assert_eq!(row.duration_ms, Some(35_000));
    assert_eq!(row.missing_ms, Some(lost as i64));
    let (wave, said) = bench.operator.opens(&bench.database, &sid).await;
    assert!(
        said.code == 3 && said.err.contains("que el disco no alcanzó a tomar"),
        "{said:?}"
    );
    let wave = Wave::read(&wave.expect("a file"), false);
    assert_eq!(wave.caller.len(), 35 * SECOND);
    let silent = wave
        .caller
        .iter()
        .filter(|sample| **sample == talia_audio::mulaw::decode(SILENCE))
        .count();
    assert_eq!(silent as u64, lost * 8);
    assert!(wave.caller[..12 * SECOND].iter().all(|sample| *sample != 0));
    assert!(wave.caller[30 * SECOND..].iter().all(|sample| *sample != 0));
}

#[tokio::test]
async fn a_changed_bit_is_told_and_what_lies_before_it_is_given() {
    let sid = call_sid(0x92);
    let bench = Bench::new(&sid).await;
    let mut recording = bench.recording(&sid);
    recording.begin(Clock::real().wall());
    // Thirteen seconds: three chunks and the beginning of a fourth.
    speak(&mut recording, 0..640);
    recording.end();
    let row = bench.row(&sid).await;
    assert_eq!((row.state.as_str(), row.duration_ms), ("stored", Some(12_800)));
    let file = bench.operator.folder().join(&row.place);
    let whole = std::fs::read(&file).expect("a file");
    let header = whole.len() - 58 - 12_800 * 16 - 4 * 16;
    for (place, chunks) in [
        (header + 100, 0),
        (header + SEALED - 1, 0),
        (header + 2 * SEALED + 5, 2),
        (whole.len() - 1, 3),
    ] {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        std::fs::write(&file, &changed).expect("a file");
        let (wave, said) = bench.operator.opens(&bench.database, &sid).await;
        assert!(said.code == 3 && said.err.contains("está dañada"), "{place}: {said:?}");
        let wave = wave.expect("a file");
        assert_eq!(wave.len(), if chunks == 0 { 58 } else { chunks * CHUNK }, "{place}");
        Wave::read(&wave, false);
        // The ordinary tool says the same, and gives as much.
        let key = own_key(&bench.operator, &bench.database, &sid).await;
        let (bytes, content) = age_opens(&file, &key).await;
        assert!(
            !content && bytes.len() == chunks * CHUNK,
            "{place}: {} bytes",
            bytes.len()
        );
    }
    // Cut anywhere, even between two chunks or within the header.
    for (left, chunks) in [
        (header + SEALED, Some(1)),
        (header + SEALED + 1, Some(1)),
        (header + 3 * SEALED + 500, Some(3)),
        (header + 20, Some(0)),
        (header - 1, None),
        (0, None),
    ] {
        std::fs::write(&file, &whole[..left]).expect("a file");
        let (wave, said) = bench.operator.opens(&bench.database, &sid).await;
        match chunks {
            Some(chunks) => {
                assert!(said.code == 3 && said.err.contains("está cortada"), "{left}: {said:?}");
                assert_eq!(
                    wave.expect("a file").len(),
                    if chunks == 0 { 58 } else { chunks * CHUNK },
                    "{left}"
                );
            }
            None => assert!(
                said.code == 1 && wave.is_none() && said.err.contains("le falta el principio"),
                "{said:?}"
            ),
        }
    }
    // Another's recording in its place is refused by its key.
    std::fs::write(
        &file,
        age::encrypt(&Identity::generate().to_public(), b"RIFF").expect("encrypted"),
    )
    .expect("a file");
    let (wave, said) = bench.operator.opens(&bench.database, &sid).await;
    assert!(
        said.code == 1 && wave.is_none() && said.err.contains("la clave no es la de esta grabación"),
        "{said:?}"
    );
    std::fs::remove_file(&file).expect("removed");
    let (_, said) = bench.operator.opens(&bench.database, &sid).await;
    assert!(said.code == 1 && said.err.contains(&row.place), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
}

/// Who goes on to write into the past is nobody: a call whose task dies leaves a recording that is whole.
#[tokio::test]
async fn a_call_task_that_dies_leaves_what_it_handed_over() {
    let sid = call_sid(0x93);
    let bench = Bench::new(&sid).await;
    let mut recording = bench.recording(&sid);
    recording.begin(Clock::real().wall());
    speak(&mut recording, 0..300);
    drop(recording);
    let row = bench.row(&sid).await;
    assert_eq!(row.state, "stored");
    // All but the second that is held back for keys.
    assert!((4_800..=5_000).contains(&row.duration_ms.expect("a number")), "{row:?}");
    assert_eq!(bench.operator.opens(&bench.database, &sid).await.1.code, 0);
}
