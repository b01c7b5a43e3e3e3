//! What waits on disk for the database: it outlives the process, and arrives once, in order, or is said to be lost.

/// Each of these on both engines.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Sqlite).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Postgres).await; })+
        }
    };
}

mod calls;
mod files;

use crate::harness::{Keeper, call_sid, eventually};
use crate::store::{disclosed, new_call, segment, texts};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{EndReason, TurnId, TurnTiming};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::store::{
    Erased, Erasure, HeardField, HeardIn, Hold, LeadField, LeadFields, NewMemory, NewRecording, NewRecordingConsent,
    NewTransfer, NewTurn, NewUsage, Record, RecordingEnd, Spool, SpoolSettings, StatusReport, Store, StoreError,
    StoreSettings, StreamClaim,
};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::StoreFault;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

on_both! {
    what_was_acknowledged_outlives_the_process_and_arrives_once_in_order
    a_death_between_commit_and_forgetting_doubles_nothing
    a_store_that_closes_without_its_database_leaves_everything_to_the_next
    words_of_a_call_that_was_erased_meanwhile_are_refused_and_gone
    who_asks_while_much_is_written_is_answered_behind_it
    what_the_spool_does_not_take_waits_in_memory_behind_it
}

/// One database and one folder, in which processes live and die.
struct Site {
    url: String,
    folder: TempDir,
    limit: u64,
    backlog: usize,
}

/// The runtime on which a process lives: gone at once, with everything that it was doing.
struct Life(Option<Runtime>);

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A process: a store on a runtime of its own.
struct Process {
    store: Store,
    metrics: Arc<Metrics>,
    clock: Clock,
    life: Life,
}

impl Site {
    fn new(keeper: Keeper) -> Self {
        let folder = TempDir::new().expect("a folder");
        Self {
            url: keeper.new_database(&folder),
            folder,
            limit: 1 << 30,
            backlog: 10_000,
        }
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn settings(&self) -> StoreSettings {
        StoreSettings {
            spool: Some(SpoolSettings {
                folder: self.spool(),
                limit: self.limit,
            }),
            backlog: self.backlog,
            ..StoreSettings::new(&self.url)
        }
    }

    async fn process(&self) -> Process {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
        let (settings, handle) = (self.settings(), runtime.handle().clone());
        let (of_store, counted) = (clock.clone(), metrics.clone());
        let opening = runtime.spawn_blocking(move || handle.block_on(Store::open(settings, of_store, counted)));
        Process {
            store: opening.await.expect("no panic").expect("a store"),
            metrics,
            clock,
            life: Life(Some(runtime)),
        }
    }

    async fn hold(&self) -> Hold {
        Hold::take(&self.url).await.expect("held")
    }

    /// The spool's files.
    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.spool()).expect("a folder");
        files.map(|file| file.expect("a file").path()).collect()
    }

    fn holds(&self, word: &str) -> bool {
        let holds = |path: &Path| {
            let bytes = std::fs::read(path).expect("bytes");
            bytes.windows(word.len()).any(|window| window == word.as_bytes())
        };
        self.files().iter().any(|path| holds(path))
    }
}

impl Process {
    /// Ends it where it stands, and waits until the system has taken its locks away.
    async fn kill(self, site: &Site) {
        drop(self);
        eventually("its files are let go", async || {
            site.files().iter().all(|path| {
                let file = File::open(path).expect("a file");
                file.try_lock().is_ok()
            })
        })
        .await;
    }

    async fn say(&self, sid: &str, text: impl ToString) -> Result<(), StoreError> {
        let line = segment(sid, text.to_string(), &self.clock);
        self.store.append_segment(line).await
    }

    async fn nothing_waits(&self) {
        eventually("nothing waits", async || self.metrics.store_backlog.get() == 0).await;
        assert_eq!(self.metrics.spool_bytes.get(), 0);
    }

    async fn close(self) {
        self.store.close().await;
        drop(self.life);
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// The events of a call: kind and data, in order.
async fn told(store: &Store, sid: &str) -> Vec<Value> {
    let events = store.events_after(0, 10_000).await.expect("a read");
    let events = events.iter().filter(|row| row.call_sid == sid);
    events
        .map(|row| serde_json::from_str(&row.event).expect("JSON"))
        .map(|event: Value| json!([event["type"], event["data"]]))
        .collect()
}

async fn told_texts(store: &Store, sid: &str) -> Vec<String> {
    let told = told(store, sid).await.into_iter();
    let lines = told.filter(|event| event[0] == "transcript_segment");
    lines
        .map(|event| event[1]["text"].as_str().expect("text").to_owned())
        .collect()
}

async fn what_was_acknowledged_outlives_the_process_and_arrives_once_in_order(keeper: Keeper) {
    let site = Site::new(keeper);
    let first = site.process().await;
    let sid = call_sid(0x300);
    first
        .store
        .call_started(new_call(&sid, &first.clock))
        .await
        .expect("a write");
    first.say(&sid, 0).await.expect("a write");
    let held = site.hold().await;
    for number in 1..40 {
        assert_eq!(first.say(&sid, number).await, Ok(()), "{number}");
    }
    assert_eq!(first.metrics.store_backlog.get(), 39);
    assert!(first.metrics.spool_bytes.get() > 39 * 100);
    first.kill(&site).await;
    // Another process dies with what the first one left, and more.
    let mut second = None;
    if keeper == Keeper::Postgres {
        // SQLite's file can't be opened anew while it is held.
        let process = site.process().await;
        assert_eq!(process.metrics.store_backlog.get(), 39);
        assert_eq!(process.say(&sid, 40).await, Ok(()));
        assert!(matches!(
            process
                .store
                .call_started(new_call(&call_sid(0x301), &process.clock))
                .await,
            Err(StoreError::Locked)
        ));
        process.kill(&site).await;
        second = Some(());
    }
    held.release().await.expect("let go");
    let third = site.process().await;
    let last = second.map_or(40, |()| 41);
    assert_eq!(third.say(&sid, last).await, Ok(()));
    third.nothing_waits().await;
    assert_eq!(texts(&third.store, &sid).await, numbers(0..last + 1));
    assert_eq!(told_texts(&third.store, &sid).await, numbers(0..last + 1));
    assert_eq!(third.metrics.spool_torn.get() + third.metrics.spool_damaged.get(), 0);
    third.close().await;
    assert_eq!(site.files(), Vec::<PathBuf>::new());
}

/// One of each kind of write that waits, as a call makes them.
async fn a_whole_call(process: &Process, sid: &str) {
    let (store, clock) = (&process.store, &process.clock);
    let at = clock.wall();
    let late = |text: &str| segment(sid, text.to_owned(), clock);
    let timing = TurnTiming {
        turn: TurnId(1),
        speech_ended: Duration::from_millis(10),
        transcribed: Duration::from_millis(20),
        decided: Duration::from_millis(30),
        first_text: Duration::from_millis(40),
        first_audio: Duration::from_millis(50),
        first_frame: Duration::from_millis(60),
        first_heard: Duration::from_millis(70),
    };
    let memory = |fence, text: &str| NewMemory {
        call_sid: sid.to_owned(),
        fence,
        memory: format!("{{\"said\": {text:?}}}"),
        at,
    };
    let lead = |name: Option<&str>, phone: &str, confirmed| Record::Lead {
        call_sid: sid.to_owned(),
        stream: 1,
        fields: LeadFields {
            name: name.map(str::to_owned),
            phone: Some(phone.to_owned()),
            phone_confirmed: confirmed,
            heard: vec![HeardField {
                field: LeadField::Phone,
                origin: HeardIn::Keys,
                segment_id: None,
                heard_ms: Some(20),
                read_back: true,
                confirmed,
            }],
            ..LeadFields::default()
        },
        at,
    };
    let consent = |consent, answer| {
        Record::RecordingConsent(NewRecordingConsent {
            call_sid: sid.to_owned(),
            consent,
            mode: "only_after_yes",
            question: Some("¿Puedo grabar esta llamada?".to_owned()),
            answer,
            by: "words",
            asked: 1,
            language: "es",
            segment_id: None,
            at,
        })
    };
    let recording = uuid_of(store, at);
    let records = [
        Record::Started(new_call(sid, clock)),
        Record::Token {
            hash: [3; 32],
            claim: StreamClaim {
                call_sid: sid.to_owned(),
                account_sid: crate::harness::ACCOUNT.to_owned(),
            },
            ttl: Duration::from_mins(1),
        },
        Record::Opened([3; 32]),
        Record::Status(StatusReport {
            call_sid: sid.to_owned(),
            status: CallStatus::InProgress,
            sequence: Some(2),
            duration_s: None,
            at,
        }),
        Record::DisclosureHeard(disclosed(sid, clock)),
        consent("given", "yes"),
        Record::RecordingBegun(NewRecording {
            id: recording.clone(),
            call_sid: sid.to_owned(),
            stream: 1,
            place: "a.wav.age".to_owned(),
            recipient: "age1".to_owned(),
            key: "sealed".to_owned(),
            consent: "given",
            at,
        }),
        consent("withdrawn", "stop"),
        Record::Segment(late("uno «ñ» \"2\"")),
        Record::Words {
            lines: vec![(uuid_of(store, at), late("dos")), (uuid_of(store, at), late("tres"))],
            memory: Some(memory(1, "dos")),
        },
        lead(Some("Ana"), "+525511110000", false),
        lead(None, "+525522220000", false),
        lead(None, "+525522220000", true),
        Record::Memory(memory(1, "más")),
        Record::Turn(NewTurn {
            call_sid: sid.to_owned(),
            timing,
        }),
        Record::Usage(NewUsage {
            call_sid: sid.to_owned(),
            stream: 1,
            provider: "kokoro".to_owned(),
            requests: 2,
            characters: 40,
            cost_micros: Some(12),
            ..NewUsage::default()
        }),
        Record::DoNotCall {
            number: "+525533330000".to_owned(),
            call_sid: sid.to_owned(),
            at,
        },
        Record::RecordingEnded(RecordingEnd {
            id: recording,
            call_sid: sid.to_owned(),
            fault: Some("slow"),
            bytes: 10,
            duration_ms: 20,
            missing_ms: 0,
            silenced_ms: 0,
            at,
        }),
        Record::Ended {
            call_sid: sid.to_owned(),
            reason: EndReason::Finished,
            at,
        },
    ];
    for record in records {
        let shown = format!("{record:?}");
        assert_eq!(store.keep(record).await, Ok(()), "{shown}");
    }
}

fn uuid_of(store: &Store, at: Timestamp) -> String {
    store.new_id(at)
}

/// All that is kept of a call, as text.
async fn kept(store: &Store, sid: &str) -> String {
    format!(
        "{:#?}",
        (
            store.call(sid).await.expect("a read"),
            store.transcript(sid).await.expect("a read"),
            store
                .conversation(sid)
                .await
                .expect("a read")
                .map(|row| (row.fence, row.memory)),
            store.whole_lead(sid).await.expect("a read"),
            store.turns(sid).await.expect("a read"),
            store.usage(sid).await.expect("a read"),
            store.transfers(sid).await.expect("a read"),
            store.audit_of_call(sid).await.expect("a read"),
            told(store, sid).await,
        )
    )
}

/// The spool as it was before the database had it is there again: everything comes once more.
async fn a_death_between_commit_and_forgetting_doubles_nothing(keeper: Keeper) {
    let site = Site::new(keeper);
    let first = site.process().await;
    let sid = call_sid(0x310);
    first
        .store
        .call_started(new_call(&call_sid(0x311), &first.clock))
        .await
        .expect("a write");
    let transfer = NewTransfer {
        call_sid: call_sid(0x311),
        destination: "ventas".to_owned(),
        summary: String::new(),
        at: first.clock.wall(),
    };
    first.store.transfer_asked(transfer).await.expect("a write");
    let held = site.hold().await;
    // The first one finds out.
    first.say(&call_sid(0x311), "antes").await.expect("kept");
    a_whole_call(&first, &sid).await;
    // What would answer something answers later.
    let ended = first.store.transfer_ended(&call_sid(0x311), false, "busy").await;
    assert_eq!(ended, Err(StoreError::Deferred));
    let waiting = first.metrics.store_backlog.get();
    first.kill(&site).await;
    let copies: Vec<(PathBuf, Vec<u8>)> = site
        .files()
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).expect("bytes")))
        .collect();
    held.release().await.expect("let go");
    let second = site.process().await;
    assert_eq!(second.metrics.spool_damaged.get(), 0);
    second.nothing_waits().await;
    let once = kept(&second.store, &sid).await;
    for expected in ["tres", "más", "+525522220000", "kokoro", "lead_updated", "withdrawn"] {
        assert!(once.contains(expected), "{expected}: {once}");
    }
    let transferred = kept(&second.store, &call_sid(0x311)).await;
    assert!(transferred.contains("unanswered"), "{transferred}");
    assert_eq!(second.metrics.store_error_count(StoreFault::Rejected), 0);
    second.close().await;
    for (path, bytes) in &copies {
        std::fs::write(path, bytes).expect("written");
    }
    let third = site.process().await;
    assert!(waiting > 15, "{waiting}");
    third.nothing_waits().await;
    assert_eq!(kept(&third.store, &sid).await, once);
    assert_eq!(kept(&third.store, &call_sid(0x311)).await, transferred);
    assert_eq!(third.metrics.transcript_segment.get(), 0);
    third.close().await;
}

async fn a_store_that_closes_without_its_database_leaves_everything_to_the_next(keeper: Keeper) {
    let site = Site::new(keeper);
    let first = site.process().await;
    let sid = call_sid(0x320);
    first
        .store
        .call_started(new_call(&sid, &first.clock))
        .await
        .expect("a write");
    let held = site.hold().await;
    for number in 0..10 {
        let line = segment(&sid, number.to_string(), &first.clock);
        first.store.record(Record::Segment(line)).expect("room");
    }
    first.close().await;
    held.release().await.expect("let go");
    let second = site.process().await;
    second.nothing_waits().await;
    assert_eq!(texts(&second.store, &sid).await, numbers(0..10));
    second.close().await;
}

async fn words_of_a_call_that_was_erased_meanwhile_are_refused_and_gone(keeper: Keeper) {
    let site = Site::new(keeper);
    let first = site.process().await;
    let sids = [call_sid(0x330), call_sid(0x331)];
    for sid in &sids {
        first
            .store
            .call_started(new_call(sid, &first.clock))
            .await
            .expect("a write");
        first.store.call_ended(sid, EndReason::Finished).await.expect("a write");
    }
    let held = site.hold().await;
    for number in 0..6 {
        let sid = &sids[number % 2];
        assert_eq!(first.say(sid, format!("secreto {number}")).await, Ok(()));
    }
    first.kill(&site).await;
    held.release().await.expect("let go");
    assert!(site.holds("secreto 0"));
    // An operator erases a call while no server runs.
    let operator = Store::open(StoreSettings::new(&site.url), Clock::real(), Arc::default())
        .await
        .expect("a store");
    let erasure = Erasure {
        call_sid: sids[0].clone(),
        reason: "request",
        by: "cli".to_owned(),
    };
    let erased = operator.erase_call(erasure).await.expect("a write");
    assert!(matches!(erased, Erased::Done { .. }), "{erased:?}");
    operator.close().await;
    assert!(site.holds("secreto 0"), "an operator's command takes nothing over");
    let second = site.process().await;
    second.nothing_waits().await;
    assert_eq!(second.metrics.store_error_count(StoreFault::Erased), 3);
    assert_eq!(texts(&second.store, &sids[0]).await, Vec::<String>::new());
    assert_eq!(
        texts(&second.store, &sids[1]).await,
        ["secreto 1", "secreto 3", "secreto 5"]
    );
    assert_eq!(told_texts(&second.store, &sids[0]).await, Vec::<String>::new());
    assert!(!site.holds("secreto"), "nothing of it is left on disk");
    second.close().await;
}

/// A great many writes of a dead process are written while calls begin: who asks waits no longer than they do, what is kept
/// meanwhile is on disk at once.
async fn who_asks_while_much_is_written_is_answered_behind_it(keeper: Keeper) {
    let site = Site::new(keeper);
    let first = site.process().await;
    let sid = call_sid(0x340);
    first
        .store
        .call_started(new_call(&sid, &first.clock))
        .await
        .expect("a write");
    let held = site.hold().await;
    first.say(&sid, 0).await.expect("kept");
    let lines = (1..2_000).map(|number| first.say(&sid, number));
    let kept = futures::future::join_all(lines).await;
    assert!(kept.iter().all(Result::is_ok));
    first.kill(&site).await;
    held.release().await.expect("let go");
    let second = site.process().await;
    let (began, asked) = tokio::join!(
        second.say(&sid, 2_000),
        second.store.call_started(new_call(&call_sid(0x341), &second.clock)),
    );
    began.expect("kept");
    assert!(asked.expect("an answer").first);
    assert_eq!(texts(&second.store, &sid).await, numbers(0..2_001));
    second.nothing_waits().await;
    second.close().await;
}

async fn what_the_spool_does_not_take_waits_in_memory_behind_it(keeper: Keeper) {
    let mut site = Site::new(keeper);
    // For two or three lines.
    (site.limit, site.backlog) = (1_200, 2);
    let process = site.process().await;
    let sid = call_sid(0x350);
    process
        .store
        .call_started(new_call(&sid, &process.clock))
        .await
        .expect("a write");
    let held = site.hold().await;
    let mut kept = Vec::new();
    let mut answers = Vec::new();
    for number in 0..12 {
        let answer = process.say(&sid, number).await;
        if answer != Err(StoreError::Overflow) {
            kept.push(number.to_string());
        }
        answers.push(answer);
    }
    let of = |answer: &Result<(), StoreError>| answers.iter().filter(|given| *given == answer).count();
    assert!(of(&Ok(())) >= 2, "{answers:?}");
    assert_eq!(of(&Err(StoreError::Deferred)), 2, "{answers:?}");
    assert_eq!(of(&Err(StoreError::Overflow)) + 2 + of(&Ok(())), 12, "{answers:?}");
    let overflown = process.metrics.store_error_count(StoreFault::Overflow);
    assert_eq!(overflown, of(&Err(StoreError::Overflow)) as u64);
    assert!(process.metrics.store_error_count(StoreFault::Spool) > 0);
    held.release().await.expect("let go");
    process.nothing_waits().await;
    assert_eq!(texts(&process.store, &sid).await, kept);
    // There is room again.
    let held = site.hold().await;
    assert_eq!(process.say(&sid, "otra vez").await, Ok(()));
    held.release().await.expect("let go");
    process.nothing_waits().await;
    process.close().await;
}

/// The folder can't be made: the server starts all the same, and what waits does so in memory.
#[tokio::test]
async fn without_a_folder_for_it_what_waits_is_in_memory() {
    let site = Site::new(Keeper::Sqlite);
    std::fs::write(site.spool(), "a file where the folder should be").expect("a file");
    let process = site.process().await;
    assert_eq!(process.metrics.store_error_count(StoreFault::Spool), 1);
    let sid = call_sid(0x360);
    process
        .store
        .call_started(new_call(&sid, &process.clock))
        .await
        .expect("a write");
    let held = site.hold().await;
    assert_eq!(process.say(&sid, 0).await, Err(StoreError::Deferred));
    held.release().await.expect("let go");
    eventually("it is written", async || {
        texts(&process.store, &sid).await == numbers(0..1)
    })
    .await;
    process.close().await;
}

/// The machine died while it wrote: what is whole arrives, and the rest is counted.
#[tokio::test]
async fn a_last_record_that_is_not_whole_is_dropped_and_counted() {
    let site = Site::new(Keeper::Sqlite);
    let first = site.process().await;
    let sid = call_sid(0x370);
    first
        .store
        .call_started(new_call(&sid, &first.clock))
        .await
        .expect("a write");
    let held = site.hold().await;
    for number in 0..5 {
        first.say(&sid, number).await.expect("kept");
    }
    first.kill(&site).await;
    held.release().await.expect("let go");
    let path = site.files().remove(0);
    let length = std::fs::metadata(&path).expect("a file").len();
    File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(length - 7))
        .expect("cut");
    let second = site.process().await;
    assert_eq!(
        (second.metrics.spool_torn.get(), second.metrics.spool_damaged.get()),
        (1, 0)
    );
    second.nothing_waits().await;
    assert_eq!(texts(&second.store, &sid).await, numbers(0..4));
    second.close().await;
}

/// What version 1 of the file says of a line, of a lead and of an end. The next version of this program reads it too: what
/// breaks this test breaks an update during an outage.
const VERSION_1: [&str; 4] = [
    r#"{"LateStart":{"call_sid":"CA00000000000000000000000000000380","account_sid":"AC00000000000000000000000000000001","from":"+525512345678","to":"+525587654321","direction":"inbound","assistant":"solara","status":"in-progress","at":"2026-11-24T18:00:00Z"}}"#,
    r#"{"Words":[[["0199d5b0-0000-7000-8000-000000000001",{"call_sid":"CA00000000000000000000000000000380","entry":{"speaker":"Assistant","text":"Hola","unheard":"mundo","began":{"secs":1,"nanos":5000000},"ended":{"secs":2,"nanos":0},"kind":"Answer","by_timer":false,"own_voice":false},"at":"2026-11-24T18:00:01.5Z"}]],null]}"#,
    r#"{"Lead":["0199d5b0-0000-7000-8000-000000000002",{"call_sid":"CA00000000000000000000000000000380","stream":1,"fields":{"name":"Ana","email":null,"phone":null,"company":null,"notes":null,"purpose":null,"name_confirmed":true,"email_confirmed":false,"phone_confirmed":false,"heard":[]},"at":"2026-11-24T18:00:02Z"}]}"#,
    r#"{"End":{"call_sid":"CA00000000000000000000000000000380","reason":"finished","at":"2026-11-24T18:01:00Z"}}"#,
];

#[tokio::test]
async fn what_version_1_left_is_still_read() {
    let site = Site::new(Keeper::Sqlite);
    let process = site.process().await;
    // Whose it is stands in the header.
    let header = std::fs::read(&site.files()[0]).expect("bytes");
    let owner = header[16..32].try_into().expect("sixteen bytes");
    process.close().await;
    let (mut spool, _) = Spool::open(&site.spool(), "0", (owner, u64::MAX), |_| true).expect("a spool");
    spool
        .append(VERSION_1.iter().map(|record| record.as_bytes()))
        .expect("room");
    drop(spool);
    let process = site.process().await;
    assert_eq!(
        (process.metrics.spool_damaged.get(), process.metrics.spool_left.get()),
        (0, 0)
    );
    process.nothing_waits().await;
    let sid = call_sid(0x380);
    let row = process.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(
        (
            row.from_number.as_str(),
            row.assistant.as_deref(),
            row.ended_reason.as_deref()
        ),
        ("+525512345678", Some("solara"), Some("finished"))
    );
    let lines = process.store.transcript(&sid).await.expect("a read");
    assert_eq!(
        (lines[0].text.as_str(), lines[0].unheard.as_deref(), lines[0].began_ms),
        ("Hola", Some("mundo"), 1_005)
    );
    let lead = process.store.lead(&sid).await.expect("a read").expect("a lead");
    assert_eq!((lead.name.as_deref(), lead.name_confirmed), (Some("Ana"), true));
    process.close().await;
}
