//! What webhooks are answered.

use crate::harness::{TestServer, call_sid, eventually, inbound_form, signature, status_form, stream_path};
use talia_voice::clock::Clock;
use talia_voice::telemetry::labels::Refusal;

#[tokio::test]
async fn an_inbound_call_is_told_where_to_stream() {
    let server = TestServer::start().await;
    let sid = call_sid(0x10);
    let answer = server.ring(&sid).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/xml"), "{}", answer.head);
    let token = stream_path(&answer.body)
        .rsplit('/')
        .next()
        .expect("a token")
        .to_owned();
    assert_eq!(token.len(), 43, "256 bits in base64");
    insta::assert_snapshot!(answer.body.replace(&token, "TOKEN"), @r####"<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://voz.example.com/api/voice/after#rc=5&amp;rp=ct,rt,5xx&amp;ct=2000&amp;rt=5000&amp;tt=15000" method="POST"><Stream url="wss://voz.example.com/api/voice/stream/TOKEN" statusCallback="https://voz.example.com/api/voice/stream-status" statusCallbackMethod="POST"><Parameter name="call_sid" value="CA00000000000000000000000000000010"/><Parameter name="assistant" value="solara"/></Stream></Connect><Redirect method="POST">https://voz.example.com/api/voice/after#rc=5&amp;rp=ct,rt,5xx&amp;ct=2000&amp;rt=5000&amp;tt=15000</Redirect></Response>"####);

    let call = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!((call.status.as_str(), call.direction.as_str()), ("ringing", "inbound"));
    assert_eq!(
        (call.from_number.as_str(), call.to_number.as_str()),
        ("+525512345678", "+525587654321")
    );
    assert_eq!(server.app.metrics.call_started.get(), 1);
}

#[tokio::test]
async fn a_repeated_webhook_gets_the_same_answer_and_one_row() {
    let server = TestServer::start().await;
    let sid = call_sid(0x11);
    let first = server.ring(&sid).await;
    for _ in 0..20 {
        assert_eq!(server.ring(&sid).await.body, first.body);
    }
    assert_eq!(server.app.metrics.call_started.get(), 1);
    assert_eq!(server.app.metrics.refused_count(Refusal::Replayed), 20);
}

#[tokio::test]
async fn a_webhook_repeated_after_the_call_is_over_hangs_up() {
    let server = TestServer::start().await;
    let sid = call_sid(0x12);
    server.ring(&sid).await;
    assert_eq!(
        server
            .post("/api/voice/status", &status_form(&sid, "completed"))
            .await
            .status,
        204
    );
    let answer = server.ring(&sid).await;
    insta::assert_snapshot!(answer.body, @r###"<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>"###);
    assert_eq!(
        server
            .app
            .store
            .call(&sid)
            .await
            .expect("a read")
            .expect("a row")
            .status,
        "completed"
    );
}

#[tokio::test]
async fn webhooks_that_race_get_one_token() {
    let server = TestServer::start().await;
    let sid = call_sid(0x13);
    let (a, b, c) = tokio::join!(server.ring(&sid), server.ring(&sid), server.ring(&sid));
    assert_eq!(a.status, 200);
    assert_eq!(a.body, b.body);
    assert_eq!(b.body, c.body);
}

#[tokio::test]
async fn signed_nonsense_is_refused_and_counted() {
    let server = TestServer::start().await;
    let sid = call_sid(0x14);
    let form = inbound_form(&sid);
    assert_eq!(server.post("/api/voice/inbound", &form[1..]).await.status, 400);
    let mut foreign = form;
    foreign[0].1 = "CA123";
    assert_eq!(server.post("/api/voice/inbound", &foreign).await.status, 400);
    assert_eq!(
        server
            .post("/api/voice/status", &status_form(&sid, "answered"))
            .await
            .status,
        400
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::FormBad), 3);
}

#[tokio::test]
async fn a_call_that_nobody_but_twilio_knows_goes_on() {
    let server = TestServer::start().await;
    // Whoever answered it died before its row was durable.
    let sid = call_sid(0x15);
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("<Connect") && !answer.body.contains("<Hangup/>"),
        "{}",
        answer.body
    );
    eventually("it has a row", async || {
        server.app.store.call(&sid).await.expect("a read").is_some()
    })
    .await;
    let ended = call_sid(0x16);
    let mut over = inbound_form(&ended);
    let status = over
        .iter_mut()
        .find(|(name, _)| *name == "CallStatus")
        .expect("a status");
    status.1 = "completed";
    let answer = server.post("/api/voice/after", &over).await;
    assert!(answer.body.contains("<Hangup/>"), "{}", answer.body);
}

#[tokio::test]
async fn a_call_beyond_the_limit_hears_an_apology() {
    let server = TestServer::start_with(&[("TALIA_LIMITS__MAX_CALLS", "1")], Clock::real()).await;
    let sid = call_sid(0x16);
    let mut stream = server.ring_and_stream(&sid).await;
    crate::harness::eventually("the call is live", async || server.app.live.count() == 1).await;
    let answer = server.ring(&call_sid(0x17)).await;
    insta::assert_snapshot!(answer.body, @r###"<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Mia-Neural" language="es-MX">Disculpa, en este momento no podemos atender tu llamada. Por favor, vuelve a llamar en unos minutos. Gracias.</Say><Hangup/></Response>"###);
    assert_eq!(server.app.metrics.refused_count(Refusal::TooManyCalls), 1);
    stream.stop(2, &sid).await;
    crate::harness::eventually("the call is over", async || server.app.live.count() == 0).await;
    assert!(server.ring(&call_sid(0x18)).await.body.contains("<Connect"));
}

#[tokio::test]
async fn the_operator_s_routes_answer_to_this_machine_only() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/metrics", &[]).await.status, 200);
    assert_eq!(server.get("/api/voice/calls", &[]).await.status, 200);
    let proxied = [("X-Forwarded-For", "203.0.113.7")];
    assert_eq!(server.get("/metrics", &proxied).await.status, 401);
    assert_eq!(server.get("/api/voice/calls", &proxied).await.status, 401);
    assert_eq!(server.app.metrics.refused_count(Refusal::OperatorKey), 1);
    assert_eq!(server.app.metrics.refused_count(Refusal::ApiKey), 1);
}

#[tokio::test]
async fn with_a_key_the_operator_s_routes_want_it() {
    let key = "a-key-of-enough-length";
    let server = TestServer::start_with(&[("TALIA_SERVER__API_KEY", key)], Clock::real()).await;
    assert_eq!(server.get("/api/voice/calls", &[]).await.status, 401);
    assert_eq!(
        server
            .get("/api/voice/calls", &[("Authorization", "Bearer wrong")])
            .await
            .status,
        401
    );
    let right = format!("Bearer {key}");
    assert_eq!(
        server
            .get("/api/voice/calls", &[("Authorization", &right)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn one_call_is_read_with_its_words_and_lead() {
    let server = TestServer::start().await;
    let sid = call_sid(0x19);
    server.ring_and_keep(&sid).await;
    let answer = server.get(&format!("/api/voice/calls/{sid}"), &[]).await;
    let whole: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(whole["call"]["call_sid"], sid);
    assert_eq!(whole["transcript"], serde_json::json!([]));
    assert_eq!(whole["lead"], serde_json::Value::Null);
    assert_eq!(
        server
            .get(&format!("/api/voice/calls/{}", call_sid(0x1A)), &[])
            .await
            .status,
        404
    );
}

/// The tries of one request bear one token: what the first was answered, all are, and nothing is done twice.
#[tokio::test]
async fn the_tries_of_one_request_get_one_answer() {
    let server = TestServer::start().await;
    let sid = call_sid(0x31);
    let path = "/api/voice/after";
    server.ring(&sid).await;
    let form = inbound_form(&sid);
    let signed = signature(path, &form);
    let headers = |token: &'static str| {
        [
            ("X-Twilio-Signature", signed.as_str()),
            ("I-Twilio-Idempotency-Token", token),
        ]
    };
    let first = server.post_with(path, &form, &headers("one")).await;
    assert!(first.body.contains("<Connect"), "{}", first.body);
    // The call is over by now, and whoever asks anew hears so; a further try of the same request doesn't.
    server.post("/api/voice/status", &status_form(&sid, "completed")).await;
    let again = headers("one");
    let tries = futures::future::join_all((0..8).map(|_| server.post_with(path, &form, &again))).await;
    assert!(
        tries
            .iter()
            .all(|again| again.body == first.body && again.status == 200)
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::Replayed), 8);
    let other = server.post_with(path, &form, &headers("two")).await;
    assert!(other.body.contains("<Hangup"), "{}", other.body);
    // The token is no way around the signature.
    let forged = [
        ("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("I-Twilio-Idempotency-Token", "one"),
    ];
    assert_eq!(server.post_with(path, &form, &forged).await.status, 403);
}

/// Behind a proxy that lets no WebSocket through Twilio would come back for ever.
#[tokio::test]
async fn a_stream_that_never_opens_is_given_up() {
    let server = TestServer::start().await;
    let sid = call_sid(0x32);
    server.ring(&sid).await;
    for _ in 0..4 {
        let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
        assert!(answer.body.contains("<Connect"), "{}", answer.body);
    }
    let answer = server.post("/api/voice/after", &inbound_form(&sid)).await;
    assert!(
        answer.body.contains("<Say") && answer.body.contains("<Hangup"),
        "{}",
        answer.body
    );
    assert_eq!(server.app.metrics.refused_count(Refusal::TooManyResumes), 1);
    let row = server.app.store.call(&sid).await.expect("a read").expect("a row");
    assert_eq!(row.ended_reason.as_deref(), Some("failure"));
}
