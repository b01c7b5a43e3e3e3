//! Calls out: to a person, to a machine, to nobody; asked twice; lost; forbidden, through every door.

use crate::dialing::forbidden;
use crate::harness::{ACCOUNT, Answer, CALLEE, CallsOut, OUR_NUMBER, call_sid, eventually, noon, prepared, wish};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use talia_simulator::carrier::CallPlan;
use talia_simulator::people::PersonPlan;
use talia_simulator::rest::{Operation, RestFault};
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::dialing::{Denial, Door};
use talia_voice::line::outbound::doubt;
use talia_voice::store::{DialAnswer, NewDial, OutboundState};
use talia_voice::telemetry::labels::{Refusal, RestOperation, RestOutcome};

/// Somebody who says what they need, and goodbye.
pub(crate) const PERSON: &str = r#"
silence_ms = 500
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Muchas gracias, adiós."
[[step]]
do = "expect_hang_up"
within_ms = 15000
"#;

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

fn reason(answer: &Answer) -> String {
    assert!(answer.head.contains("application/problem+json"), "{answer:?}");
    json_of(answer)["reason"].as_str().unwrap_or_default().to_owned()
}

fn sid_of(answer: &Answer) -> String {
    json_of(answer)["call_sid"].as_str().expect("a CallSid").to_owned()
}

#[tokio::test]
async fn a_person_is_called_and_talked_with() {
    let calls = CallsOut::start(&[]).await;
    calls.put_person(PERSON).await;
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(json_of(&answer)["state"], "dialled");
    let sid = sid_of(&answer);
    let outcome = calls.outcome(&sid).await;
    outcome.assert_no_warnings();
    outcome.assert_script_done();
    outcome.assert_ended_by_server();

    let created = calls.api.journal().created_calls();
    assert_eq!(created.len(), 1);
    let asked = |name: &str| created[0].form.get(name).unwrap_or_default();
    assert_eq!((asked("To"), asked("From")), (CALLEE, OUR_NUMBER));
    // The conversation's own limit, and a minute for the goodbye.
    assert_eq!((asked("TimeLimit"), asked("Timeout")), ("1260", "30"));
    assert_eq!((asked("AsyncAmd"), asked("MachineDetection")), ("true", "Enable"));

    let store = &calls.server.app.store;
    let row = store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(
        (row.direction.as_str(), row.to_number.as_str()),
        ("outbound-api", CALLEE)
    );
    assert_eq!(row.assistant.as_deref(), Some("breve"));
    assert!(row.disclosure_heard_at.is_some());
    let lines = store.transcript(&sid).await.expect("a read");
    // The disclosure stays first, whoever calls.
    assert_eq!(lines[0].text, "Soy Ana, una inteligencia artificial de Luz.");
    assert_eq!(lines[1].text, "Hola Carlos, te llamo por tu recibo de luz.");
    // The number that a lead would be called back at is theirs, not ours.
    let outbound = store.outbound_of_call(&sid).await.expect("a read").expect("a row");
    assert!(outbound.consent.expect("kept").contains("formulario web"));
    eventually("the verdict is kept and the call over", async || {
        let outbound = store.outbound_of_call(&sid).await.expect("a read").expect("a row");
        let row = store.call(&sid).await.expect("a read").expect("a row");
        outbound.answered_by.as_deref() == Some("human") && row.status == "completed" && row.duration_s.is_some()
    })
    .await;
    assert_eq!(store.dial_verdicts(CALLEE).await.expect("a read"), ["allowed"]);
}

#[tokio::test]
async fn a_machine_is_left_the_message_behind_the_disclosure() {
    let more = [
        ("TALIA_DIALING__MACHINE", "message"),
        (
            "TALIA_DIALING__MACHINE_MESSAGE",
            "Te llamamos de Luz. Volvemos a llamar mañana.",
        ),
    ];
    let calls = CallsOut::start(&more).await;
    calls.carrier.put_person(CALLEE, PersonPlan::machine(100, 1_500, true));
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    let sid = sid_of(&answer);
    let outcome = calls.outcome(&sid).await;
    assert_eq!(outcome.verbs().last(), Some(&"Hangup"), "{:?}", outcome.verbs());
    let updates: Vec<_> = calls.api.journal().requests();
    let twiml = updates
        .iter()
        .find_map(|request| request.form.get("Twiml"))
        .expect("an update");
    let disclosure = twiml
        .find("Soy Ana, una inteligencia artificial de Luz.")
        .expect("the disclosure");
    let message = twiml.find("Te llamamos de Luz.").expect("the message");
    assert!(disclosure < message);
    let store = &calls.server.app.store;
    eventually("the call is over", async || {
        let row = store.call(&sid).await.expect("a read").expect("a row");
        row.ended_reason.as_deref() == Some("machine") && row.ended_at.is_some()
    })
    .await;
    let row = store.outbound_of_call(&sid).await.expect("a read").expect("a row");
    assert_eq!(row.answered_by.as_deref(), Some("machine_end_beep"));
}

#[tokio::test]
async fn a_machine_hears_nothing_when_nothing_is_configured() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::machine(100, 5_000, true));
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    let sid = sid_of(&answer);
    let outcome = calls.outcome(&sid).await;
    assert_eq!(outcome.ended_by, talia_simulator::events::EndedBy::Rest);
    let metrics = &calls.server.app.metrics;
    assert_eq!(metrics.rest_count(RestOperation::UpdateCall, RestOutcome::Done), 1);
}

#[tokio::test]
async fn nobody_answers_and_the_row_says_so() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let sid = sid_of(&calls.ask("uno", &wish(CALLEE)).await);
    assert_eq!(calls.outcome(&sid).await.status, CallStatus::Busy);
    let store = &calls.server.app.store;
    eventually("the row is closed", async || {
        let row = store.call(&sid).await.expect("a read").expect("a row");
        row.status == "busy" && row.ended_at.is_some()
    })
    .await;
}

#[tokio::test]
async fn the_same_wish_is_done_once() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let first = calls.ask("uno", &wish(CALLEE)).await;
    let body = wish(CALLEE);
    let wishes = (0..5).map(|_| calls.ask("uno", &body));
    for again in futures::future::join_all(wishes).await {
        assert_eq!((again.status, &again.body), (first.status, &first.body));
    }
    let mut other = wish(CALLEE);
    other["purpose"] = json!("otra cosa");
    let answer = calls.ask("uno", &other).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (422, "key-reused"));
    assert_eq!(calls.api.journal().created_calls().len(), 1);
    // Asked at once for the first time, it is still one call.
    let wishes = (0..5).map(|_| calls.ask("dos", &body));
    for answer in futures::future::join_all(wishes).await {
        assert!(matches!(answer.status, 201 | 202), "{answer:?}");
    }
    assert_eq!(calls.api.journal().created_calls().len(), 2);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_found_and_not_made_again() {
    let clock = Clock::manual(jiff_now());
    let calls = CallsOut::start_at(&[], clock.clone()).await;
    calls.carrier.put_person(CALLEE, PersonPlan::silent(60_000));
    calls.api.faults().once(Operation::CreateCall, RestFault::CutAnswer);
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(json_of(&answer)["state"], "unconfirmed");
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 202);
    let app = &calls.server.app;
    // Too early to doubt.
    assert_eq!(doubt::resolve(app).await.expect("a look"), 0);
    clock.advance(Duration::from_secs(5));
    assert_eq!(doubt::resolve(app).await.expect("a look"), 1);
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(calls.carrier.calls().len(), 1);
    assert_eq!(calls.carrier.calls()[0].sid.as_str(), sid_of(&answer));
    assert_eq!(calls.api.journal().created_calls().len(), 1);
}

#[tokio::test]
async fn a_call_that_was_never_made_fails_and_its_key_is_free_again() {
    let clock = Clock::manual(jiff_now());
    let calls = CallsOut::start_at(&[], clock.clone()).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    calls
        .api
        .faults()
        .once(Operation::CreateCall, RestFault::Broken { status: 502 });
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 202);
    let app = &calls.server.app;
    clock.advance(Duration::from_secs(30));
    assert_eq!(doubt::resolve(app).await.expect("a look"), 0, "it may still be listed");
    clock.advance(Duration::from_mins(1));
    assert_eq!(doubt::resolve(app).await.expect("a look"), 1);
    assert_eq!(calls.api.journal().created_calls().len(), 1);
    // Only whoever asks again is called again.
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 201);
    assert_eq!(calls.api.journal().created_calls().len(), 2);
}

#[tokio::test]
async fn what_twilio_refuses_is_told_and_stays_refused() {
    let calls = CallsOut::start(&[]).await;
    let refused = RestFault::Refused {
        status: 400,
        code: 21_211,
    };
    calls.api.faults().once(Operation::CreateCall, refused);
    for _ in 0..2 {
        let answer = calls.ask("uno", &wish(CALLEE)).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (502, "twilio-refused"));
        assert!(answer.body.contains("/errors/21211"), "{answer:?}");
    }
    let too_many = RestFault::TooManyRequests {
        retry_after_s: Some(60),
    };
    calls.api.faults().once(Operation::CreateCall, too_many);
    let answer = calls.ask("dos", &wish(CALLEE)).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (503, "twilio-unavailable"));
    // Surely not dialled: the same key may be tried again.
    assert_eq!(calls.ask("dos", &wish(CALLEE)).await.status, 201);
}

#[tokio::test]
async fn a_forbidden_number_reaches_twilio_through_no_door() {
    let own: Vec<String> = ('A'..='Z')
        .flat_map(|first| ('A'..='Z').map(move |second| format!("{first}{second} = [\"UTC\"]")))
        .collect();
    let every: Vec<&str> = own.iter().map(|zone| &zone[..2]).collect();
    let zones = format!("[dialing.zones]\n{}\n", own.join("\n"));
    let countries = every.join(",");
    let more = [
        ("TALIA_DIALING__COUNTRIES", countries.as_str()),
        ("talia.toml", zones.as_str()),
    ];
    let calls = CallsOut::start(&more).await;
    let app = &calls.server.app;
    let forbidden = forbidden();
    let mut denied = BTreeSet::new();
    for (index, number) in forbidden.iter().enumerate() {
        let answer = calls.ask(&format!("key-{index}"), &wish(number)).await;
        assert!(matches!(answer.status, 403 | 422), "{number}: {answer:?}");
        denied.insert(reason(&answer));
        let sid = call_sid(u32::try_from(index).expect("few"));
        let twiml = browse(&calls, &sid, number).await;
        assert!(
            twiml.contains("<Hangup/>") && !twiml.contains("<Dial"),
            "{number}: {twiml}"
        );
    }
    assert!(denied.len() >= 11, "{denied:?}");
    assert!(calls.api.journal().requests().is_empty());
    let counted: u64 = Denial::ALL
        .iter()
        .map(|denial| app.metrics.dial_denied_count(*denial))
        .sum();
    assert_eq!(counted, 2 * forbidden.len() as u64);
    let audited = app.store.dial_verdicts("+34905123456").await.expect("a read");
    assert_eq!(audited, ["high-cost", "high-cost"]);
    // The same server does call an ordinary number.
    calls.carrier.put_default_person(PersonPlan::busy());
    assert_eq!(calls.ask("ordinary", &wish("+34612345678")).await.status, 201);
}

/// The Voice URL of the TwiML App, as a browser makes Twilio ask it.
async fn browse(calls: &CallsOut, sid: &str, to: &str) -> String {
    let form = browser_form(sid, "client:ana", to);
    calls.server.post("/api/voice/outbound", &form).await.body
}

fn browser_form<'a>(sid: &'a str, from: &'a str, to: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("CallSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", from),
        ("To", to),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApplicationSid", "AP00000000000000000000000000000001"),
    ]
}

#[tokio::test]
async fn a_person_calls_from_a_browser() {
    let calls = CallsOut::start(&[
        ("TALIA_DIALING__PRICE_PER_MINUTE", "1"),
        ("TALIA_DIALING__MAX_COST_PER_DAY", "30"),
    ])
    .await;
    let sid = call_sid(1);
    let twiml = browse(&calls, &sid, CALLEE).await;
    assert!(twiml.contains(&format!(">{CALLEE}</Number>")), "{twiml}");
    assert!(
        twiml.contains(&format!("callerId=\"{OUR_NUMBER}\"")) && twiml.contains("timeLimit=\"1260\""),
        "{twiml}"
    );
    // Repeated, the answer is the same and nothing is counted twice.
    assert_eq!(browse(&calls, &sid, CALLEE).await, twiml);
    // 21 minutes are reserved of 30: a second call has no room until the first one's length is known.
    let denied = browse(&calls, &call_sid(2), CALLEE).await;
    assert!(denied.contains("límite de llamadas"), "{denied}");
    let (_, rest) = twiml.split_once("/api/voice/outbound/leg/").expect("a callback");
    let id = rest.split('"').next().expect("an end");
    let leg = call_sid(99);
    let told = |parent, status, seconds| {
        [
            ("CallSid", leg.as_str()),
            ("ParentCallSid", parent),
            ("AccountSid", ACCOUNT),
            ("CallStatus", status),
            ("CallDuration", seconds),
        ]
    };
    let path = format!("/api/voice/outbound/leg/{id}");
    let foreign = call_sid(2);
    for (parent, status, answered) in [(sid.as_str(), "in-progress", 204), (foreign.as_str(), "completed", 403)] {
        assert_eq!(
            calls.server.post(&path, &told(parent, status, "1")).await.status,
            answered
        );
    }
    // No row among the calls: the person's call is no conversation of ours.
    assert!(calls.server.app.store.call(&leg).await.expect("a read").is_none());
    let (_, rest) = twiml.split_once("/api/voice/outbound/after/").expect("an action");
    let id = rest.split('"').next().expect("an end");
    let mut form = browser_form(&sid, "client:ana", CALLEE).to_vec();
    form.extend([("DialCallStatus", "completed"), ("DialCallDuration", "61")]);
    let answer = calls
        .server
        .post(&format!("/api/voice/outbound/after/{id}"), &form)
        .await;
    assert!(answer.body.contains("<Hangup/>"));
    assert!(browse(&calls, &call_sid(3), CALLEE).await.contains("<Dial"));
    let verdicts = calls.server.app.store.dial_verdicts(CALLEE).await.expect("a read");
    assert_eq!(verdicts, ["allowed", "cap-cost", "allowed"]);
}

#[tokio::test]
async fn a_browser_and_a_person_talk_and_what_it_cost_is_known() {
    let more = [
        ("TALIA_DIALING__PRICE_PER_MINUTE", "1"),
        ("TALIA_DIALING__MAX_COST_PER_DAY", "30"),
    ];
    let calls = CallsOut::start(&more).await;
    let carrier = calls.app_carrier();
    let person = prepared("[[step]]\ndo = \"silence\"\nms = 1500\n[[step]]\ndo = \"say\"\ntext = \"¿bueno?\"").await;
    carrier.put_person(CALLEE, PersonPlan::answers(100, person));
    let browser = prepared("[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 15000").await;
    let outcome = Box::pin(carrier.dial(CallPlan::new("client:ana", CALLEE, browser)))
        .await
        .expect("a call");
    outcome.assert_no_warnings();
    assert_eq!(outcome.verbs(), ["Dial", "Hangup"]);
    assert_eq!(outcome.dialled.len(), 1);
    let metrics = &calls.server.app.metrics;
    assert_eq!(metrics.refused_count(Refusal::OutboundForeign), 0);
    // Of the 21 minutes that were reserved one was used: there is room for the next.
    assert!(browse(&calls, &call_sid(3), CALLEE).await.contains("<Dial"));
    let store = &calls.server.app.store;
    let outbound = store
        .outbound_of_call(outcome.call_sid.as_str())
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!((outbound.door.as_str(), outbound.asked_by.as_str()), ("browser", "ana"));
}

#[tokio::test]
async fn only_a_browser_calls_through_the_app() {
    let calls = CallsOut::start(&[]).await;
    let long = format!("client:{}", "x".repeat(122));
    for from in [CALLEE, "anonymous", "sip:ana@example.com", "client:", &long] {
        let form = browser_form("CA00000000000000000000000000000009", from, CALLEE);
        let answer = calls.server.post("/api/voice/outbound", &form).await;
        assert!(!answer.body.contains("<Dial"), "{from}");
    }
    assert_eq!(calls.server.app.metrics.refused_count(Refusal::NotAClient), 5);
    let form = browser_form("CA00000000000000000000000000000009", "client:ana", CALLEE);
    let answer = calls.server.post_with("/api/voice/outbound", &form, &[]).await;
    assert_eq!(answer.status, 403, "unsigned");
}

#[tokio::test]
async fn what_is_asked_for_badly_is_refused_with_its_reason() {
    let calls = CallsOut::start(&[]).await;
    let changed = |name: &str, value: Value| {
        let mut wish = wish(CALLEE);
        if value.is_null() {
            wish.as_object_mut().expect("an object").remove(name);
        } else {
            wish[name] = value;
        }
        wish
    };
    for (body, status, word) in [
        (changed("assistant", json!("nadie")), 422, "assistant-unknown"),
        (changed("consent", Value::Null), 422, "consent"),
        (
            changed(
                "consent",
                json!({"who": " ", "when": "2026-11-01T10:00:00Z", "how": "web"}),
            ),
            422,
            "consent",
        ),
        (
            changed(
                "consent",
                json!({"who": "Ana", "when": "2999-01-01T00:00:00Z", "how": "web"}),
            ),
            422,
            "consent",
        ),
        (changed("variables", json!({})), 422, "variable-missing"),
        (
            changed("variables", json!({"cliente": "x", "otra": "y"})),
            422,
            "variable-unknown",
        ),
        (changed("variables", json!({"cliente": "{name}"})), 422, "variable"),
        (
            changed("variables", json!({"cliente": "x".repeat(201)})),
            422,
            "variable",
        ),
        (changed("purpose", Value::Null), 422, "purpose"),
        (changed("purpose", json!("")), 422, "purpose"),
        (changed("to", json!("+12125551234")), 403, "country"),
        (changed("to", json!("anonymous")), 422, "not-a-number"),
        (changed("to", json!(5)), 400, "body"),
        (changed("surprise", json!(5)), 400, "body"),
    ] {
        let answer = calls.ask("uno", &body).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (status, word), "{body}");
    }
    let body = wish(CALLEE).to_string();
    let answer = calls.server.request(("POST", "/api/voice/calls"), &body, &[]).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (400, "idempotency-key"));
    let text = [("Idempotency-Key", "uno"), ("Content-Type", "text/plain")];
    let answer = calls.server.request(("POST", "/api/voice/calls"), &body, &text).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (415, "content-type"));
    let large = "x".repeat(20_000);
    let keyed = [("Idempotency-Key", "uno")];
    let answer = calls.server.request(("POST", "/api/voice/calls"), &large, &keyed).await;
    assert_eq!(answer.status, 413);
    assert!(calls.api.journal().requests().is_empty());
}

#[tokio::test]
async fn whoever_asked_not_to_be_called_is_not() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let listed = async |method, status| {
        let body = json!({"number": CALLEE, "reason": "lo pidió"}).to_string();
        let answer = calls
            .server
            .request((method, "/api/voice/do-not-call"), &body, &[])
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    };
    listed("POST", 201).await;
    listed("POST", 200).await;
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (403, "do-not-call"));
    assert!(browse(&calls, &call_sid(1), CALLEE).await.contains("no la llamemos"));
    let answer = calls.server.get("/api/voice/do-not-call", &[]).await;
    assert!(answer.body.contains("lo pidió"));
    assert!(calls.api.journal().requests().is_empty());
    listed("DELETE", 204).await;
    listed("DELETE", 404).await;
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 201);
}

#[tokio::test]
async fn a_key_opens_what_it_is_for() {
    // SHA-256 of "programa-uno" and "programa-dos".
    let keys = format!(
        "[[api.keys]]\nid = \"uno\"\nsha256 = \"{}\"\nscopes = [\"dial\"]\n\
         [[api.keys]]\nid = \"dos\"\nsha256 = \"{}\"\nscopes = [\"token\", \"do_not_call\"]\n",
        sha256("programa-uno"),
        sha256("programa-dos")
    );
    let calls = CallsOut::start(&[("talia.toml", &keys)]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let body = wish(CALLEE).to_string();
    let with = async |authorization: &str| {
        let headers = [("Idempotency-Key", "uno"), ("Authorization", authorization)];
        calls
            .server
            .request(("POST", "/api/voice/calls"), &body, &headers)
            .await
    };
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 401);
    assert_eq!(with("Bearer programa-tres").await.status, 401);
    assert_eq!(with("Basic programa-uno").await.status, 401);
    assert_eq!(with("Bearer programa-dos").await.status, 403);
    let metrics = &calls.server.app.metrics;
    assert_eq!(
        (
            metrics.refused_count(Refusal::ApiKey),
            metrics.refused_count(Refusal::ApiScope)
        ),
        (3, 1)
    );
    assert!(calls.api.journal().requests().is_empty());
    let answer = with("Bearer programa-uno").await;
    assert_eq!(answer.status, 201);
    let store = &calls.server.app.store;
    let row = store
        .outbound_of_call(&sid_of(&answer))
        .await
        .expect("a read")
        .expect("a row");
    assert_eq!(row.asked_by, "uno");
    // To read at the same path is another thing.
    assert_eq!(calls.server.get("/api/voice/calls", &[]).await.status, 401);
    let dos = [("Authorization", "Bearer programa-dos")];
    let answer = calls.server.request(("POST", "/api/voice/token"), "{}", &dos).await;
    assert_eq!(answer.status, 400);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

#[tokio::test]
async fn from_elsewhere_nothing_is_called_without_a_key() {
    let calls = CallsOut::start(&[]).await;
    let body = wish(CALLEE).to_string();
    let headers = [("Idempotency-Key", "uno"), ("X-Forwarded-For", "203.0.113.9")];
    let answer = calls
        .server
        .request(("POST", "/api/voice/calls"), &body, &headers)
        .await;
    assert_eq!(answer.status, 401);
    assert!(calls.api.journal().requests().is_empty());
}

#[tokio::test]
async fn a_browser_gets_a_token_that_is_good_for_a_while() {
    let app_sid = "AP00000000000000000000000000000007";
    let calls = CallsOut::start(&[("TALIA_TWIML_APP_SID", app_sid)]).await;
    let ask = async |body: Value| {
        let body = body.to_string();
        calls.server.request(("POST", "/api/voice/token"), &body, &[]).await
    };
    let answer = ask(json!({"identity": "ana", "ttl_s": 120})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.head.contains("cache-control: no-store"));
    let token = json_of(&answer)["token"].as_str().expect("a token").to_owned();
    let parts: Vec<Value> = token.split('.').take(2).map(decoded).collect();
    assert_eq!(parts[0], json!({"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}));
    assert_eq!(parts[1]["grants"]["identity"], "ana");
    assert_eq!(parts[1]["grants"]["voice"]["outgoing"]["application_sid"], app_sid);
    let life = parts[1]["exp"].as_i64().expect("a time") - parts[1]["iat"].as_i64().expect("a time");
    assert_eq!(life, 120);
    for (body, word) in [
        (json!({"identity": "", "ttl_s": 120}), "identity"),
        (json!({"identity": "a b", "ttl_s": 120}), "identity"),
        (json!({"identity": "ana", "ttl_s": 3601}), "ttl"),
        (json!({"identity": "ana", "ttl_s": 0}), "ttl"),
    ] {
        let answer = ask(body).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (422, word));
    }
    let without = CallsOut::start(&[]).await;
    let answer = without
        .server
        .request(("POST", "/api/voice/token"), r#"{"identity":"ana"}"#, &[])
        .await;
    assert_eq!((answer.status, reason(&answer).as_str()), (503, "not-configured"));
}

fn decoded(part: &str) -> Value {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn a_webhook_of_another_call_begins_nothing() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::silent(60_000));
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    let id = json_of(&answer)["id"].as_str().expect("an id").to_owned();
    let form = |sid, to| {
        [
            ("CallSid", sid),
            ("AccountSid", ACCOUNT),
            ("From", OUR_NUMBER),
            ("To", to),
            ("CallStatus", "in-progress"),
            ("Direction", "outbound-api"),
        ]
    };
    let own = sid_of(&answer);
    let foreign = call_sid(77);
    for (id, sid, to) in [
        (id.as_str(), foreign.as_str(), CALLEE),
        (id.as_str(), own.as_str(), "+525599999999"),
        ("nobody", own.as_str(), CALLEE),
    ] {
        let path = format!("/api/voice/outbound/answer/{id}");
        let answer = calls.server.post(&path, &form(sid, to)).await;
        assert!(
            answer.body.contains("<Hangup/>") && !answer.body.contains("<Stream"),
            "{answer:?}"
        );
    }
    let path = format!("/api/voice/outbound/answer/{id}");
    let unsigned = calls.server.post_with(&path, &form(&own, CALLEE), &[]).await;
    assert_eq!(unsigned.status, 403);
    // A verdict about another call ends nothing.
    let verdict = [
        ("CallSid", foreign.as_str()),
        ("AccountSid", ACCOUNT),
        ("AnsweredBy", "machine_start"),
    ];
    let answer = calls.server.post(&format!("/api/voice/amd/{id}"), &verdict).await;
    assert_eq!(answer.status, 403);
    assert!(calls.server.app.store.call(&foreign).await.expect("a read").is_none());
    // Its own webhook begins the conversation, and the same one once more says the same.
    let first = calls.server.post(&path, &form(&own, CALLEE)).await;
    assert!(first.body.contains("<Stream"), "{first:?}");
    assert_eq!(calls.server.post(&path, &form(&own, CALLEE)).await.body, first.body);
}

#[tokio::test]
async fn caps_hold_whatever_is_asked_at_once() {
    let more = [
        ("TALIA_DIALING__MAX_PER_HOUR", "4"),
        ("TALIA_DIALING__MAX_PER_PREFIX_PER_DAY", "3"),
        ("TALIA_DIALING__PREFIX_DIGITS", "4"),
    ];
    let clock = Clock::manual(noon());
    let calls = CallsOut::start_at(&more, clock.clone()).await;
    calls.carrier.put_default_person(PersonPlan::busy());
    let keys: Vec<String> = (0..12).map(|index| format!("key-{index}")).collect();
    let numbers = ["+525512345678", "+523312345678"];
    let wishes: Vec<_> = (0..12).map(|index| wish(numbers[index % 2])).collect();
    let asked = keys.iter().zip(&wishes).map(|(key, wish)| calls.ask(key, wish));
    let answers = futures::future::join_all(asked).await;
    let made = answers
        .iter()
        .filter(|answer| matches!(answer.status, 201 | 202))
        .count();
    assert_eq!(made, 4, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 202 | 429)));
    assert_eq!(calls.api.journal().created_calls().len(), 4);
    // An hour later the hour is free, and the prefix is not.
    clock.advance(Duration::from_secs(3_601));
    let created = calls.api.journal().created_calls();
    let to_first = created.iter().filter(|request| request.mentions(numbers[0])).count();
    for index in 0..3 - to_first {
        assert_eq!(calls.ask(&format!("late-{index}"), &wish(numbers[0])).await.status, 201);
    }
    let answer = calls.ask("late", &wish(numbers[0])).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (429, "cap-per-prefix"));
}

#[tokio::test]
async fn outside_the_hours_nobody_is_called() {
    let more = [
        ("TALIA_DIALING__HOURS_FROM", "09:00"),
        ("TALIA_DIALING__HOURS_UNTIL", "20:00"),
    ];
    let night = "2026-11-24T08:00:00Z".parse().expect("a time");
    let clock = Clock::manual(night);
    let calls = CallsOut::start_at(&more, clock.clone()).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (403, "hours"));
    assert!(calls.api.journal().requests().is_empty());
    clock.advance(Duration::from_hours(9));
    assert_eq!(calls.ask("uno", &wish(CALLEE)).await.status, 201);
}

#[tokio::test]
async fn without_a_number_to_show_nothing_is_dialled() {
    let calls = CallsOut::start(&[("TALIA_DIALING__FROM", "")]).await;
    let answer = calls.ask("uno", &wish(CALLEE)).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (503, "not-configured"));
    assert!(!browse(&calls, &call_sid(1), CALLEE).await.contains("<Dial"));
}

#[tokio::test]
async fn a_crash_between_row_and_dial_dials_nothing_when_it_comes_back() {
    let clock = Clock::manual(jiff_now());
    let calls = CallsOut::start_at(&[], clock.clone()).await;
    let app = &calls.server.app;
    // The process died here: the row is on disk, and Twilio was never asked.
    let admitted = app.store.ask_to_dial(row_of(&calls, "uno")).await.expect("a write");
    assert!(matches!(admitted, DialAnswer::Admitted(_)), "{admitted:?}");
    clock.advance(Duration::from_secs(10));
    assert_eq!(doubt::resolve(app).await.expect("a look"), 0, "it may still be listed");
    clock.advance(Duration::from_mins(2));
    assert_eq!(doubt::resolve(app).await.expect("a look"), 1);
    assert!(calls.api.journal().created_calls().is_empty());
    assert!(calls.carrier.calls().is_empty());
}

#[tokio::test]
async fn a_call_in_doubt_is_known_again_when_somebody_answers_it() {
    let calls = CallsOut::start(&[]).await;
    let store = &calls.server.app.store;
    let DialAnswer::Admitted(row) = store.ask_to_dial(row_of(&calls, "uno")).await.expect("a write") else {
        panic!("it may be dialled");
    };
    let sid = call_sid(5);
    let form = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("From", OUR_NUMBER),
        ("To", CALLEE),
        ("CallStatus", "in-progress"),
        ("Direction", "outbound-api"),
    ];
    let path = format!("/api/voice/outbound/answer/{}", row.id);
    let answer = calls.server.post(&path, &form).await;
    assert!(answer.body.contains("<Stream"), "{answer:?}");
    let row = store.outbound(&row.id).await.expect("a read").expect("a row");
    assert_eq!((row.state, row.call_sid), (OutboundState::Dialled, Some(sid)));
}

/// A row as the API writes it before it dials.
fn row_of(calls: &CallsOut, key: &str) -> NewDial {
    let app = &calls.server.app;
    let at = app.clock.wall();
    NewDial {
        door: Door::Api,
        asked_by: "local".to_owned(),
        key: Some(key.to_owned()),
        request_sha256: [7; 32],
        to: CALLEE.to_owned(),
        verdict: app.config.dialing.policy.judge(CALLEE, at),
        from: OUR_NUMBER.to_owned(),
        assistant: Some("breve".to_owned()),
        purpose: None,
        variables: "{}".to_owned(),
        consent: Some("{}".to_owned()),
        call_sid: None,
        at,
    }
}

#[tokio::test]
async fn a_program_that_goes_away_leaves_no_doubt() {
    let calls = CallsOut::start(&[]).await;
    calls.carrier.put_person(CALLEE, PersonPlan::busy());
    let late = RestFault::LateAnswer { after_ms: 300 };
    calls.api.faults().once(Operation::CreateCall, late);
    let body = wish(CALLEE);
    let asking = calls.ask("uno", &body);
    let asked = eventually("Twilio is asked", async || {
        !calls.api.journal().created_calls().is_empty()
    });
    tokio::select! {
        answer = asking => panic!("answered before it could be: {answer:?}"),
        () = asked => {}
    }
    eventually("the call is known all the same", async || {
        calls.ask("uno", &body).await.status == 201
    })
    .await;
    assert_eq!(calls.api.journal().created_calls().len(), 1);
}

/// The simulator dates its calls by the machine's clock, so a clock of ours must begin there.
fn jiff_now() -> jiff::Timestamp {
    Clock::real().wall()
}

/// Said in a call that we made, it holds for the next one; said by somebody who calls us, too.
#[tokio::test]
async fn who_says_so_in_a_call_is_never_called_again() {
    let calls = CallsOut::start(&[]).await;
    calls
        .put_person(&PERSON.replace("Muchas gracias, adiós.", "No me llamen más, por favor."))
        .await;
    let sid = sid_of(&calls.ask("uno", &wish(CALLEE)).await);
    let outcome = calls.outcome(&sid).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    let store = &calls.server.app.store;
    let lines = store.transcript(&sid).await.expect("a read");
    let last = lines.last().expect("lines");
    assert!(last.unheard.is_none(), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.text.starts_with("Entendido, no te volvemos a llamar")),
        "{lines:#?}"
    );
    let listed = store.do_not_call(10).await.expect("a read");
    assert_eq!(
        (listed.len(), listed[0].number.as_str(), listed[0].added_by.as_str()),
        (1, CALLEE, sid.as_str())
    );
    let answer = calls.ask("dos", &wish(CALLEE)).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (403, "do-not-call"));
    assert_eq!(calls.api.journal().created_calls().len(), 1);
}
