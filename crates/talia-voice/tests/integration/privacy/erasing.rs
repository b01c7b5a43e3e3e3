//! After an erasure nothing of the person is left anywhere, and what comes late is refused.

use super::rig::{Lone, files_with, tables_with};
use crate::conversation::HAPPY;
use crate::harness::{Backend, Keeper, NatsServer, TestServer, call_sid, eventually, noon, program, status_form};
use crate::recordings::rig::{Operator, file_of};
use crate::sinks::rig::{fits_the_schema, write_call};
use crate::store::{new_call, segment};
use serde_json::Value;
use sha2::{Digest, Sha256};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::privacy::Eraser;
use talia_voice::recordings::Folder;
use talia_voice::store::{Erased, Erasure, NewCall, Record, StatusReport, StoreError};
use talia_voice::telemetry::labels::StoreFault;

/// What only the caller of the happy call brings: number, name and a word.
const OF_THE_CALLER: [&str; 4] = ["5512345678", "Herrera", "Carlos", "bajar mi recibo"];

fn asked(call_sid: &str) -> Erasure {
    Erasure {
        call_sid: call_sid.to_owned(),
        reason: "request",
        by: "test".to_owned(),
    }
}

/// Everything real: a recorded call whose events are in a NATS server and at a backend.
async fn after_an_erasure_no_byte_of_the_person_is_left(keeper: Keeper) {
    let (operator, nats, backend) = (Operator::new(), NatsServer::start(), Backend::start().await);
    let database = keeper.new_database(&operator.home);
    let file = backend.settings("types = \"lead_created\"");
    let (nats_url, settings) = (nats.url(), [("TALIA_DATABASE_URL", database.as_str())]);
    let mut settings = settings.to_vec();
    settings.extend([("TALIA_NATS_URL", nats_url.as_str()), ("talia.toml", &file)]);
    let calls = operator.server(&settings).await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let (app, sid) = (&calls.server.app, outcome.call_sid.as_str());
    let recording = file_of(&operator.folder(), 10_000).await;
    let jetstream = nats.jetstream(None).await;
    eventually("everything was told", async || {
        let newest = app.store.newest_event().await.expect("a read") as u64;
        let all = app.store.events_after(0, 1_000).await.expect("a read");
        let is_over = all.iter().any(|row| row.kind.as_str() == "call_completed")
            && all.iter().any(|row| row.kind.as_str() == "recording_stored");
        is_over && app.metrics.event_delivered_count("nats") == newest && !backend.taken().is_empty()
    })
    .await;
    let delivered = app.metrics.event_delivered_count("nats");
    assert_eq!(nats.count(&jetstream).await, delivered);
    // The search finds what is there.
    let before = tables_with(&database, &OF_THE_CALLER).await;
    for table in ["voice_calls", "voice_transcripts", "leads", "outbox", "conversations"] {
        assert!(before.iter().any(|found| found == table), "{table}: {before:?}");
    }
    assert!(!files_with(nats.folder(), &OF_THE_CALLER).is_empty());
    if keeper == Keeper::Sqlite {
        assert!(!files_with(operator.home.path(), &OF_THE_CALLER).is_empty());
    }

    let path = format!("/api/voice/calls/{sid}");
    eventually("it is erased", async || {
        let answer = calls.server.request(("DELETE", &path), "", &[]).await;
        // The relay may be reading in the log that is to be emptied.
        assert!([204, 503].contains(&answer.status), "{answer:?}");
        answer.status == 204
    })
    .await;
    eventually("the stream is rid of it and was told", async || {
        app.metrics.event_delivered_count("nats") == delivered + 1
    })
    .await;
    eventually("the backend was told", async || backend.taken().len() == 2).await;

    assert_eq!(tables_with(&database, &OF_THE_CALLER).await, Vec::<String>::new());
    assert_eq!(files_with(nats.folder(), &OF_THE_CALLER), Vec::<String>::new());
    // The database's file, its log, and the recordings are below.
    assert_eq!(files_with(operator.home.path(), &OF_THE_CALLER), Vec::<String>::new());
    assert!(!recording.exists());
    let left = nats.published(&jetstream).await;
    let told = &left[0];
    assert_eq!((left.len(), told.subject.as_str()), (1, "talia.voice.call_erased"));
    fits_the_schema(&told.event());
    assert_eq!(told.event()["data"]["reason"], "request");
    let taken = backend.taken();
    let ids = told.event()["data"]["erased_events"].clone();
    assert!(
        ids.as_array()
            .expect("ids")
            .contains(&Value::String(taken[0].id.clone()))
    );
    assert_eq!(taken[1].event()["type"], "call_erased");

    // The row that is left tells what the call cost, and to nobody whose it was.
    let row = app.store.call(sid).await.expect("a read").expect("the tombstone");
    assert!(row.erased_at.is_some() && row.disclosure_heard_at.is_some());
    assert_eq!((row.from_number.as_str(), row.to_number.as_str()), ("", ""));
    let trail = app.store.audit_of_call(sid).await.expect("a read");
    assert_eq!(trail.last().map(|row| row.kind.as_str()), Some("erasure"));
    assert_eq!(app.store.verify_audit(None).await.expect("a read").faults, vec![]);
    // What Twilio repeats is answered, and brings nothing back.
    let late = calls
        .server
        .post("/api/voice/status", &status_form(sid, "completed"))
        .await;
    assert_eq!(late.status, 204);
    calls.server.ring(sid).await;
    let again = calls.server.request(("DELETE", &path), "", &[]).await;
    assert_eq!(again.status, 204);
    assert_eq!(tables_with(&database, &OF_THE_CALLER).await, Vec::<String>::new());
    let metrics = calls.server.get("/metrics", &[]).await.body;
    assert!(metrics.contains("call_erased_total 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_erasure_no_byte_of_the_person_is_left_on_sqlite() {
    Box::pin(after_an_erasure_no_byte_of_the_person_is_left(Keeper::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_erasure_no_byte_of_the_person_is_left_on_postgres() {
    Box::pin(after_an_erasure_no_byte_of_the_person_is_left(Keeper::Postgres)).await;
}

async fn what_comes_late_for_an_erased_call_is_refused_and_counted(keeper: Keeper) {
    let lone = Lone::new(keeper, Clock::manual(noon())).await;
    let (store, clock) = (&lone.store, &lone.clock);
    let (gone, other) = (call_sid(1), call_sid(2));
    write_call(store, clock, &gone, 2).await;
    store.call_started(new_call(&other, clock)).await.expect("a write");
    assert_eq!(
        store.erase_call(asked(&other)).await,
        Ok(Erased::Alive),
        "a call that isn't over"
    );
    assert_eq!(store.erase_call(asked(&call_sid(3))).await, Ok(Erased::Unknown));
    let erased = store.erase_call(asked(&gone)).await;
    assert_eq!(erased, Ok(Erased::Done { files: vec![] }));
    assert_eq!(
        store.erase_call(asked(&gone)).await,
        Ok(Erased::Before { files: vec![] })
    );
    let events = store.events_after(0, 100).await.expect("a read").len();

    let late = segment(&gone, "tarde".to_owned(), clock);
    assert_eq!(store.append_segment(late.clone()).await, Err(StoreError::Erased));
    // In one group with another call's words: those are kept.
    let both = [late, segment(&other, "a tiempo".to_owned(), clock)];
    for line in both {
        store.record(Record::Segment(line)).expect("room");
    }
    eventually("the other call's words are there", async || {
        // Counted just behind the commit.
        store.transcript(&other).await.expect("a read").len() == 1
            && lone.metrics.store_error_count(StoreFault::Erased) == 2
    })
    .await;
    assert_eq!(store.transcript(&gone).await.expect("a read"), vec![]);
    let started = store.call_started(new_call(&gone, clock)).await.expect("an answer");
    assert!(started.ended && !started.first);
    let report = StatusReport {
        call_sid: gone.clone(),
        status: CallStatus::Completed,
        sequence: Some(9),
        duration_s: Some(3),
        at: clock.wall(),
    };
    assert_eq!(store.advance_status(report).await, Ok(false));
    let now = store.events_after(0, 100).await.expect("a read");
    assert_eq!(now.len(), events + 1, "one line of the other call");
}

#[tokio::test]
async fn what_comes_late_for_an_erased_call_is_refused_and_counted_on_sqlite() {
    what_comes_late_for_an_erased_call_is_refused_and_counted(Keeper::Sqlite).await;
}

#[tokio::test]
async fn what_comes_late_for_an_erased_call_is_refused_and_counted_on_postgres() {
    what_comes_late_for_an_erased_call_is_refused_and_counted(Keeper::Postgres).await;
}

/// A person by number: calls from it, calls to it, and a lead that named it; nobody else's.
async fn a_person_is_found_by_number_given_out_and_erased(keeper: Keeper) {
    const OURS: &str = "+525587654321";
    const THEIRS: &str = "+525500000017";
    let lone = Lone::new(keeper, Clock::real()).await;
    let (store, clock) = (&lone.store, &lone.clock);
    let call = |number: u32, from: &str, to: &str, direction: &str| NewCall {
        from: from.to_owned(),
        to: to.to_owned(),
        direction: direction.to_owned(),
        ..new_call(&call_sid(number), clock)
    };
    for new in [
        call(1, THEIRS, OURS, "inbound"),
        call(2, OURS, THEIRS, "outbound-api"),
        call(3, "anonymous", OURS, "inbound"),
        call(4, "+525500000018", OURS, "inbound"),
        call(5, THEIRS, OURS, "inbound"),
    ] {
        store.call_started(new).await.expect("a write");
    }
    for number in 1..=4 {
        write_call(store, clock, &call_sid(number), 1).await;
    }
    // Writing them down again kept the first webhook's numbers out; they are as they were told first or last.
    for new in [
        call(1, THEIRS, OURS, "inbound"),
        call(2, OURS, THEIRS, "outbound-api"),
        call(4, "+525500000018", OURS, "inbound"),
    ] {
        store.call_started(new).await.expect("a write");
    }
    let named = talia_voice::store::LeadFields {
        phone: Some(THEIRS.to_owned()),
        ..Default::default()
    };
    store.save_lead(&call_sid(3), named).await.expect("a write");

    let environment = [("TALIA_DATABASE_URL", lone.url.as_str())];
    let runs = async |arguments: &[&str]| program(lone.home.path(), arguments, &environment, "").await;
    let said = runs(&["export", "--phone", THEIRS, "-o", "person.json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let file = lone.home.path().join("person.json");
    let person: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let sids: Vec<_> = person["calls"]
        .as_array()
        .expect("calls")
        .iter()
        .map(|call| call["call"]["call_sid"].as_str().expect("a sid"))
        .collect();
    assert_eq!(sids, [&call_sid(1), &call_sid(2), &call_sid(3), &call_sid(5)]);
    assert_eq!(person["calls"][0]["transcript"][0]["text"], "línea 0");
    // A file that is there is not overwritten, and a number that is none is said to be.
    assert_eq!(runs(&["export", "--phone", THEIRS, "-o", "person.json"]).await.code, 1);
    assert_eq!(runs(&["export", "--phone", "Ana"]).await.code, 1);
    // Asking for the company's own number finds nobody.
    let nobody = runs(&["export", "--phone", OURS]).await;
    assert!(nobody.err.contains("No se guarda nada"), "{nobody:?}");

    let said = runs(&["erase", "--phone", THEIRS]).await;
    assert_eq!(said.code, 3, "one isn't over: {said:?}");
    assert!(said.out.contains("3 llamada(s)"), "{said:?}");
    assert!(said.err.contains(&call_sid(5)), "{said:?}");
    store
        .call_ended(&call_sid(5), talia_dialogue::EndReason::Finished)
        .await
        .expect("a write");
    let said = runs(&["erase", "--phone", THEIRS]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(tables_with(&lone.url, &["5500000017"]).await, Vec::<String>::new());
    assert_eq!(store.transcript(&call_sid(4)).await.expect("a read").len(), 1);
    let said = runs(&["erase", "--call", &call_sid(4)]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(runs(&["erase", "--call", &call_sid(77)]).await.code, 1);
    assert_eq!(runs(&["erase"]).await.code, 2);
    let kinds: Vec<_> = store.audit_rows(0, 100).await.expect("a read");
    let count = |kind: &str| kinds.iter().filter(|row| row.kind == kind).count();
    assert_eq!((count("export"), count("erasure")), (2, 5));
}

#[tokio::test]
async fn a_person_is_found_by_number_given_out_and_erased_on_sqlite() {
    Box::pin(a_person_is_found_by_number_given_out_and_erased(Keeper::Sqlite)).await;
}

#[tokio::test]
async fn a_person_is_found_by_number_given_out_and_erased_on_postgres() {
    Box::pin(a_person_is_found_by_number_given_out_and_erased(Keeper::Postgres)).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_is_said_and_removed_at_the_next_try() {
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let outcome = calls.ring(HAPPY).await;
    calls.nothing_lives().await;
    let file = file_of(&operator.folder(), 10_000).await;
    // In its place stands what can't be removed as a file.
    let name = file.file_name().expect("a name").to_owned();
    let elsewhere = tempfile::TempDir::new().expect("a folder");
    std::fs::create_dir(elsewhere.path().join(&name)).expect("a folder");
    let app = &calls.server.app;
    let database = app.config.database.url.clone();
    let eraser = Eraser::new(app.store.clone(), Folder::new(elsewhere.path()), &database);
    let error = eraser
        .call(asked(outcome.call_sid.as_str()))
        .await
        .expect_err("a file is left");
    assert!(error.to_string().contains(&*name.to_string_lossy()));
    assert!(file.exists());
    let eraser = Eraser::new(app.store.clone(), Folder::new(operator.folder()), database);
    let again = eraser.call(asked(outcome.call_sid.as_str())).await.expect("an answer");
    assert!(matches!(again, Erased::Before { .. }));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_program_erases_with_a_key_that_is_good_for_it_and_only_what_is_over() {
    let sha256 = |key: &str| {
        let digest = Sha256::digest(key);
        digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let file = format!(
        "[[api.keys]]\nid = \"crm\"\nsha256 = \"{}\"\nscopes = [\"dial\"]\n[[api.keys]]\nid = \"privacy\"\nsha256 = \"{}\"\n\
         scopes = [\"erase\"]\n",
        sha256("talia_crm"),
        sha256("talia_privacy")
    );
    let server = TestServer::start_with(&[("talia.toml", &file)], Clock::real()).await;
    let (store, clock) = (&server.app.store, &server.app.clock);
    let (over, alive) = (call_sid(1), call_sid(2));
    write_call(store, clock, &over, 1).await;
    store.call_started(new_call(&alive, clock)).await.expect("a write");
    let erases = async |sid: &str, key: &str| {
        let authorization = format!("Bearer {key}");
        let path = format!("/api/voice/calls/{sid}");
        let headers = [("Authorization", authorization.as_str())];
        server.request(("DELETE", &path), "", &headers).await
    };
    assert_eq!(erases(&over, "talia_none").await.status, 401);
    assert_eq!(erases(&over, "talia_crm").await.status, 403);
    assert_eq!(erases(&call_sid(3), "talia_privacy").await.status, 404);
    for odd in ["%27%20OR%201=1", "..%2F..", "CA"] {
        assert_eq!(erases(odd, "talia_privacy").await.status, 404, "{odd}");
    }
    let refused = erases(&alive, "talia_privacy").await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("\"reason\":\"alive\""), "{}", refused.body);
    assert_eq!(erases(&over, "talia_privacy").await.status, 204);
    let trail = store.audit_of_call(&over).await.expect("a read");
    assert!(trail[0].detail.contains("\"by\":\"privacy\""), "{}", trail[0].detail);
    assert_eq!(store.transcript(&over).await.expect("a read"), vec![]);
}

/// The stream forgets by its own age: it is not read anew for each call that grew old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_went_by_its_age_is_told_and_the_stream_left_alone() {
    let nats = NatsServer::start();
    let server = TestServer::start_with(&[("TALIA_NATS_URL", &nats.url())], Clock::real()).await;
    let (app, sid) = (&server.app, call_sid(1));
    write_call(&app.store, &app.clock, &sid, 2).await;
    let told = app.store.newest_event().await.expect("a read") as u64;
    eventually("everything was told", async || {
        app.metrics.event_delivered_count("nats") == told
    })
    .await;
    let erasure = Erasure {
        reason: "retention",
        ..asked(&sid)
    };
    let erased = app.store.erase_call(erasure).await.expect("an answer");
    assert!(matches!(erased, Erased::Done { .. }));
    eventually("the erasure was told", async || {
        app.metrics.event_delivered_count("nats") == told + 1
    })
    .await;
    let left = nats.published(&nats.jetstream(None).await).await;
    assert_eq!(left.len() as u64, told + 1);
    assert_eq!(
        left.last().map(|message| message.subject.as_str()),
        Some("talia.voice.call_erased")
    );
}
