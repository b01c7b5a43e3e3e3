//! Commands to live calls: hang up, transfer, say; here, and on another node.

use crate::harness::{Answer, CallServer, Cluster, NatsServer, TestServer, call_sid, eventually};
use crate::transfers::{PERSON, person, with_a_person};
use futures::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use talia_simulator::outcome::CallOutcome;
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::store::SegmentRow;
use talia_voice::telemetry::labels::{CommandKind, CommandOutcome, Refusal};

const LISTENS: &str = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 40000\n";
const WORDS: &str = "Un momento, por favor. Te busco el precio exacto.";

async fn give(server: &TestServer, sid: &str, command: &str, body: &str) -> Answer {
    give_under(server, sid, (command, body), None).await
}

async fn give_under(server: &TestServer, sid: &str, (command, body): (&str, &str), key: Option<&str>) -> Answer {
    let headers: Vec<_> = key.map(|key| ("Idempotency-Key", key)).into_iter().collect();
    let path = format!("/api/voice/calls/{sid}/{command}");
    server.request(("POST", &path), body, &headers).await
}

fn say(text: &str) -> String {
    serde_json::json!({ "text": text }).to_string()
}

fn reason(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.status, body["reason"].as_str().expect("a word").to_owned())
}

/// The call that is live now.
async fn live(server: &TestServer) -> String {
    eventually("a call is live and written down", async || {
        server.app.live.count() == 1 && !server.app.store.recent_calls(1).await.expect("a read").is_empty()
    })
    .await;
    server.app.live.all()[0].0.to_string()
}

async fn lines(server: &TestServer, sid: &str) -> Vec<SegmentRow> {
    server.app.store.transcript(sid).await.expect("a read")
}

async fn was_said(server: &TestServer, sid: &str, text: &str) {
    eventually("it was heard", async || {
        let lines = lines(server, sid).await;
        lines.iter().any(|line| line.text == text && line.unheard.is_none())
    })
    .await;
}

/// Rings, and does this meanwhile; a failure in it isn't waited for.
async fn during(calls: &CallServer, commands: impl Future<Output = ()>) -> CallOutcome {
    let (carrier, _api) = calls.carrier_with(|_| {});
    carrier.put_person(PERSON, person(1_000).await);
    let ringing = calls.ring_through(&carrier, LISTENS, |_| {});
    let commands = AssertUnwindSafe(commands).catch_unwind();
    tokio::pin!(ringing);
    tokio::pin!(commands);
    tokio::select! {
        outcome = &mut ringing => {
            if let Err(panic) = commands.await {
                std::panic::resume_unwind(panic);
            }
            outcome
        }
        done = &mut commands => {
            if let Err(panic) = done {
                std::panic::resume_unwind(panic);
            }
            ringing.await
        }
    }
}

/// What the audit trail holds of commands to this call.
async fn audited(server: &TestServer, sid: &str) -> Vec<Value> {
    let rows = server.app.store.audit_of_call(sid).await.expect("a read");
    let rows = rows.into_iter().filter(|row| row.kind == "command");
    rows.map(|row| serde_json::from_str(&row.detail).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn she_says_what_she_is_given_and_hangs_up_when_she_is_told_to() {
    let calls = CallServer::start().await;
    let server = &calls.server;
    let outcome = during(&calls, async {
        let sid = live(server).await;
        // While she still says who she is.
        let answer = give(server, &sid, "say", &say(WORDS)).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        was_said(server, &sid, "Te busco el precio exacto.").await;
        let answer = give(server, &sid, "hang-up", "{}").await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(
            give(server, &sid, "hang-up", "{}").await.status,
            202,
            "it is the same wish"
        );
        assert_eq!(
            reason(&give(server, &sid, "say", &say(WORDS)).await),
            (409, "ending".to_owned())
        );
    })
    .await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let sid = outcome.call_sid.as_str();
    let said: Vec<String> = lines(server, sid).await.into_iter().map(|line| line.text).collect();
    assert_eq!(
        said,
        [
            "Soy Ana, una inteligencia artificial de Luz.",
            "¿En qué te ayudo?",
            "Un momento, por favor.",
            "Te busco el precio exacto.",
            "Tengo que colgar, adiós."
        ]
    );
    let row = server.app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.ended_reason.as_deref(), Some("operator"));
    let trail = audited(server, sid).await;
    let words: Vec<&str> = trail
        .iter()
        .map(|row| row["command"].as_str().expect("a word"))
        .collect();
    assert_eq!(words, ["say", "hang_up", "hang_up", "say", "say"]);
    assert_eq!(trail[4]["not_done"], "declined: Ending");
    assert!(trail.iter().all(|row| !row.to_string().contains("precio")), "{trail:?}");
    let metrics = &server.app.metrics;
    assert_eq!(metrics.commanded_count(CommandKind::Say, CommandOutcome::Done), 1);
    assert_eq!(metrics.commanded_count(CommandKind::HangUp, CommandOutcome::Done), 2);
    assert_eq!(metrics.commanded_count(CommandKind::Say, CommandOutcome::Declined), 1);
    assert_eq!(
        reason(&give(server, sid, "hang-up", "{}").await),
        (409, "over".to_owned())
    );
}

#[tokio::test]
async fn without_a_goodbye_it_is_over_at_once() {
    let calls = CallServer::start().await;
    let server = &calls.server;
    let outcome = during(&calls, async {
        let sid = live(server).await;
        was_said(server, &sid, "¿En qué te ayudo?").await;
        let answer = give(server, &sid, "hang-up", r#"{"goodbye":false}"#).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    })
    .await;
    calls.nothing_lives().await;
    let said = lines(server, outcome.call_sid.as_str()).await;
    assert_eq!(said.last().expect("a line").text, "¿En qué te ayudo?");
}

#[tokio::test]
async fn a_caller_is_handed_to_the_person_who_is_named() {
    let closed = "[[destinations]]\nid = \"noche\"\nnumber = \"+525588888888\"\nhours = [\"mo-su 00:00-00:01\"]\n";
    let settings = format!("{}{closed}", with_a_person());
    let calls = CallServer::start_with_rest(&[("talia.toml", &settings)]).await;
    let server = &calls.server;
    let outcome = during(&calls, async {
        let sid = live(server).await;
        was_said(server, &sid, "¿En qué te ayudo?").await;
        let to = async |id: &str| give(server, &sid, "transfer", &format!("{{\"destination\":\"{id}\"}}")).await;
        let unknown = reason(&to("+525512345678").await);
        assert_eq!(unknown, (422, "destination-unknown".to_owned()));
        assert_eq!(reason(&to("noche").await), (409, "destination-closed".to_owned()));
        assert_eq!(to("ventas").await.status, 202);
    })
    .await;
    calls.nothing_lives().await;
    let [leg] = &outcome.dialled[..] else {
        panic!("{:?}", outcome.dialled)
    };
    assert_eq!((leg.to.as_str(), leg.status), (PERSON, CallStatus::Completed));
    let sid = outcome.call_sid.as_str();
    let row = server.app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.ended_reason.as_deref(), Some("transferred"));
    let last = lines(server, sid).await.pop().expect("a line");
    assert!(last.text.ends_with("Un momento, por favor."), "{last:?}");
    let trail = audited(server, sid).await;
    let destinations: Vec<&Value> = trail.iter().map(|row| &row["destination"]).collect();
    // What isn't in the configuration may be anything, a caller's number too.
    assert_eq!(destinations[0], "unknown");
    assert_eq!(destinations.last(), Some(&&Value::from("ventas")));
}

#[tokio::test]
async fn the_same_key_is_done_once_and_too_many_are_refused() {
    let calls = CallServer::start().await;
    let server = &calls.server;
    let outcome = during(&calls, async {
        let sid = live(server).await;
        for _ in 0..3 {
            let answer = give_under(server, &sid, ("say", &say("Ya voy contigo.")), Some("orden-1")).await;
            assert_eq!(answer.status, 202);
        }
        let mut statuses = Vec::new();
        for number in 0..6 {
            statuses.push(
                give(server, &sid, "say", &say(&format!("Aviso {number}.")))
                    .await
                    .status,
            );
        }
        assert!(statuses.contains(&429) && statuses.contains(&202), "{statuses:?}");
        was_said(server, &sid, "Ya voy contigo.").await;
        was_said(server, &sid, "Aviso 1.").await;
        assert_eq!(give(server, &sid, "hang-up", "{}").await.status, 202);
    })
    .await;
    let said = lines(server, outcome.call_sid.as_str()).await;
    assert_eq!(said.iter().filter(|line| line.text == "Ya voy contigo.").count(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_counted() {
    let server = TestServer::start().await;
    let sid = call_sid(0x700);
    assert_eq!(give(&server, &sid, "hang-up", "{}").await.status, 404);
    for (command, body, expected) in [
        ("say", say(""), 422),
        ("say", say("  ¡…!  "), 422),
        ("say", say("Una\nDos"), 422),
        ("say", say(&"a".repeat(501)), 422),
        ("say", "{}".to_owned(), 400),
        ("say", "hola".to_owned(), 400),
        ("say", say(&"ñ".repeat(20_000)), 413),
        ("transfer", "{}".to_owned(), 400),
        ("hang-up", r#"{"goodbye":"no"}"#.to_owned(), 400),
        ("hang-up", r#"{"now":true}"#.to_owned(), 400),
    ] {
        assert_eq!(
            give(&server, &sid, command, &body).await.status,
            expected,
            "{command} {body:.20}"
        );
    }
    let long = "k".repeat(256);
    let answer = give_under(&server, &sid, ("say", &say("Hola.")), Some(&long)).await;
    assert_eq!(reason(&answer), (400, "idempotency-key".to_owned()));
    // A call that rings has nobody to be told.
    server.ring_and_keep(&sid).await;
    assert_eq!(
        reason(&give(&server, &sid, "hang-up", "{}").await),
        (409, "not-live".to_owned())
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::CommandDeclined), 1);
}

/// Two nodes with one PostgreSQL; what is told to the other one reaches the call by NATS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_that_has_the_call_is_told_by_nats() {
    let nats = NatsServer::start();
    let (url, nats_url) = (Cluster::shared().new_database(), nats.url());
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("TALIA_NATS_URL", &nats_url)];
    let calls = CallServer::start_with(&settings).await;
    let other = TestServer::start_with(&settings, Clock::real()).await;
    let alone = TestServer::start_with(&settings[..1], Clock::real()).await;
    let outcome = Box::pin(during(&calls, async {
        let sid = live(&calls.server).await;
        eventually("the other node reaches it", async || {
            let answer = give_under(&other, &sid, ("say", &say(WORDS)), Some("orden-1")).await;
            answer.status == 202
        })
        .await;
        was_said(&calls.server, &sid, "Te busco el precio exacto.").await;
        // The call's own no comes back as well.
        let unknown = give(&other, &sid, "transfer", r#"{"destination":"nadie"}"#).await;
        assert_eq!(reason(&unknown), (422, "destination-unknown".to_owned()));
        // Who has no NATS says so.
        assert_eq!(
            reason(&give(&alone, &sid, "hang-up", "{}").await),
            (503, "elsewhere".to_owned())
        );
        // Nothing that is no letter disturbs it.
        let client = async_nats::connect(&nats_url).await.expect("a connection");
        let subject = format!("talia_commands.{}", calls.server.app.store.node());
        for payload in ["", "{}", "[1]", r#"{"call_sid":"CA1","command":{"explode":{}}}"#] {
            let answer = client
                .request(subject.clone(), payload.into())
                .await
                .expect("an answer");
            assert_eq!(&answer.payload[..], br#"{"declined":"unreadable"}"#, "{payload}");
        }
        let large = format!("{{\"call_sid\":\"{}\"}}", "x".repeat(9_000));
        let answer = client.request(subject, large.into()).await.expect("an answer");
        assert_eq!(&answer.payload[..], br#"{"declined":"unreadable"}"#);
        assert_eq!(calls.server.app.metrics.refused_count(Refusal::CommandUnreadable), 5);
        // A message that hangs on the way is in doubt, and one that can't leave is not.
        nats.freeze();
        assert_eq!(
            reason(&give(&other, &sid, "hang-up", "{}").await),
            (504, "unconfirmed".to_owned())
        );
        nats.thaw();
        eventually("it goes through again", async || {
            matches!(give(&other, &sid, "hang-up", "{}").await.status, 202 | 409)
        })
        .await;
    }))
    .await;
    let sid = outcome.call_sid.as_str();
    let store = &calls.server.app.store;
    let row = store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.ended_reason.as_deref(), Some("operator"));
    let said = lines(&calls.server, sid).await;
    assert_eq!(
        said.iter().filter(|line| line.text == "Un momento, por favor.").count(),
        1
    );
    // No event stream keeps what was sent between nodes.
    let published = nats.published(&nats.jetstream(None).await).await;
    assert!(
        published
            .iter()
            .all(|message| message.subject.starts_with("talia.voice."))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_dead_is_not_told() {
    let nats = NatsServer::start();
    let (url, nats_url) = (Cluster::shared().new_database(), nats.url());
    let settings = [("TALIA_DATABASE_URL", url.as_str()), ("TALIA_NATS_URL", &nats_url)];
    let (calls, mortal) = CallServer::start_mortal(&settings).await;
    let other = TestServer::start_with(&settings, Clock::real()).await;
    let sid = call_sid(0x701);
    let _stream = calls.server.ring_and_stream(&sid).await;
    eventually("the call is live", async || calls.server.app.live.has(&sid)).await;
    eventually("the other node reaches it", async || {
        give(&other, &sid, "say", &say("Hola.")).await.status == 202
    })
    .await;
    tokio::task::spawn_blocking(move || drop(mortal))
        .await
        .expect("it dies");
    // Its lease still stands.
    let answer = give(&other, &sid, "hang-up", "{}").await;
    assert_eq!(reason(&answer), (503, "node-unreachable".to_owned()));
    assert!(
        other
            .app
            .metrics
            .commanded_count(CommandKind::HangUp, CommandOutcome::Unreachable)
            > 0
    );
}
