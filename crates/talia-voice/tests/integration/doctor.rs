//! `talia-voice doctor`: nothing to say of a good set-up, and each fault of a broken one by its name.

use crate::harness::{Authority, NATS_PASSWORD, NatsServer, Office, Proxy, Said, TestServer, program};
use rcgen::CertificateParams;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use talia_simulator::account::VoiceHooks;
use talia_simulator::webhook::Method;
use tempfile::TempDir;
use tokio::net::TcpListener;

const NUMBER: &str = "+525587654321";
const KEY: (&str, &str) = ("TALIA_SERVER__API_KEY", "a-key-of-enough-length");

/// What is done to a number's webhooks.
type Change = fn(&mut VoiceHooks);

/// A set-up that can be broken in parts: what the operator has set, by variable.
struct SetUp {
    office: Office,
    folder: TempDir,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
}

/// What the doctor found: state and sentence by check.
struct Found {
    said: Said,
    checks: BTreeMap<String, (String, String)>,
}

impl Found {
    /// Fails unless exactly these checks aren't fine, each in this state and with this in its sentences.
    #[track_caller]
    fn names(&self, expected: &[(&str, &str, &str)]) {
        let mut others = self.checks.clone();
        for (check, state, sentence) in expected {
            let (found, said) = others
                .remove(*check)
                .unwrap_or_else(|| panic!("{check} wasn't looked at"));
            assert!(found == *state && said.contains(sentence), "{check}: {found}, {said}");
        }
        others.retain(|check, (state, _)| {
            // Without speech, tests are quick; without a number there is nothing to be configured.
            state != "ok" && check != "speech"
        });
        assert!(others.is_empty(), "{others:#?}");
    }
}

impl SetUp {
    /// An account with a number and an app that lead to `origin`, and a good database.
    async fn new(origin: &str) -> Self {
        let (office, folder) = (Office::open().await, TempDir::new().expect("a folder"));
        let hooks = |path: &str| VoiceHooks {
            voice_url: format!("{origin}{path}"),
            status_callback: format!("{origin}/api/voice/status"),
            fallback_url: "https://elsewhere.example.com/fallback.xml".to_owned(),
            ..VoiceHooks::default()
        };
        let mut number = office.account().add_number(NUMBER);
        number.hooks = hooks("/api/voice/inbound");
        office.account().put_number(number);
        let app = office
            .account()
            .add_application("TalIA Voz", hooks("/api/voice/outbound"));
        let mut environment: BTreeMap<String, String> = office
            .environment()
            .into_iter()
            .chain([KEY, ("TALIA_SPEECH__ENGINES", "fixed-delay")])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        environment.insert("TALIA_PUBLIC_URL".to_owned(), origin.to_owned());
        environment.insert("TALIA_TWIML_APP_SID".to_owned(), app.sid);
        Self {
            office,
            folder,
            environment,
            arguments: vec!["doctor".to_owned()],
        }
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.insert(name.to_owned(), value.into());
    }

    async fn run(&self, more: &[&str]) -> Said {
        let arguments: Vec<_> = self
            .arguments
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let environment: Vec<_> = self
            .environment
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        program(self.folder.path(), &arguments, &environment, "").await
    }

    async fn examine(&self) -> Found {
        let said = self.run(&["--json"]).await;
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        let mut checks = BTreeMap::new();
        for check in report["checks"].as_array().expect("checks") {
            let word = |value: &Value| value.as_str().expect("a word").to_owned();
            // Every fault has a way out, in both languages.
            let faulty = ["warning", "failure"].contains(&&*word(&check["state"]));
            assert_eq!(check["way_out"].is_object(), faulty, "{check}");
            let both = format!(
                "{} {} {}",
                word(&check["said"]["es"]),
                word(&check["said"]["en"]),
                check["way_out"]
            );
            checks.insert(word(&check["check"]), (word(&check["state"]), both));
        }
        let worst = checks.values().map(|(state, _)| state.as_str());
        let code = worst.fold(0, |code, state| match (state, code) {
            ("failure", _) => 1,
            ("warning", 0) => 3,
            _ => code,
        });
        assert_eq!(said.code, code, "{said:?}");
        Found { said, checks }
    }
}

/// A server on loopback without TLS that a proxy stands before, and its set-up.
async fn behind(change: fn(&str) -> String) -> (SetUp, TestServer, impl Sized) {
    let (listener, proxy) = (
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        Proxy::bind().await,
    );
    let origin = format!("http://{}", proxy.address);
    let (server, _) = TestServer::start_bound(listener, &[("TALIA_PUBLIC_URL", &origin), KEY]).await;
    let proxying = proxy.start(server.address, change);
    (SetUp::new(&origin).await, server, proxying)
}

/// A server with TLS of its own under this name, and its set-up that trusts the authority.
async fn with_tls(
    authority: &Authority,
    change: impl FnOnce(&mut CertificateParams),
    name: &str,
) -> (SetUp, TestServer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let origin = format!("https://localhost:{port}");
    let mut set_up = SetUp::new(&origin).await;
    let file = |name: &str| set_up.folder.path().join(name);
    let (certificate, key, trusted) = (file("chain.pem"), file("key.pem"), file("authority.pem"));
    authority.issue_with(name, change).write(&certificate, &key);
    std::fs::write(&trusted, authority.pem()).expect("a file");
    let text = |path: &std::path::Path| path.display().to_string();
    let (certificate, key) = (text(&certificate), text(&key));
    let settings = [
        ("TALIA_PUBLIC_URL", origin.as_str()),
        KEY,
        ("TALIA_TLS__CERTIFICATE", &certificate),
        ("TALIA_TLS__KEY", &key),
    ];
    let (server, _) = TestServer::start_bound(listener, &settings).await;
    set_up.arguments.extend(["--trust".to_owned(), text(&trusted)]);
    (set_up, server)
}

#[tokio::test]
async fn of_a_good_set_up_nothing_is_said_but_that_the_engines_are_no_real_ones() {
    let authority = Authority::new();
    let (mut set_up, server) = with_tls(&authority, |_| {}, "localhost").await;
    set_up.set("TALIA_DATABASE_URL", server.app.config.database.url.clone());
    let found = set_up.examine().await;
    found.names(&[("speech", "warning", "speech.engines")]);
    assert_eq!(found.checks.len(), 14);
    assert!(found.said.err.contains("0 falla(s), 1 aviso(s)"), "{}", found.said.err);
    // The same as a table, in both languages.
    let table = set_up.run(&["--number", NUMBER]).await;
    assert_eq!(
        table.out.lines().filter(|line| line.starts_with("  ✓ ")).count(),
        13,
        "{}",
        table.out
    );
    assert!(
        table.out.contains("certificado TLS") && table.out.contains("→ ponga speech.engines"),
        "{}",
        table.out
    );
    let table = set_up.run(&["--lang", "en"]).await;
    assert!(
        table.out.contains("TLS certificate") && table.out.contains("→ set speech.engines"),
        "{}",
        table.out
    );
    assert!(!table.out.contains(crate::harness::TOKEN));
}

/// With the real engines; the test's name keeps it out of the crowd.
#[tokio::test]
async fn real_speech_and_all_else_is_green() {
    let authority = Authority::new();
    let (mut set_up, _server) = with_tls(&authority, |_| {}, "localhost").await;
    set_up.set("TALIA_SPEECH__ENGINES", "local");
    for name in ["HOME", "XDG_CACHE_HOME", "TALIA_MODELS_DIR"] {
        if let Ok(value) = std::env::var(name) {
            set_up.set(name, value);
        }
    }
    let found = set_up.examine().await;
    let (state, said) = &found.checks["speech"];
    assert_eq!(state, "ok", "{said}");
    found.names(&[]);
    assert_eq!(found.said.code, 0);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_the_only_thing_to_say() {
    let mut set_up = SetUp::new("https://voz.example.com").await;
    set_up.set("TALIA_LIMITS__MAX_CALLS", "0");
    let found = set_up.examine().await;
    found.names(&[("configuration", "failure", "limits.max_calls")]);
    assert_eq!(found.checks.len(), 1);
}

#[tokio::test]
async fn a_number_and_an_app_that_lead_elsewhere_are_named_field_by_field() {
    let (mut set_up, _server, _proxying) = behind(str::to_owned).await;
    let plain = [
        ("configuration", "warning", "TALIA_PUBLIC_URL"),
        ("certificate", "skipped", "https"),
    ];
    set_up.examine().await.names(&plain);
    let good = set_up.office.account().numbers().remove(0);
    let order = format!("talia-voice twilio connect --number {NUMBER}");
    let put = |change: Change| {
        let mut number = good.clone();
        change(&mut number.hooks);
        set_up.office.account().put_number(number);
    };
    let cases: [(Change, &str, &str); 4] = [
        (
            |hooks| hooks.voice_url = "https://demo.twilio.com/welcome/voice/".to_owned(),
            "failure",
            "VoiceUrl = https://demo",
        ),
        (|hooks| hooks.voice_method = Method::Get, "failure", "VoiceUrl = GET"),
        (
            |hooks| hooks.status_callback = String::new(),
            "failure",
            "StatusCallback = –",
        ),
        (|hooks| hooks.fallback_url = String::new(), "warning", "Fallback URL"),
    ];
    for (change, state, sentence) in cases {
        put(change);
        let found = set_up.examine().await;
        found.names(&[plain[0], plain[1], ("number", state, sentence)]);
        if state == "failure" {
            found.names(&[plain[0], plain[1], ("number", state, &order)]);
        }
    }
    let mut number = good.clone();
    number.application_sid = set_up.office.account().applications().remove(0).sid;
    set_up.office.account().put_number(number);
    let found = set_up.examine().await;
    found.names(&[plain[0], plain[1], ("number", "failure", "VoiceApplicationSid = AP")]);
    set_up.office.account().put_number(good);

    let mut app = set_up.office.account().applications().remove(0);
    app.hooks.voice_url = String::new();
    set_up.office.account().put_application(app);
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("app", "failure", "VoiceUrl = –")]);
    set_up.set("TALIA_TWIML_APP_SID", format!("AP{}", "0".repeat(32)));
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("app", "failure", "no tiene AP")]);
}

#[tokio::test]
async fn proxies_that_break_sockets_paths_or_lead_elsewhere_are_told_apart() {
    let plain = [("configuration", "warning", ""), ("certificate", "skipped", "")];
    let (set_up, _server, _proxying) = behind(|head| {
        let kept = head.lines().filter(|line| {
            let line = line.to_lowercase();
            !line.starts_with("upgrade:") && !line.starts_with("connection:")
        });
        kept.collect::<Vec<_>>().join("\r\n")
    })
    .await;
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("socket", "failure", "Upgrade")]);

    let (set_up, _server, _proxying) = behind(|head| head.replace("/api/voice/check", "/api/voice//check/x")).await;
    let found = set_up.examine().await;
    found.names(&[
        plain[0],
        plain[1],
        ("socket", "failure", ""),
        ("signature", "failure", "proxy_pass"),
    ]);

    let (set_up, _server, _proxying) =
        behind(|head| head.replace("/a%2Fb/%C3%B1?z=1%202&a=+", "/a/b/ñ?a=%20&z=1+2")).await;
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("signature", "warning", "proxy_pass")]);

    // Another secret than the server's: it is a TalIA, but not this one, and Twilio knows neither.
    let (mut set_up, _server, _proxying) = behind(str::to_owned).await;
    set_up.set("TALIA_TWILIO_AUTH_TOKEN", "ffffffffffffffffffffffffffffffff");
    set_up.examine().await.names(&[
        plain[0],
        plain[1],
        ("credentials", "failure", "(20003)"),
        ("number", "skipped", ""),
        ("app", "skipped", ""),
        ("server", "failure", "TALIA_TWILIO_AUTH_TOKEN"),
        ("socket", "skipped", ""),
        ("signature", "skipped", ""),
    ]);
}

#[tokio::test]
async fn many_faults_at_once_are_each_named() {
    // Somebody else's server at the public URL; an API whose clock is right and whose account is suspended; a database
    // in a folder that isn't there; no NATS; no models.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let other = tokio::spawn(async move {
        let router = axum::Router::new().fallback(|| async { "Apache2 Debian Default Page" });
        let _ = axum::serve(listener, router).await;
    });
    let mut set_up = SetUp::new(&origin).await;
    set_up.office.account().suspend(true);
    set_up.set("TALIA_DATABASE_URL", "sqlite:nowhere/at/all.db");
    set_up.set("TALIA_NATS_URL", "nats://127.0.0.1:1");
    set_up.set("TALIA_SPEECH__ENGINES", "local");
    set_up.set("TALIA_MODELS__DIRECTORY", "nowhere");
    std::fs::write(set_up.folder.path().join("grabaciones"), "").expect("a file");
    set_up.set("TALIA_RECORDINGS_MODE", "after_notice");
    set_up.set("TALIA_RECORDINGS_FOLDER", "grabaciones");
    let recipient = age::x25519::Identity::generate().to_public();
    set_up.set("TALIA_RECORDINGS_RECIPIENT", recipient.to_string());
    let found = set_up.examine().await;
    found.names(&[
        ("configuration", "warning", "TALIA_PUBLIC_URL"),
        ("credentials", "failure", "suspended"),
        ("certificate", "skipped", ""),
        ("server", "failure", "contesta otro servidor (200 OK)"),
        ("socket", "skipped", ""),
        ("signature", "skipped", ""),
        ("database", "failure", "TALIA_DATABASE_URL"),
        ("nats", "failure", "TALIA_NATS_URL"),
        ("speech", "failure", "talia-voice models fetch"),
        ("recordings", "failure", "recordings.folder"),
    ]);
    assert!(found.said.err.contains("6 falla(s), 1 aviso(s)"), "{}", found.said.err);
    other.abort();
}

#[tokio::test]
async fn a_name_nobody_knows_and_a_port_nobody_listens_at() {
    let unseen = ["certificate", "server", "socket", "signature"].map(|check| (check, "skipped", ""));
    let mut set_up = SetUp::new("https://talia-voz.invalid").await;
    // The feed goes through the public URL too.
    let events = ("events", "warning", "");
    let all = |fault| unseen.into_iter().chain([fault, events]).collect::<Vec<_>>();
    set_up.examine().await.names(&all(("address", "failure", "DNS")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    set_up.set("TALIA_PUBLIC_URL", format!("https://localhost:{port}"));
    let number = ("number", "failure", "connect");
    let app = ("app", "failure", "VoiceUrl");
    let place = format!("localhost:{port}");
    let mut expected = all(("address", "failure", &*place));
    expected.extend([number, app]);
    set_up.examine().await.names(&expected);
}

#[tokio::test]
async fn certificates_that_twilio_would_not_take_are_told_apart() {
    let authority = Authority::new();
    let unseen = ["server", "socket", "signature"].map(|check| (check, "skipped", ""));
    let events = ("events", "warning", "");
    let refused = |sentence| {
        unseen
            .into_iter()
            .chain([("certificate", "failure", sentence), events])
            .collect::<Vec<_>>()
    };
    let expired = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let (set_up, _server) = with_tls(&authority, expired, "localhost").await;
    set_up.examine().await.names(&refused("venció"));
    let (set_up, _server) = with_tls(&authority, |_| {}, "otra.example.com").await;
    set_up.examine().await.names(&refused("otro nombre"));
    let (mut set_up, _server) = with_tls(&authority, |_| {}, "localhost").await;
    set_up.arguments.truncate(1);
    set_up.examine().await.names(&refused("autoridad pública"));
    // What `openssl req -x509` makes.
    let own = |params: &mut CertificateParams| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (set_up, _server) = with_tls(&authority, own, "localhost").await;
    set_up.examine().await.names(&refused("autoridad pública"));
    // What speaks no TLS at all.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let origin = format!("https://localhost:{port}");
    let (_server, _) = TestServer::start_bound(listener, &[("TALIA_PUBLIC_URL", &origin)]).await;
    SetUp::new(&origin)
        .await
        .examine()
        .await
        .names(&refused("no habla TLS"));
}

/// An API that says nothing right, at another time than ours.
async fn late_api(address: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let bound = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let router = axum::Router::new().fallback(move || async move { ([("date", address)], "{}") });
        let _ = axum::serve(listener, router).await;
    });
    bound
}

#[tokio::test]
async fn databases_events_and_clocks_of_every_broken_kind() {
    let (mut set_up, _server, _proxying) = behind(str::to_owned).await;
    let plain = [("configuration", "warning", ""), ("certificate", "skipped", "")];
    let file = set_up.folder.path().join("talia.db");
    let url = format!("sqlite:{}", file.display());
    set_up.set("TALIA_DATABASE_URL", &url);
    let found = set_up.examine().await;
    found.names(&[plain[0], plain[1], ("database", "ok", "se creará")]);
    assert!(!file.exists(), "looking makes nothing");
    std::fs::write(&file, "this is no database, however long the text of it may be").expect("a file");
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("database", "failure", "")]);
    std::fs::remove_file(&file).expect("a file");
    let mut holder = SqliteConnection::connect(&format!("{url}?mode=rwc"))
        .await
        .expect("a database");
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut holder)
        .await
        .expect("the lock");
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("database", "failure", "otro programa")]);
    sqlx::query("ROLLBACK").execute(&mut holder).await.expect("the end");
    set_up
        .examine()
        .await
        .names(&[plain[0], plain[1], ("database", "ok", "MiB")]);

    let nats = NatsServer::start();
    set_up.set("TALIA_NATS_URL", nats.url());
    let seen = [plain[0], plain[1], ("nats", "ok", "se creará")];
    set_up.examine().await.names(&seen);
    let jetstream = nats.jetstream(None).await;
    let stream = |subjects: &str| async_nats::jetstream::stream::Config {
        name: "TALIA".to_owned(),
        subjects: vec![subjects.to_owned()],
        ..Default::default()
    };
    jetstream
        .create_stream(stream("talia.voice.>"))
        .await
        .expect("a stream");
    let seen = [plain[0], plain[1], ("nats", "ok", "se puede publicar")];
    set_up.examine().await.names(&seen);
    assert_eq!(nats.count(&jetstream).await, 0, "a look leaves nothing");
    jetstream
        .update_stream(stream("pedidos.>"))
        .await
        .expect("other subjects");
    let seen = [plain[0], plain[1], ("nats", "failure", "events.nats.stream")];
    set_up.examine().await.names(&seen);
    nats.kill();
    let seen = [plain[0], plain[1], ("nats", "failure", "TALIA_NATS_URL")];
    set_up.examine().await.names(&seen);
    nats.start_again("authorization { user: talia, password: another }");
    set_up.set("TALIA_NATS_URL", nats.url_with(NATS_PASSWORD));
    let found = set_up.examine().await;
    found.names(&[plain[0], plain[1], ("nats", "failure", "TALIA_NATS_PASSWORD")]);
    assert!(!found.said.out.contains(NATS_PASSWORD), "{}", found.said.out);
    nats.kill();
    set_up.environment.remove("TALIA_NATS_URL");

    let late = late_api("Tue, 24 Nov 2020 11:53:13 GMT").await;
    set_up.set("TALIA_TWILIO__API_URL", format!("http://{late}"));
    set_up.examine().await.names(&[
        plain[0],
        plain[1],
        ("clock", "failure", "timedatectl"),
        ("credentials", "failure", ""),
        ("number", "skipped", ""),
        ("app", "skipped", ""),
    ]);
    set_up.set("TALIA_TWILIO__API_URL", "http://127.0.0.1:1");
    set_up.set("TALIA_TWILIO__API_TIMEOUT_S", "2");
    set_up.examine().await.names(&[
        plain[0],
        plain[1],
        ("clock", "skipped", ""),
        ("credentials", "failure", "api.twilio.com"),
        ("number", "skipped", ""),
        ("app", "skipped", ""),
    ]);
}
