//! Whatever a bucket does, a finished recording waits for it, and is in it in the end, once and whole.

use super::rig::SEALED;
use crate::harness::{Keeper, Mood, S3, call_sid, eventually};
use crate::privacy::rig::Lone;
use crate::sinks::rig::write_call;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use talia_voice::clock::Clock;
use talia_voice::config::{Config, Sources};
use talia_voice::recordings::{Bell, Bucket, Folder, Uploads, close_dead};
use talia_voice::store::{NewRecording, Record, RecordingEnd, RecordingRow};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::{BucketFault, BucketOperation};
use tokio::runtime::{Builder, Runtime};

/// A server that waits for the bucket longer than any test.
pub(super) const PATIENT: [(&str, &str); 1] = [("TALIA_RECORDINGS__BUCKET__TIMEOUT_S", "120")];

/// A store, a folder and a bucket, without calls.
pub(super) struct Shop {
    pub(super) lone: Lone,
    pub(super) s3: S3,
}

/// The uploader of one node, on a runtime of its own that can be killed.
pub(super) struct Node {
    pub(super) metrics: Arc<Metrics>,
    pub(super) bell: Bell,
    runtime: Option<Runtime>,
}

impl Node {
    /// It dies as a process dies.
    pub(super) fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shop {
    pub(super) async fn open(keeper: Keeper, clock: Clock) -> Self {
        Self {
            lone: Lone::new(keeper, clock).await,
            s3: S3::start().await,
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.lone.home.path().join("recordings")
    }

    /// The bucket as a server with these settings more is told of it.
    pub(super) fn bucket(&self, more: &[(&str, &str)]) -> Bucket {
        let settings = self.s3.settings();
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let own = ("TALIA_TWILIO_AUTH_TOKEN", crate::harness::TOKEN);
        let environment = settings.chain([own]).chain(more.iter().copied());
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sources = Sources {
            file: None,
            environment: environment.collect(),
        };
        let config = Config::load(&sources).expect("a good configuration");
        Bucket::open(&config.recordings.bucket.expect("a bucket")).expect("it can be used")
    }

    /// A node with this folder that uploads.
    pub(super) fn node(&self, folder: PathBuf, more: &[(&str, &str)]) -> Node {
        let (metrics, bell) = (Arc::new(Metrics::default()), Bell::default());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (bucket, store, clock) = (self.bucket(more), self.lone.store.clone(), self.lone.clock.clone());
        let (its_bell, its_metrics) = (bell.clone(), metrics.clone());
        runtime.spawn(async move {
            let what = (Some(bucket), Folder::new(folder), its_bell);
            let uploads = Uploads::start(what, &store, (&clock, &its_metrics));
            std::future::pending::<()>().await;
            drop(uploads);
        });
        bell.ring();
        Node {
            metrics,
            bell,
            runtime: Some(runtime),
        }
    }

    /// A call that is over, with a recording that isn't finished and whose file holds so many bytes.
    pub(super) async fn begun(&self, number: u32, bytes: usize) -> (String, String, Vec<u8>) {
        let (store, clock, sid) = (&self.lone.store, &self.lone.clock, call_sid(number));
        write_call(store, clock, &sid, 1).await;
        let id = store.new_id(clock.wall());
        let place = format!("{sid}-{id}.wav.age");
        let content: Vec<u8> = (0..bytes).map(|at| (at / 7 + at % 251) as u8).collect();
        std::fs::create_dir_all(self.folder()).expect("a folder");
        std::fs::write(self.folder().join(&place), &content).expect("a file");
        let new = NewRecording {
            id: id.clone(),
            call_sid: sid.clone(),
            stream: 1,
            place,
            recipient: "age1".to_owned(),
            key: "sealed".to_owned(),
            consent: "after_notice",
            at: clock.wall(),
        };
        store.keep(Record::RecordingBegun(new)).await.expect("a write");
        (sid, id, content)
    }

    /// The same, finished.
    pub(super) async fn finished(&self, number: u32, bytes: usize) -> (String, Vec<u8>) {
        let (sid, id, content) = self.begun(number, bytes).await;
        let end = RecordingEnd {
            id,
            call_sid: sid.clone(),
            fault: None,
            bytes: bytes as i64,
            duration_ms: 1_000,
            missing_ms: 0,
            silenced_ms: 0,
            at: self.lone.clock.wall(),
        };
        let end = Record::RecordingEnded(end);
        self.lone.store.keep(end).await.expect("a write");
        (sid, content)
    }

    pub(super) async fn row(&self, sid: &str) -> RecordingRow {
        super::rig::row_of(&self.lone.store, sid).await
    }

    /// Waits until the recording is in the bucket alone, as it was.
    pub(super) async fn arrives(&self, (sid, content): &(String, Vec<u8>)) {
        eventually("the recording is in the bucket alone", async || {
            let row = self.row(sid).await;
            row.uploaded_at.is_some() && !self.folder().join(&row.place).exists()
        })
        .await;
        let row = self.row(sid).await;
        let object = self.s3.object(&row.place).expect("an object");
        assert!(object == content, "{} bytes of {}", object.len(), content.len());
    }
}

async fn every_trouble_is_counted_and_passes(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::real()).await;
    let node = shop.node(shop.folder(), &[]);
    let troubles = [
        (Mood::Says(403, "AccessDenied"), BucketFault::Forbidden),
        (Mood::Says(403, "InvalidAccessKeyId"), BucketFault::Unauthorised),
        (Mood::Says(400, "ExpiredToken"), BucketFault::Unauthorised),
        (Mood::Says(404, "NoSuchBucket"), BucketFault::Missing),
        (Mood::Says(503, "SlowDown"), BucketFault::TooMany),
        (Mood::Says(500, "InternalError"), BucketFault::Failed),
        (Mood::Says(400, "EntityTooLarge"), BucketFault::Refused),
        (Mood::Says(301, "PermanentRedirect"), BucketFault::Refused),
        (Mood::Hangs, BucketFault::TimedOut),
        (Mood::Cuts, BucketFault::Unreachable),
        (Mood::Garbles, BucketFault::Differs),
    ];
    for (number, (mood, fault)) in (1..).zip(troubles) {
        shop.s3.is(mood);
        let before = node.metrics.bucket_fault_count(BucketOperation::Upload, fault);
        let recording = shop.finished(number, 3 * SEALED).await;
        node.bell.ring();
        eventually(&format!("{mood:?} is counted as {fault:?}"), async || {
            node.metrics.bucket_fault_count(BucketOperation::Upload, fault) > before
        })
        .await;
        let row = shop.row(&recording.0).await;
        assert_eq!((row.state.as_str(), &row.uploaded_at), ("stored", &None), "{mood:?}");
        assert!(shop.folder().join(&row.place).exists(), "{mood:?}");
        shop.s3.is(Mood::Well);
        shop.arrives(&recording).await;
    }
    assert_eq!(node.metrics.recordings_uploaded.get(), troubles.len() as u64);
}

/// The secret is wrong: the server signs for itself and refuses. With the right one all is there.
async fn a_wrong_key_is_refused_and_counted(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::real()).await;
    let recording = shop.finished(1, SEALED).await;
    let wrong = shop.node(shop.folder(), &[("AWS_SECRET_ACCESS_KEY", "another")]);
    eventually("the key is refused", async || {
        let fault = BucketFault::Unauthorised;
        wrong.metrics.bucket_fault_count(BucketOperation::Upload, fault) > 1
    })
    .await;
    assert_eq!(
        (shop.s3.holds(), shop.s3.seen()),
        ((0, 0), vec![]),
        "nothing got past the signature"
    );
    assert_eq!(wrong.metrics.recordings_waiting.get(), 1);
    wrong.kill();
    // What the dead node has said holds for a while; here nobody was cut in the middle of anything.
    let _right = shop.node(shop.folder(), &[]);
    shop.arrives(&recording).await;
}

async fn a_long_recording_goes_in_parts_and_leaves_none_behind(keeper: Keeper) {
    const LONG: usize = 11 * 1_024 * 1_024;
    let shop = Shop::open(keeper, Clock::real()).await;
    // Something goes wrong with a part, with the end, and with what stands there in the end.
    let wrongs = [
        ("PUT part", Mood::Says(403, "AccessDenied")),
        ("PUT part", Mood::Cuts),
        ("POST complete", Mood::Says(500, "InternalError")),
        ("GET object", Mood::Cuts),
    ];
    let node = shop.node(shop.folder(), &[]);
    for (number, (what, mood)) in (1..).zip(wrongs) {
        shop.s3.is_to(what, mood);
        let recording = shop.finished(number, LONG).await;
        node.bell.ring();
        let asked = shop.s3.seen().len();
        eventually("it goes wrong", async || {
            shop.s3.seen()[asked..].iter().any(|word| word == what)
        })
        .await;
        assert_eq!(shop.row(&recording.0).await.uploaded_at, None);
        shop.s3.is(Mood::Well);
        shop.arrives(&recording).await;
    }
    let seen = shop.s3.seen();
    let count = |word: &str| seen.iter().filter(|seen| *seen == word).count();
    assert!(count("PUT part") >= 12 && count("PUT object") == 0, "{seen:?}");
    // Uploads that broke off were given back.
    eventually("no part lies there", async || shop.s3.holds() == (wrongs.len(), 0)).await;
}

/// Nodes with one database: who has the file uploads it; with one folder for all, one of them does.
async fn of_several_nodes_one_uploads(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::real()).await;
    shop.s3.is_to("PUT", Mood::Waits);
    let first = shop.finished(1, SEALED).await;
    let elsewhere = shop.node(shop.lone.home.path().join("elsewhere"), &PATIENT);
    let one = shop.node(shop.folder(), &PATIENT);
    eventually("it sends", async || shop.s3.seen().len() == 1).await;
    // The other one sees both and takes the one that is in nobody's hands.
    let second = shop.finished(2, SEALED).await;
    let other = shop.node(shop.folder(), &PATIENT);
    eventually("the other one sends, too", async || shop.s3.seen().len() == 2).await;
    shop.s3.is(Mood::Well);
    shop.arrives(&first).await;
    shop.arrives(&second).await;
    let uploaded = |node: &Node| node.metrics.recordings_uploaded.get();
    let nodes = [&one, &other, &elsewhere];
    assert_eq!(nodes.map(uploaded), [1, 1, 0]);
    let seen = shop.s3.seen();
    let count = |word: &str| seen.iter().filter(|seen| *seen == word).count();
    assert_eq!((count("PUT object"), count("GET object"), seen.len()), (2, 2, 4));
    for node in nodes {
        for fault in [BucketFault::File, BucketFault::Other] {
            assert_eq!(node.metrics.bucket_fault_count(BucketOperation::Upload, fault), 0);
        }
    }
}

/// A node dies while it sends: its word holds for a while, then whoever has the file goes on.
async fn what_a_dead_uploader_had_begun_is_begun_again(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::manual(crate::harness::noon())).await;
    shop.s3.is_to("PUT", Mood::Hangs);
    let recording = shop.finished(1, SEALED).await;
    let dead = shop.node(shop.folder(), &PATIENT);
    eventually("it sends", async || !shop.s3.seen().is_empty()).await;
    dead.kill();
    shop.s3.is(Mood::Well);
    let next = shop.finished(2, SEALED).await;
    let heir = shop.node(shop.folder(), &[]);
    shop.arrives(&next).await;
    assert_eq!(shop.row(&recording.0).await.uploaded_at, None, "somebody may be at it");
    assert_eq!(shop.s3.seen(), ["PUT object", "PUT object", "GET object"]);
    shop.lone.clock.advance(Duration::from_secs(31));
    shop.arrives(&recording).await;
    assert_eq!(heir.metrics.recordings_uploaded.get(), 2);
}

/// A recording whose process died is closed by whoever looks, and uploaded by the node with its file.
async fn what_a_dead_writer_has_left_goes_there_too(keeper: Keeper) {
    let shop = Shop::open(keeper, Clock::manual(crate::harness::noon())).await;
    let (sid, _, content) = shop.begun(1, 3 * SEALED).await;
    let node = shop.node(shop.folder(), &[]);
    shop.lone.clock.advance(Duration::from_mins(61));
    // A node without the file says after an hour that it is lost.
    let elsewhere = Folder::new(shop.lone.home.path().join("elsewhere"));
    let now = shop.lone.clock.wall();
    let closed = close_dead(&shop.lone.store, &elsewhere, &shop.lone.metrics, now).await;
    assert_eq!(closed.expect("a look"), 1);
    node.bell.ring();
    shop.arrives(&(sid.clone(), content)).await;
    let row = shop.row(&sid).await;
    assert_eq!((row.state.as_str(), row.fault.as_deref()), ("failed", Some("died")));
    assert_eq!(row.bytes, Some(3 * SEALED as i64), "what is there was seen");
}

macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { Box::pin(super::$name(super::Keeper::Sqlite)).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { Box::pin(super::$name(super::Keeper::Postgres)).await; })+
        }
    };
}

on_both! {
    every_trouble_is_counted_and_passes
    a_wrong_key_is_refused_and_counted
    a_long_recording_goes_in_parts_and_leaves_none_behind
    of_several_nodes_one_uploads
    what_a_dead_uploader_had_begun_is_begun_again
    what_a_dead_writer_has_left_goes_there_too
}
