//! The front door's own signature and Twilio's shared keys: each kind is judged by its own rule alone.

use crate::harness::{
    Answer, ORIGIN, Stream, TOKEN, TestServer, call_sid, encode, inbound_form, noon, signature, status_form,
};
use std::time::Duration;
use talia_twilio::signature::{Algorithm, SETTINGS_HEADER, settings_header, sign};
use talia_twilio::standard_webhooks::{self, SigningSecret};
use talia_voice::clock::Clock;
use talia_voice::config::DEFAULTS;
use talia_voice::telemetry::labels::Refusal;

const INBOUND: &str = "/api/voice/inbound";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "a plain secret that follows";

/// Headers of the front door's signature over a form.
struct Signed {
    id: String,
    timestamp: String,
    signature: String,
}

impl Signed {
    fn new(secret: &str, id: &str, timestamp: i64, form: &[(&str, &str)]) -> Self {
        let secret = SigningSecret::parse(secret).expect("a secret");
        Self {
            id: id.to_owned(),
            timestamp: timestamp.to_string(),
            signature: standard_webhooks::sign(&secret, id, timestamp, encode(form).as_bytes()),
        }
    }

    fn headers(&self) -> [(&str, &str); 3] {
        [
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.timestamp),
            ("webhook-signature", &self.signature),
        ]
    }

    async fn post(&self, server: &TestServer, path: &str, form: &[(&str, &str)]) -> Answer {
        server.post_with(path, form, &self.headers()).await
    }
}

async fn server(more: &[(&str, &str)], clock: &Clock) -> TestServer {
    let own = [("TALIA_VOICE_WEBHOOK_SECRET", SECRET)];
    let all: Vec<_> = own.iter().chain(more).copied().collect();
    TestServer::start_with(&all, clock.clone()).await
}

fn now(clock: &Clock) -> i64 {
    clock.wall().as_second()
}

#[tokio::test]
async fn every_webhook_believes_the_front_door_and_its_rotated_secret() {
    let clock = Clock::manual(noon());
    let server = server(&[("TALIA_VOICE_WEBHOOK_SECRET_NEXT", NEXT)], &clock).await;
    let (first, second) = (call_sid(0x801), call_sid(0x802));
    for (secret, sid) in [(SECRET, &first), (NEXT, &second)] {
        let form = inbound_form(sid);
        let signed = Signed::new(secret, sid, now(&clock), &form);
        let answer = signed.post(&server, INBOUND, &form).await;
        assert!(answer.status == 200 && answer.body.contains("<Stream"), "{answer:?}");
    }
    let form = status_form(&first, "completed");
    let signed = Signed::new(SECRET, "msg_status", now(&clock), &form);
    assert_eq!(signed.post(&server, "/api/voice/status", &form).await.status, 204);
    let row = server.app.store.call(&first).await.expect("a read").expect("a row");
    assert_eq!(row.status, "completed");
    // Twilio itself still may knock.
    assert_eq!(server.ring(&call_sid(0x803)).await.status, 200);
}

#[tokio::test]
async fn whoever_claims_the_front_door_s_signature_is_judged_by_it_alone() {
    let clock = Clock::manual(noon());
    let server = server(&[], &clock).await;
    let sid = call_sid(0x810);
    let form = inbound_form(&sid);
    let twilio = signature(INBOUND, &form);
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let forged = Signed::new(other, "msg_1", now(&clock), &form);
    let whole = forged.headers();
    // Twilio's good signature doesn't save what is signed wrongly, or by halves, in our name.
    let beside = ("X-Twilio-Signature", twilio.as_str());
    for missing in 0..3 {
        let mut parts: Vec<_> = whole.to_vec();
        parts.remove(missing);
        parts.push(beside);
        assert_eq!(server.post_with(INBOUND, &form, &parts).await.status, 403);
        let empty = [(whole[missing].0, ""), beside];
        assert_eq!(server.post_with(INBOUND, &form, &empty).await.status, 403);
    }
    let mut parts: Vec<_> = whole.to_vec();
    parts.push(beside);
    assert_eq!(server.post_with(INBOUND, &form, &parts).await.status, 403);
    // The body is what is signed.
    let good = Signed::new(SECRET, "msg_2", now(&clock), &form);
    let mut changed = form;
    changed[2].1 = "+525512345679";
    assert_eq!(good.post(&server, INBOUND, &changed).await.status, 403);
    let refused = |reason| server.app.metrics.refused_count(reason);
    assert_eq!(refused(Refusal::OwnSignatureIncomplete), 6);
    assert_eq!(refused(Refusal::OwnSignatureWrong), 2);
    assert_eq!(refused(Refusal::SignatureMissing) + refused(Refusal::SignatureWrong), 0);
    assert_eq!(server.app.store.call(&sid).await.expect("a read"), None);
    assert_eq!(good.post(&server, INBOUND, &form).await.status, 200);
}

#[tokio::test]
async fn a_replay_and_a_stale_request_are_refused_and_counted() {
    let clock = Clock::manual(noon());
    let server = server(&[], &clock).await;
    let sid = call_sid(0x820);
    let form = inbound_form(&sid);
    let refused = |reason| server.app.metrics.refused_count(reason);
    let signed = Signed::new(SECRET, "msg_1", now(&clock), &form);
    assert_eq!(signed.post(&server, INBOUND, &form).await.status, 200);
    for again in 1..=20 {
        assert_eq!(signed.post(&server, INBOUND, &form).await.status, 403);
        assert_eq!(refused(Refusal::OwnSignatureReplayed), again);
    }
    // On another route it is the same message.
    assert_eq!(signed.post(&server, "/api/voice/after", &form).await.status, 403);
    clock.advance(Duration::from_mins(5));
    assert_eq!(signed.post(&server, INBOUND, &form).await.status, 403);
    assert_eq!(refused(Refusal::OwnSignatureReplayed), 22);
    clock.advance(Duration::from_secs(1));
    assert_eq!(signed.post(&server, INBOUND, &form).await.status, 403);
    let future = Signed::new(SECRET, "msg_2", now(&clock) + 301, &form);
    assert_eq!(future.post(&server, INBOUND, &form).await.status, 403);
    assert_eq!(
        (
            refused(Refusal::OwnSignatureReplayed),
            refused(Refusal::OwnSignatureStale)
        ),
        (22, 2)
    );
    let skewed = Signed::new(SECRET, "msg_3", now(&clock) + 300, &form);
    assert_eq!(skewed.post(&server, INBOUND, &form).await.status, 200);
}

#[tokio::test]
async fn without_a_secret_of_ours_nobody_can_sign_in_our_name() {
    let clock = Clock::manual(noon());
    let server = TestServer::start_with(&[], clock.clone()).await;
    let form = inbound_form("CA00000000000000000000000000000830");
    let signed = Signed::new(SECRET, "msg_1", now(&clock), &form);
    assert_eq!(signed.post(&server, INBOUND, &form).await.status, 403);
    assert_eq!(server.app.metrics.refused_count(Refusal::OwnSignatureWrong), 1);
}

#[tokio::test]
async fn a_media_socket_stays_twilio_s_own() {
    let clock = Clock::manual(noon());
    let server = server(&[], &clock).await;
    let path = server.ring_for_stream(&call_sid(0x840)).await;
    let signed = Signed::new(SECRET, "msg_1", now(&clock), &[]);
    let opened = Stream::open_with(server.address, &path, &signed.headers()).await;
    assert_eq!(opened.err(), Some(403));
    assert!(Stream::open(server.address, &path).await.is_ok());
}

#[tokio::test]
async fn a_shared_key_is_honoured_by_its_configured_id_only() {
    let keys = [(
        "TALIA_TWILIO_SHARED_KEYS",
        "webhooks_sharedkey_1=first,webhooks_sharedkey_2=second",
    )];
    let server = TestServer::start_with(&keys, Clock::real()).await;
    let sid = call_sid(0x850);
    let form = inbound_form(&sid);
    let fields: Vec<_> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let url = format!("{ORIGIN}{INBOUND}");
    let sha256 = Algorithm::HmacSha256;
    for (id, secret, status) in [
        ("webhooks_sharedkey_1", "first", 200),
        ("webhooks_sharedkey_2", "second", 200),
        ("webhooks_sharedkey_1", "second", 403),
        // The auth token never stands in for a key that was named.
        ("webhooks_sharedkey_1", TOKEN, 403),
        ("webhooks_sharedkey_3", "first", 403),
        ("webhooks_sharedkey_3", TOKEN, 403),
    ] {
        let settings = settings_header(id, sha256);
        let signature = sign(secret, sha256, &url, &fields);
        let headers = [
            ("X-Twilio-Signature", signature.as_str()),
            (SETTINGS_HEADER, settings.as_str()),
        ];
        assert_eq!(
            server.post_with(INBOUND, &form, &headers).await.status,
            status,
            "{id} {secret}"
        );
    }
    assert_eq!(server.app.metrics.refused_count(Refusal::SignatureWrong), 4);
    assert_eq!(server.ring(&call_sid(0x851)).await.status, 200);
}

/// Whatever an operator sets any key to, a server that starts at all refuses what nobody has signed.
#[tokio::test]
async fn no_setting_turns_the_checking_off() {
    let table: toml::Table = DEFAULTS.parse().expect("TOML");
    let mut tried = 0;
    for (section, content) in &table {
        for (key, default) in content.as_table().expect("sections only") {
            let off: &[&str] = match default {
                toml::Value::Boolean(_) => &["true", "false"],
                _ if section == "twilio" => &["", "off", "false", "none", "0"],
                _ => continue,
            };
            let variable = format!("TALIA_{}__{}", section.to_uppercase(), key.to_uppercase());
            for value in off {
                let Some(server) = TestServer::try_start(&[(&variable, value)]).await else {
                    continue;
                };
                tried += 1;
                let form = inbound_form("CA00000000000000000000000000000860");
                let unsigned = server.post_with(INBOUND, &form, &[]).await;
                assert_eq!(unsigned.status, 403, "{variable}={value}");
                let none = [
                    ("X-Twilio-Signature", "none"),
                    (SETTINGS_HEADER, "key=off,algorithm=none"),
                ];
                assert_eq!(
                    server.post_with(INBOUND, &form, &none).await.status,
                    403,
                    "{variable}={value}"
                );
            }
        }
    }
    assert!(tried > 5, "only {tried} servers started");
}
