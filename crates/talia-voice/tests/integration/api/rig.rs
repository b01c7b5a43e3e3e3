//! A server with calls, leads and recordings in its database, and whoever asks for them.

use crate::harness::{ACCOUNT, Answer, Keeper, TestServer, call_sid};
use jiff::Timestamp;
use serde_json::Value;
use talia_dialogue::EndReason;
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::store::{LeadFields, NewCall, NewRecording, Record, RecordingEnd, StatusReport, Store};
use tempfile::TempDir;

/// A server whose database this engine keeps.
pub(super) async fn server_on(keeper: Keeper, more: &[(&str, &str)]) -> TestServer {
    let url = keeper.new_database(&TempDir::new().expect("a folder"));
    let mut settings = more.to_vec();
    // SQLite's file is in the server's own folder.
    if keeper == Keeper::Postgres {
        settings.push(("TALIA_DATABASE_URL", &url));
    }
    TestServer::start_with(&settings, Clock::real()).await
}

/// A moment, so many seconds after a fixed one.
pub(super) fn second(number: i64) -> Timestamp {
    let first: Timestamp = "2026-11-20T16:00:00Z".parse().expect("a time");
    first + jiff::SignedDuration::from_secs(number)
}

/// A call of this number, which rings at that second.
pub(super) fn call(number: u32, at: i64) -> NewCall {
    NewCall {
        call_sid: call_sid(number),
        account_sid: ACCOUNT.to_owned(),
        from: "+525512345678".to_owned(),
        to: "+525587654321".to_owned(),
        direction: "inbound".to_owned(),
        assistant: Some("solara".to_owned()),
        status: CallStatus::Ringing,
        at: second(at),
    }
}

pub(super) async fn write(store: &Store, call: NewCall) {
    store.call_started(call).await.expect("a write");
}

/// The call is over, as Twilio says.
pub(super) async fn end(store: &Store, number: u32, status: CallStatus, at: i64) {
    let report = StatusReport {
        call_sid: call_sid(number),
        status,
        sequence: Some(9),
        duration_s: Some(30),
        at: second(at),
    };
    store.advance_status(report).await.expect("a write");
}

/// Its conversation is over, as we say.
pub(super) async fn talked_out(store: &Store, number: u32) {
    let sid = call_sid(number);
    store.call_ended(&sid, EndReason::Finished).await.expect("a write");
}

/// A lead of a call, kept at that second.
pub(super) async fn lead(store: &Store, number: u32, at: i64, (phone, email): (Option<&str>, Option<&str>)) {
    let fields = LeadFields {
        name: Some("Ana Pérez".to_owned()),
        phone: phone.map(str::to_owned),
        email: email.map(str::to_owned),
        ..LeadFields::default()
    };
    let record = Record::Lead {
        stream: 1,
        call_sid: call_sid(number),
        fields,
        at: second(at),
    };
    store.keep(record).await.expect("a write");
}

/// A recording of a call, begun at that second; answers its id.
pub(super) async fn recording(store: &Store, number: u32, at: i64) -> String {
    let id = store.new_id(second(at));
    let new = NewRecording {
        consent: "after_notice",
        id: id.clone(),
        call_sid: call_sid(number),
        stream: 1,
        place: format!("{}-{id}.wav.age", call_sid(number)),
        recipient: "age1example".to_owned(),
        key: "sealed".to_owned(),
        at: second(at),
    };
    store.keep(Record::RecordingBegun(new)).await.expect("a write");
    id
}

/// It is over.
pub(super) async fn recorded(store: &Store, number: u32, id: &str, fault: Option<&'static str>) {
    let end = RecordingEnd {
        id: id.to_owned(),
        call_sid: call_sid(number),
        fault,
        bytes: 4,
        duration_ms: 1_000,
        missing_ms: 0,
        silenced_ms: 0,
        at: second(100),
    };
    store.keep(Record::RecordingEnded(end)).await.expect("a write");
}

/// What is asked for by this path and query is answered so.
pub(super) async fn ask(server: &TestServer, target: &str) -> Value {
    let answer = server.get(target, &[]).await;
    assert_eq!(answer.status, 200, "{target}: {answer:?}");
    json(&answer)
}

pub(super) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The word for which it is refused.
pub(super) fn reason(answer: &Answer) -> String {
    json(answer)["reason"].as_str().expect("a word").to_owned()
}

/// This field of all items.
pub(super) fn each(page: &Value, field: &str) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    let values = items.iter().map(|item| item[field].as_str().expect("text").to_owned());
    values.collect()
}

/// All pages of a list, `limit` at a time: this field of each item. `between` happens before each page but the first.
pub(super) async fn walk(
    server: &TestServer,
    target: &str,
    (limit, field): (usize, &str),
    mut between: impl AsyncFnMut(usize),
) -> Vec<String> {
    let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let joint = if target.contains('?') { '&' } else { '?' };
        let page = ask(server, &format!("{target}{joint}limit={limit}{cursor}")).await;
        let items = each(&page, field);
        assert!(items.len() <= limit);
        all.extend(items);
        let Some(next) = page["next"].as_str() else {
            return all;
        };
        cursor = format!("&cursor={next}");
        pages += 1;
        between(pages).await;
    }
}
