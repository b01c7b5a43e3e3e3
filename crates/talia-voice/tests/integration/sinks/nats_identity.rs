//! Who we are at NATS, and whom we trust there: TLS with an authority of one's own, certificates of clients, and `.creds` files
//! of decentralised accounts.

use super::rig::{events_of, in_the_end, write_call};
use crate::harness::{Authority, NatsServer, TestServer, call_sid, eventually};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use talia_voice::clock::Clock;
use talia_voice::outgoing::nats;
use talia_voice::telemetry::labels::SinkFault;
use tempfile::TempDir;

const LINES: usize = 3;

/// A server that writes a call down, and tells this NATS server of it.
async fn tells(url: &str, settings: &[(&str, &str)]) -> TestServer {
    let settings: Vec<_> = [("TALIA_NATS_URL", url)]
        .into_iter()
        .chain(settings.iter().copied())
        .collect();
    let server = TestServer::start_with(&settings, Clock::real()).await;
    write_call(&server.app.store, &server.app.clock, &call_sid(1), LINES).await;
    server
}

async fn is_told_everything(server: &TestServer) {
    in_the_end("all events have arrived", async || {
        server.app.metrics.event_delivered_count("nats") == events_of(LINES) as u64
    })
    .await;
    eventually("nothing is behind", async || {
        let lag = server.app.store.sink_lag("nats").await.expect("a read");
        lag.expect("a sink").events == 0
    })
    .await;
}

/// Nothing arrives for this reason, and nothing is given up.
async fn is_turned_away(server: &TestServer, reason: SinkFault) {
    in_the_end("it counts", async || {
        server.app.metrics.event_sink_fault_count("nats", reason) > 0
    })
    .await;
    let metrics = &server.app.metrics;
    assert_eq!(
        (metrics.event_delivered_count("nats"), metrics.event_dead_count("nats")),
        (0, 0)
    );
    let lag = server.app.store.sink_lag("nats").await.expect("a read");
    assert_eq!(lag.expect("a sink").events, events_of(LINES) as i64);
}

/// Files of a certificate authority, of a server's certificate and of a client's.
struct Papers {
    folder: TempDir,
}

impl Papers {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let papers = Self { folder };
        let (ours, others) = (Authority::new(), Authority::new());
        std::fs::write(papers.path("authority.pem"), ours.pem()).expect("a file");
        for (name, authority) in [("server", &ours), ("client", &ours), ("stranger", &others)] {
            authority.issue("127.0.0.1").write(
                &papers.path(&format!("{name}.pem")),
                &papers.path(&format!("{name}.key")),
            );
        }
        papers
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A NATS server with these papers, and its address.
    fn server(&self, more: &str) -> (NatsServer, String) {
        let nats = NatsServer::start_with(&format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", {more} }}",
            self.text("server.pem"),
            self.text("server.key"),
            self.text("authority.pem"),
        ));
        let url = nats.url().replace("nats://", "tls://");
        (nats, url)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_authority_is_named_is_told() {
    let papers = Papers::new();
    let (_nats, url) = papers.server("");
    let authority = papers.text("authority.pem");
    let server = tells(&url, &[("TALIA_EVENTS__NATS__AUTHORITY", &authority)]).await;
    is_told_everything(&server).await;
    // Somebody else's server could show any certificate.
    let stranger = tells(&url, &[]).await;
    is_turned_away(&stranger, SinkFault::Unreachable).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_a_certificate_is_shown_ours() {
    let papers = Papers::new();
    let (_nats, url) = papers.server("verify: true");
    let authority = papers.text("authority.pem");
    let shows = async |name: Option<&str>| {
        let files = name.map(|name| [papers.text(&format!("{name}.pem")), papers.text(&format!("{name}.key"))]);
        let mut settings = vec![("TALIA_EVENTS__NATS__AUTHORITY", authority.as_str())];
        if let Some([certificate, key]) = &files {
            settings.push(("TALIA_EVENTS__NATS__CERTIFICATE", certificate));
            settings.push(("TALIA_EVENTS__NATS__KEY", key));
        }
        tells(&url, &settings).await
    };
    is_told_everything(&shows(Some("client")).await).await;
    is_turned_away(&shows(None).await, SinkFault::Unreachable).await;
    is_turned_away(&shows(Some("stranger")).await, SinkFault::Unreachable).await;
}

/// A token of NATS's (<https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt>), version 2.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let head = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let body = part(&json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "talia",
        "sub": subject.public_key(), "nats": claims,
    }));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An account, with JetStream or, as the system's has to be, without.
fn account(operator: &KeyPair, account: &KeyPair, has_jetstream: bool) -> String {
    let no_limit = -1;
    let stored = if has_jetstream { no_limit } else { 0 };
    let claims = json!({
        "type": "account", "version": 2,
        "limits": {
            "subs": no_limit, "data": no_limit, "payload": no_limit, "imports": no_limit, "exports": no_limit,
            "wildcards": true, "conn": no_limit, "leaf": no_limit, "mem_storage": stored,
            "disk_storage": stored, "streams": stored, "consumer": stored,
        },
    });
    token(operator, account, &claims)
}

/// A `.creds` file as `nsc` writes it.
fn credentials(account: &KeyPair, file: &Path) {
    let user = KeyPair::new_user();
    let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {} });
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         ************************* IMPORTANT *************************\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        token(account, &user, &claims),
        user.seed().expect("a seed"),
    );
    std::fs::write(file, text).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_a_decentralised_account_is_known_by_its_file() {
    let (operator, system, company, other) = (
        KeyPair::new_operator(),
        KeyPair::new_account(),
        KeyPair::new_account(),
        KeyPair::new_account(),
    );
    let nats = NatsServer::start_with(&format!(
        "operator: {}\nsystem_account: {system_id}\nresolver: MEMORY\nresolver_preload {{\n{system_id}: {}\n{}: {}\n}}",
        token(&operator, &operator, &json!({ "type": "operator", "version": 2 })),
        account(&operator, &system, false),
        company.public_key(),
        account(&operator, &company, true),
        system_id = system.public_key(),
    ));
    let folder = TempDir::new().expect("a folder");
    let (good, foreign) = (folder.path().join("talia.creds"), folder.path().join("other.creds"));
    credentials(&company, &good);
    credentials(&other, &foreign);
    let with = async |file: &Path| tells(&nats.url(), &[("TALIA_NATS_CREDENTIALS", &file.display().to_string())]).await;
    let server = with(&good).await;
    is_told_everything(&server).await;
    // A server that was started again asks anew who we are.
    nats.kill();
    let (_, line) = std::fs::read_to_string(nats.folder().join("nats.conf"))
        .expect("a file")
        .split_once("operator: ")
        .map(|(before, more)| (before.to_owned(), format!("operator: {more}")))
        .expect("its configuration");
    nats.start_again(&line);
    write_call(&server.app.store, &server.app.clock, &call_sid(2), LINES).await;
    in_the_end("the second call has arrived", async || {
        server.app.metrics.event_delivered_count("nats") == 2 * events_of(LINES) as u64
    })
    .await;
    is_turned_away(&with(&foreign).await, SinkFault::Unauthorised).await;
}

#[test]
fn files_that_are_none_are_named_and_never_quoted() {
    let papers = Papers::new();
    let secret = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4";
    std::fs::write(papers.path("empty.pem"), "").expect("a file");
    std::fs::write(papers.path("bad.creds"), format!("the seed is {secret}\n")).expect("a file");
    let said = |settings: &[(&str, &str)]| {
        let folder = TempDir::new().expect("a folder");
        let settings: Vec<_> = [("TALIA_NATS_URL", "tls://nats.example.com")]
            .into_iter()
            .chain(settings.iter().copied())
            .collect();
        match crate::harness::try_config(&folder, &settings) {
            Err(error) => error.to_string(),
            Ok(config) => match nats::NatsServer::new(config.events.nats.expect("NATS")) {
                Ok(_) => String::new(),
                Err(error) => {
                    assert!(error.is_configuration(), "{error}");
                    error.to_string()
                }
            },
        }
    };
    let [empty, bad, server, key, missing] =
        ["empty.pem", "bad.creds", "server.pem", "client.key", "nowhere.pem"].map(|name| papers.text(name));
    let one = |key: &'static str, value: &str| said(&[(key, value)]);
    let has = |said: String, parts: &[&str]| {
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert!(!said.contains(secret), "{said}");
    };
    has(
        one("TALIA_EVENTS__NATS__AUTHORITY", &empty),
        &["events.nats.authority: ", "empty.pem: holds no certificate"],
    );
    has(
        one("TALIA_NATS_CREDENTIALS", &bad),
        &["events.nats.credentials: ", "bad.creds: holds no JWT of a user"],
    );
    has(
        one("TALIA_NATS_CREDENTIALS", &missing),
        &["events.nats.credentials: ", "nowhere.pem: No such file"],
    );
    has(
        one("TALIA_EVENTS__NATS__CERTIFICATE", &server),
        &["events.nats.certificate", "belong together"],
    );
    let pair = |certificate: &str, key: &str| {
        said(&[
            ("TALIA_EVENTS__NATS__CERTIFICATE", certificate),
            ("TALIA_EVENTS__NATS__KEY", key),
        ])
    };
    has(pair(&server, &empty), &["events.nats.key: ", "empty.pem: "]);
    has(pair(&server, &key), &["events.nats.certificate: "]);
    has(
        said(&[("TALIA_NATS_CREDENTIALS", &bad), ("TALIA_NATS_TOKEN", "t")]),
        &["events.nats.credentials", "either this"],
    );
}
