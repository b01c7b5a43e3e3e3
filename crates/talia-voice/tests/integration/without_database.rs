//! The database hangs, is held by another process, or is gone: whoever has a caller behind them is answered all the same.

use crate::harness::{
    CALLEE, CONNECTED, CallServer, CallsOut, Keeper, Stream, TestServer, call_sid, eventually, inbound_form, rename,
    start, stream_path, wish,
};
use crate::resume::{at, check, patient};
use std::path::{Path, PathBuf};
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::events::{Purpose, What};
use talia_simulator::outcome::CallOutcome;
use talia_voice::app::App;
use talia_voice::clock::Clock;
use talia_voice::store::Hold;
use talia_voice::telemetry::labels::Refusal;
use tempfile::TempDir;

/// What a webhook may take on a machine that runs all tests at once; one that waits for SQLite's own patience takes more
/// than a second.
const SOON_MS: f64 = 700.0;

fn cut(ms: u64) -> Cut {
    Cut {
        stream: Some(1),
        at: CutAt::Ms(ms),
        abrupt: true,
    }
}

/// How long webhooks of a kind took, in milliseconds.
fn took(outcome: &CallOutcome, of: Purpose) -> Vec<f64> {
    let kinds = outcome.log.iter().filter_map(|event| match event.what {
        What::Webhook { purpose, took_ms, .. } if purpose == of => Some(took_ms),
        _ => None,
    });
    kinds.collect()
}

async fn newest(app: &App) -> Option<String> {
    let calls = app.store.recent_calls(1).await.expect("a read");
    calls.first().map(|call| call.call_sid.clone())
}

/// Another process holds this file.
async fn held(file: &Path) -> Hold {
    Hold::take(&format!("sqlite:{}", file.display())).await.expect("held")
}

/// Where the files of a server's database are put away, and where they are missed.
fn elsewhere(app: &App) -> (PathBuf, PathBuf) {
    let file = app.config.database.url.strip_prefix("sqlite:").expect("a file");
    (
        Path::new(file).to_owned(),
        Path::new(&format!("{file}.gone")).to_owned(),
    )
}

/// Another process holds the database from before the break until the conversation goes on: what was said meanwhile is
/// known by heart, and nothing of it is lost or doubled.
#[tokio::test]
async fn a_socket_that_breaks_while_the_database_is_locked_comes_back_and_the_call_ends_as_one() {
    let calls = CallServer::start().await;
    let app = calls.server.app.clone();
    let locking = async {
        eventually("the greeting is in the transcript", async || match newest(&app).await {
            Some(sid) => app.store.transcript(&sid).await.expect("a read").len() >= 2,
            None => false,
        })
        .await;
        // On a busy machine the first webhook may have been answered before its row was there.
        let before = app.metrics.answered_unkept.get();
        let other = calls.server.hold_database().await;
        let sid = newest(&app).await.expect("a call");
        eventually("the second stream is there", async || {
            app.lately.call(&sid).is_some_and(|here| here.streams == 2)
        })
        .await;
        let answered = app.metrics.answered_unkept.get() - before;
        other.release().await.expect("let go");
        answered
    };
    let script = patient();
    let ringing = calls.ring_with(&script, |plan| plan.cuts = vec![cut(13_000)]);
    let (outcome, answered) = tokio::join!(ringing, locking);
    assert_eq!(answered, 1);
    let asked = took(&outcome, Purpose::Action);
    assert!(asked.len() == 2 && asked.iter().all(|ms| *ms < SOON_MS), "{asked:?}");
    check(&calls, &outcome, "locked").await;
}

/// The database's files are gone before the first call and come back behind it; writes hang meanwhile, reads fail. The
/// call is answered, breaks, comes back, and ends as one.
#[tokio::test]
async fn a_whole_call_with_a_break_in_it_needs_no_database() {
    let home = TempDir::new().expect("a folder");
    let url = Keeper::Sqlite.new_database(&home);
    let calls = CallServer::start_edited(&[("TALIA_DATABASE_URL", &url)], |app| {
        let (here, gone) = elsewhere(app);
        rename(&here, &gone);
    })
    .await;
    let (here, gone) = elsewhere(&calls.server.app);
    let other = held(&gone).await;
    let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut(9_000)]).await;
    assert_eq!(calls.server.app.metrics.answered_unkept.get(), 2);
    let (first, next) = (took(&outcome, Purpose::Voice), took(&outcome, Purpose::Action));
    assert!(first.iter().chain(&next).all(|ms| *ms < SOON_MS), "{first:?} {next:?}");
    assert_eq!(at(&outcome, |what| matches!(what, What::StreamStart { .. })).len(), 2);
    other.release().await.expect("let go");
    eventually("everything is written", async || {
        calls.server.app.metrics.store_backlog.get() == 0
    })
    .await;
    rename(&gone, &here);
    check(&calls, &outcome, "gone").await;
}

/// What this node knows decides: a conversation that ended here is over, one that nobody can be asked about goes on.
#[tokio::test]
async fn without_the_database_what_this_node_knows_decides() {
    let home = TempDir::new().expect("a folder");
    let url = Keeper::Sqlite.new_database(&home);
    let server = TestServer::start_edited(&[("TALIA_DATABASE_URL", &url)], Clock::real(), |app| {
        let (here, gone) = elsewhere(app);
        rename(&here, &gone);
    })
    .await;
    let other = held(&elsewhere(&server.app).1).await;
    let sid = call_sid(0x91);
    let mut stream = server.ring_and_stream(&sid).await;
    eventually("the call is live", async || server.app.live.count() == 1).await;
    // Its socket may be broken for all that Twilio knows.
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert!(answer.body.contains("<Connect"), "{}", answer.body);
    stream.stop(2, &sid).await;
    eventually("the call is over", async || server.app.live.count() == 0).await;
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert!(
        answer.body.contains("<Hangup") && !answer.body.contains("<Say"),
        "{}",
        answer.body
    );
    // Of another node's call nothing is known: its caller isn't hung up on.
    let answer = server.post("/api/voice/after", &inbound_form(&call_sid(0x92))).await;
    assert!(answer.body.contains("<Connect"), "{}", answer.body);
    // Nor does it go round in a circle.
    for _ in 0..3 {
        server.post("/api/voice/after", &inbound_form(&call_sid(0x92))).await;
    }
    let answer = server.post("/api/voice/after", &inbound_form(&call_sid(0x92))).await;
    assert!(answer.body.contains("<Say"), "{}", answer.body);
    assert_eq!(server.app.metrics.refused_count(Refusal::TooManyResumes), 1);
    // A call out that this node hasn't made and can't read of has no purpose that anybody knows.
    let answer = server
        .post(
            "/api/voice/outbound/answer/0199d5b0-0000-7000-8000-000000000000",
            &inbound_form(&sid),
        )
        .await;
    assert!(answer.body.contains("<Say"), "{}", answer.body);
    other.release().await.expect("let go");
}

/// Somebody picks up while another process holds the database: they hear who calls and why, at once.
#[tokio::test]
async fn whoever_picks_up_while_the_database_is_locked_hears_why_they_are_called() {
    let calls = CallsOut::start(&[]).await;
    calls.put_person(crate::calls_out::PERSON).await;
    let app = calls.server.app.clone();
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    let other = calls.server.hold_database().await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let sid = body["call_sid"].as_str().expect("a CallSid");
    eventually("the conversation has begun", async || {
        app.lately.call(sid).is_some_and(|here| here.streams == 1)
    })
    .await;
    assert_eq!(app.metrics.answered_unkept.get(), 1);
    other.release().await.expect("let go");
    let outcome = calls.outcome(sid).await;
    outcome.assert_script_done();
    let asked = took(&outcome, Purpose::Voice);
    assert!(!asked.is_empty() && asked.iter().all(|ms| *ms < SOON_MS), "{asked:?}");
    eventually("everything is written", async || app.metrics.store_backlog.get() == 0).await;
    let lines = app.store.transcript(sid).await.expect("a read");
    assert_eq!(lines[1].text, "Hola Carlos, te llamo por tu recibo de luz.");
    let row = app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!((row.streams, row.assistant.as_deref()), (1, Some("breve")));
}

/// Nobody answers a transfer while another process holds the database: the caller is not left in silence, and hears that
/// nobody answered.
#[tokio::test]
async fn a_transfer_that_nobody_answers_while_the_database_is_locked_comes_back() {
    use crate::transfers::{PERSON, PRESSES_0, person, with_a_person};
    let calls = CallServer::start_with_rest(&[("talia.toml", &with_a_person())]).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let mut nobody = person(0).await;
    nobody.pickup = talia_simulator::people::Pickup::NoAnswer;
    carrier.put_person(PERSON, nobody);
    let app = calls.server.app.clone();
    let locking = async {
        let mut sid = String::new();
        eventually("the transfer is under way", async || {
            let Some(newest) = newest(&app).await else { return false };
            sid = newest;
            let asked = app.store.transfers(&sid).await.expect("a read").len() == 1;
            asked && app.store.dial_verdicts(PERSON).await.expect("a read").len() == 1
        })
        .await;
        let other = calls.server.hold_database().await;
        eventually("the second stream is there", async || {
            app.lately.call(&sid).is_some_and(|here| here.streams == 2)
        })
        .await;
        other.release().await.expect("let go");
    };
    let ringing = calls.ring_through(&carrier, PRESSES_0, |_| {});
    let (outcome, ()) = tokio::join!(ringing, locking);
    outcome.assert_script_done();
    calls.nothing_lives().await;
    eventually("everything is written", async || {
        calls.server.app.metrics.store_backlog.get() == 0
    })
    .await;
    let store = &calls.server.app.store;
    let sid = outcome.call_sid.as_str();
    let transfers = store.transfers(sid).await.expect("a read");
    assert!(
        transfers.len() == 1 && transfers[0].state == "unanswered",
        "{transfers:?}"
    );
    let lines = store.transcript(sid).await.expect("a read");
    let told = lines
        .iter()
        .filter(|line| line.text.starts_with("Disculpa, ahora no me contestan."));
    assert_eq!(told.count(), 1, "{lines:#?}");
    let asked = took(&outcome, Purpose::Action);
    assert!(asked.iter().all(|ms| *ms < SOON_MS), "{asked:?}");
}

/// The database is lost between the answer and the stream: its token is good all the same, once; and where a stream did not
/// come to stand with it, the next answer has another.
#[tokio::test]
async fn a_token_that_the_database_has_seen_is_good_when_that_is_lost() {
    let server = TestServer::start().await;
    let sid = call_sid(0x94);
    let path = server.ring_for_stream(&sid).await;
    let other = server.hold_database().await;
    // Opened, and gone before it has said a word.
    drop(Stream::open(server.address, &path).await.expect("a socket"));
    assert!(
        Stream::open(server.address, &path).await.is_err(),
        "the token is used up"
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::TokenUsed), 1);
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    let next = stream_path(&answer.body);
    assert_ne!(next, path, "a dead token was given out again");
    let mut stream = Stream::open(server.address, &next).await.expect("a socket");
    stream.send(CONNECTED).await;
    stream.send(&start(&sid)).await;
    stream.first_media().await;
    other.release().await.expect("let go");
    eventually("both streams are written", async || {
        let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
        row.streams == 2 && server.app.metrics.store_backlog.get() == 0
    })
    .await;
}

/// The load's own way to hold a database does hold it.
#[tokio::test]
async fn a_held_database_can_not_be_written_and_is_let_go() {
    let server = TestServer::start().await;
    let hold = server.hold_database().await;
    server.ring_for_stream(&call_sid(0x93)).await;
    assert_eq!(server.app.metrics.answered_unkept.get(), 1);
    hold.release().await.expect("let go");
    eventually("everything is written", async || {
        server.app.store.call(&call_sid(0x93)).await.expect("a read").is_some()
    })
    .await;
    assert!(Hold::take("sqlite:/nowhere/at/all.db").await.is_err());
}
