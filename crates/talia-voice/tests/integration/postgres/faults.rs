//! The server refuses, is gone, hangs, dies, or its answer is lost.

use crate::harness::{CallServer, Cluster, PASSWORD, TOKEN, TestServer, call_sid, eventually};
use crate::leads::told;
use crate::resume::patient;
use crate::store::{new_call, segment, texts};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use talia_voice::clock::Clock;
use talia_voice::store::{LeadFields, NewTransfer, Record, Store, StoreError, StoreSettings, probe};
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::StoreFault;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Each line has its event, in the order of the lines, once.
async fn has_an_event_for_each(store: &Store, sid: &str, lines: &[String]) {
    let events = store.events_after(0, 10_000).await.expect("a read");
    let told: Vec<String> = events
        .iter()
        .filter(|row| row.call_sid == sid)
        .map(|row| serde_json::from_str::<serde_json::Value>(&row.event).expect("JSON"))
        .filter(|event| event["type"] == "transcript_segment")
        .map(|event| event["data"]["text"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(told, lines);
}

/// The server dies in the middle of a call, and comes back: the caller notices nothing, and nothing is lost or doubled.
#[tokio::test]
async fn a_server_that_dies_in_a_call_loses_nothing_of_it() {
    let cluster = Arc::new(Cluster::start());
    let url = cluster.new_database();
    let calls = CallServer::start_with(&[("TALIA_DATABASE_URL", &url)]).await;
    let app = calls.server.app.clone();
    let dying = async {
        let mut sid = String::new();
        eventually("the caller has spoken", async || {
            let Some(call) = app.store.recent_calls(1).await.expect("a read").pop() else {
                return false;
            };
            sid = call.call_sid;
            let lines = app.store.transcript(&sid).await.expect("a read");
            lines.iter().any(|line| line.speaker == "caller")
        })
        .await;
        let dying = cluster.clone();
        tokio::task::spawn_blocking(move || dying.stop())
            .await
            .expect("it stops");
        eventually("writes wait", async || app.metrics.store_backlog.get() >= 4).await;
        assert!(app.store.call(&sid).await.is_err(), "nobody answers");
        let living = cluster.clone();
        tokio::task::spawn_blocking(move || living.start_again())
            .await
            .expect("it starts");
    };
    let script = patient();
    let (outcome, ()) = tokio::join!(calls.ring(&script), dying);
    outcome.assert_script_done();
    calls.nothing_lives().await;
    eventually("everything is written", async || {
        let row = app.store.call(outcome.call_sid.as_str()).await;
        app.metrics.store_backlog.get() == 0 && row.is_ok_and(|row| row.is_some_and(|row| row.ended_at.is_some()))
    })
    .await;
    let (sid, store) = (outcome.call_sid.as_str(), &app.store);
    let lines = store.transcript(sid).await.expect("a read");
    let said: Vec<&str> = lines
        .iter()
        .filter(|line| line.speaker == "caller")
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "Quiero bajar mi recibo de luz.",
            "Me llamo Carlos Herrera.",
            "Sí, a ese número.",
            "No, es todo, gracias."
        ]
    );
    assert!(
        lines.windows(2).all(|pair| pair[0].began_ms <= pair[1].ended_ms),
        "{lines:#?}"
    );
    let all: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
    has_an_event_for_each(store, sid, &all).await;
    let lead = store.lead(sid).await.expect("a read").expect("a lead");
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
    let metrics = &app.metrics;
    assert_eq!(
        (
            metrics.call_started.get(),
            metrics.call_completed.get(),
            metrics.lead_created.get()
        ),
        (1, 1, 1)
    );
    assert!(metrics.store_error_count(StoreFault::Io) > 0);
}

/// The server hangs: its sockets stand, nobody answers. What has to be kept waits, who rings is answered.
#[tokio::test]
async fn a_server_that_hangs_holds_up_nobody_and_gets_everything_in_order() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let server = TestServer::start_with(&[("TALIA_DATABASE_URL", &url)], Clock::real()).await;
    let (store, clock, metrics) = (&server.app.store, &server.app.clock, &server.app.metrics);
    let sid = call_sid(0x1b0);
    server.ring_and_keep(&sid).await;
    // On a busy machine the first row may have taken longer than its webhook waits.
    let unkept = metrics.answered_unkept.get();
    cluster.freeze();
    let hanging = store.append_segment(segment(&sid, "1".to_owned(), clock));
    let began = clock.now();
    let answered = async {
        for number in 2..=40 {
            let waiting = Record::Segment(segment(&sid, number.to_string(), clock));
            store.record(waiting).expect("room in the queue");
        }
        assert!(server.ring(&call_sid(0x1b1)).await.body.contains("<Connect"));
        clock.now().duration_since(began)
    };
    let (kept, answered) = tokio::join!(hanging, answered);
    // On disk, in the spool.
    assert_eq!(kept, Ok(()));
    assert!(answered.as_millis() < 700, "{answered:?}");
    assert!(store.call(&sid).await.is_err(), "a read comes back");
    assert_eq!(metrics.answered_unkept.get() - unkept, 1);
    cluster.thaw();
    let all = numbers(1..=40);
    eventually("everything is written", async || {
        metrics.store_backlog.get() == 0 && store.call(&call_sid(0x1b1)).await.is_ok_and(|row| row.is_some())
    })
    .await;
    assert_eq!(texts(store, &sid).await, all);
    has_an_event_for_each(store, &sid, &all).await;
    assert_eq!(metrics.transcript_segment.get(), 40);
}

/// A wire to the server on which, when it is told to, the answer to the next commit is lost.
async fn lossy_wire(server: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let lose = Arc::new(AtomicBool::new(false));
    let losing = lose.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.expect("the server stands");
            tokio::spawn(pass(client, server, losing.clone()));
        }
    });
    (address, lose)
}

async fn pass(mut client: TcpStream, mut server: TcpStream, lose: Arc<AtomicBool>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                server.write_all(&asked[..read]).await.expect("a write");
                let commits = asked[..read].windows(7).any(|window| window == b"COMMIT\0");
                if commits && lose.swap(false, Ordering::SeqCst) {
                    // It is done by the time it is answered; the answer goes nowhere.
                    assert!(server.read(&mut answered).await.expect("an answer") > 0);
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A commit whose answer is lost was done: it is told once, written once, and nothing that comes later overtakes it.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    let cluster = Cluster::shared();
    let (wire, lose) = lossy_wire((Ipv4Addr::LOCALHOST, cluster.port).into()).await;
    let url = cluster
        .new_database()
        .replace(&cluster.port.to_string(), &wire.port().to_string());
    let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
    let store = Store::open(StoreSettings::new(&url), clock.clone(), metrics.clone())
        .await
        .expect("a store");
    let mut feed = store.committed();
    let sid = call_sid(0x1c0);
    store.call_started(new_call(&sid, &clock)).await.expect("a write");
    lose.store(true, Ordering::SeqCst);
    let first = store.append_segment(segment(&sid, "1".to_owned(), &clock)).await;
    assert_eq!(first, Err(StoreError::Deferred));
    store
        .append_segment(segment(&sid, "2".to_owned(), &clock))
        .await
        .expect("a write");
    assert_eq!(texts(&store, &sid).await, numbers(1..=2));
    has_an_event_for_each(&store, &sid, &numbers(1..=2)).await;
    assert_eq!(metrics.transcript_segment.get(), 2);
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(feed.recv().await.expect("an event").seq);
    }
    assert!(heard.is_sorted() && feed.try_recv().is_err(), "{heard:?}");

    // A transfer that is refused for it is not under way for ever.
    lose.store(true, Ordering::SeqCst);
    let transfer = NewTransfer {
        call_sid: sid.clone(),
        destination: "ventas".to_owned(),
        summary: String::new(),
        at: clock.wall(),
    };
    assert!(store.transfer_asked(transfer).await.is_err());
    eventually("it is undone", async || {
        let rows = store.transfers(&sid).await.expect("a read");
        rows.iter().map(|row| row.state.as_str()).eq(["unanswered"])
    })
    .await;
    store.close().await;
}

/// The same of a lead that is kept and confirmed in one such commit: when both come again, the first changes nothing back.
#[tokio::test]
async fn changes_of_a_lead_whose_commit_is_in_doubt_are_told_once() {
    let cluster = Cluster::shared();
    let (wire, lose) = lossy_wire((Ipv4Addr::LOCALHOST, cluster.port).into()).await;
    let url = cluster
        .new_database()
        .replace(&cluster.port.to_string(), &wire.port().to_string());
    let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
    let store = Store::open(StoreSettings::new(&url), clock.clone(), metrics.clone())
        .await
        .expect("a store");
    let sid = call_sid(0x1c1);
    store.call_started(new_call(&sid, &clock)).await.expect("a write");
    lose.store(true, Ordering::SeqCst);
    // Nobody waits in between, so they are one commit.
    for (phone, confirmed) in [
        ("+525511110000", false),
        ("+525522220000", false),
        ("+525522220000", true),
    ] {
        let record = Record::Lead {
            call_sid: sid.clone(),
            stream: 1,
            fields: LeadFields {
                phone: Some(phone.to_owned()),
                phone_confirmed: confirmed,
                ..LeadFields::default()
            },
            at: clock.wall(),
        };
        store.record(record).expect("room");
    }
    eventually("the answer was lost, and they came again", async || {
        metrics.store_error_count(StoreFault::Io) > 0 && metrics.lead_updated.get() == 2
    })
    .await;
    let call_over = store.call_ended(&sid, talia_dialogue::EndReason::Finished).await;
    assert_eq!(call_over, Ok(()));
    assert_eq!(
        told(&store, &sid).await,
        [
            json!(["lead_created", null]),
            json!(["lead_updated", ["phone"]]),
            json!(["lead_updated", ["phone"]])
        ]
    );
    assert_eq!((metrics.lead_created.get(), metrics.lead_updated.get()), (1, 2));
    let lead = store.lead(&sid).await.expect("a read").expect("a lead");
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some("+525522220000"), true)
    );
    store.close().await;
}

#[tokio::test]
async fn a_server_that_refuses_or_isn_t_there_stops_the_start_with_one_line_and_without_the_password() {
    let cluster = Cluster::shared();
    let good = cluster.new_database();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = nobody.local_addr().expect("an address").port();
    drop(nobody);
    let wrong = "a-wr0ng-password";
    let cases = [
        (cluster.address(wrong, "postgres"), "password authentication failed"),
        (cluster.address(PASSWORD, "no_such_database"), "does not exist"),
        (
            good.replace(&cluster.port.to_string(), &closed.to_string()),
            "Connection refused",
        ),
        (good.replace("127.0.0.1", "no-such-host.invalid"), "lookup"),
        (good.replace("sslmode=disable", "sslmode=require"), "TLS"),
    ];
    for (url, expected) in cases {
        let settings = StoreSettings::new(&url);
        assert!(!format!("{settings:?}").contains(PASSWORD), "{settings:?}");
        let opened = Store::open(settings, Clock::real(), Arc::new(Metrics::default())).await;
        let said = opened.expect_err("no store").to_string();
        let probed = probe(&url).await.expect_err("nothing").to_string();
        for said in [said, probed] {
            assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
            assert!(!said.contains(PASSWORD) && !said.contains(wrong), "{said}");
        }
    }
    assert_eq!(probe(&good).await.expect("a look").bytes, None);
    Store::open(StoreSettings::new(&good), Clock::real(), Arc::new(Metrics::default()))
        .await
        .expect("a store")
        .close()
        .await;
    assert!(probe(&good).await.expect("a look").bytes > Some(1_000_000));
}

#[test]
fn a_malformed_address_is_one_line_and_code_64() {
    let folder = TempDir::new().expect("a folder");
    let cases = [
        ("postgres://", "names no database"),
        ("postgres://localhost", "names no database"),
        ("postgres://localhost/", "names no database"),
        ("postgres:///talia", "names no server"),
        ("postgres://localhost/a/b", "names more than one database"),
        ("postgres://localhost:port/talia", "is no address of a server"),
        ("postgres://localhost:99999/talia", "is no address of a server"),
        ("postgres://local host/talia", "is no address of a server"),
        ("postgres://[::1/talia", "is no address of a server"),
        ("postgres://u:s3cr3t%@localhost/talia", "has a %"),
        ("postgres://u:s3cr3t%zz@localhost/talia", "has a %"),
        ("postgres://u:s3cr3t%ff@localhost/talia", "has a %"),
        ("postgres://u:s3cr3t@localhost/talia#x", "has a #"),
        ("postgres://u:s3cr3t#x@localhost/talia", ""),
        (
            "postgres://u:s3cr3t@localhost/talia?pasword=s3cr3t",
            "has a parameter that isn't one of",
        ),
        (
            "postgres://u@localhost/talia?password=s3cr3t",
            "has a parameter that isn't one of",
        ),
        (
            "postgres://localhost/talia?sslmode=perhaps",
            "has an sslmode that isn't one of",
        ),
        ("postgres://localhost/talia?sslmode=", "has an empty sslmode"),
        ("postgres://localhost/talia?port=70000", "has a port"),
        ("postgres:/localhost/talia", "must be sqlite: and"),
        ("postgres:talia", "must be sqlite: and"),
        ("POSTGRES//localhost/talia", "must be sqlite: and"),
        ("mysql://u:s3cr3t@localhost/talia", "must be sqlite: and"),
        ("localhost/talia", "must be sqlite: and"),
        ("sqlite:", "sqlite: must be followed by the path"),
        ("sqlite::memory:", "sqlite: must be followed by the path"),
    ];
    for (url, expected) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_talia-voice"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("TALIA_TWILIO_AUTH_TOKEN", TOKEN)
            .env("TALIA_DATABASE_URL", url)
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{url}: {said}");
        assert_eq!(said.lines().count(), 1, "{url}: {said}");
        assert!(
            said.starts_with(&format!("talia-voice: database.url: {expected}")),
            "{url}: {said}"
        );
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
