//! TLS without a proxy: certificates exchanged under live calls, and ordered by ACME.

use crate::harness::{
    Acme, Authority, CONNECTED, ORIGIN, PATIENCE, TOKEN, TestServer, call_sid, credulous, encode, eventually, greet,
    inbound_form, media, raw, shown, signature, start, stream_path,
};
use futures::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use std::io::BufRead;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use talia_twilio::signature::{Algorithm, sign};
use talia_voice::http::Tls;
use talia_voice::telemetry::labels::{CertificateFault, Refusal};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

const HOST: &str = "voz.example.com";

/// The two files of a test.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self {
            certificate: folder.path().join("chain.pem"),
            key: folder.path().join("key.pem"),
            _folder: folder,
        }
    }

    fn settings<'a>(&'a self, check_s: &'a str) -> [(&'a str, &'a str); 3] {
        [
            ("TALIA_TLS__CERTIFICATE", self.certificate.to_str().expect("text")),
            ("TALIA_TLS__KEY", self.key.to_str().expect("text")),
            ("TALIA_TLS__CHECK_S", check_s),
        ]
    }
}

/// The certificate that a new connection is shown, whoever has signed it.
async fn certificate_of(server: std::net::SocketAddr) -> Option<CertificateDer<'static>> {
    let stream = greet(server, HOST, credulous(b"http/1.1")).await.ok()?;
    Some(shown(&stream))
}

/// The first webhook of a call over TLS; the answer's document.
async fn ring(server: &TestServer, authority: &Authority, call_sid: &str) -> String {
    let form = inbound_form(call_sid);
    let (body, signature) = (encode(&form), signature("/api/voice/inbound", &form));
    let request = format!(
        "POST /api/voice/inbound HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nX-Twilio-Signature: {signature}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = greet(server.address, HOST, authority.client())
        .await
        .expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a write");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

/// A media socket over TLS that has started.
async fn stream(server: &TestServer, authority: &Authority, call_sid: &str) -> WebSocketStream<TlsStream<TcpStream>> {
    let path = stream_path(&ring(server, authority, call_sid).await);
    let url = format!("wss://{HOST}{path}");
    let signature = sign(TOKEN, Algorithm::HmacSha1, &url, &[]);
    let mut request = url.into_client_request().expect("a request");
    request
        .headers_mut()
        .insert("x-twilio-signature", signature.parse().expect("a value"));
    let connection = greet(server.address, HOST, authority.client())
        .await
        .expect("a connection");
    let (mut socket, _) = client_async(request, connection).await.expect("a socket");
    socket.send(Message::text(CONNECTED)).await.expect("a write");
    socket.send(Message::text(start(call_sid))).await.expect("a write");
    socket
}

/// Speaks 20 ms into the socket and hears the next piece of the assistant's speech.
async fn still_talks(socket: &mut WebSocketStream<TlsStream<TcpStream>>, chunk: u64) {
    socket.send(Message::text(media(chunk))).await.expect("a write");
    let heard = async {
        loop {
            let message = socket.next().await.expect("the socket stands").expect("a message");
            if message.to_text().is_ok_and(|text| text.contains("\"media\"")) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("speech in time");
}

#[tokio::test]
async fn certificates_are_exchanged_while_a_call_goes_on() {
    let (authority, files) = (Authority::new(), Files::new());
    let first = authority.issue(HOST);
    first.write(&files.certificate, &files.key);
    let (server, _) = TestServer::start_tls(&files.settings("1")).await;
    let sid = call_sid(0xA01);
    let mut socket = stream(&server, &authority, &sid).await;
    eventually("live", async || server.app.live.count() == 1).await;
    still_talks(&mut socket, 1).await;
    assert_eq!(certificate_of(server.address).await, Some(first.leaf));

    let second = authority.issue(HOST);
    second.write(&files.certificate, &files.key);
    eventually("the new certificate is shown", async || {
        certificate_of(server.address).await.as_ref() == Some(&second.leaf)
    })
    .await;
    for chunk in 2..20 {
        still_talks(&mut socket, chunk).await;
    }
    assert_eq!(server.app.live.count(), 1, "the call goes on over its old connection");
    assert!(ring(&server, &authority, &call_sid(0xA02)).await.contains("<Stream"));

    // Halves of two pairs: what was good stays.
    let third = authority.issue(HOST);
    std::fs::write(&files.key, &third.key_pem).expect("a file");
    let failed = || server.app.metrics.certificate_failed_count(CertificateFault::Reload);
    eventually("the bad pair is noticed", async || failed() == 1).await;
    assert_eq!(certificate_of(server.address).await, Some(second.leaf));
    // The other half comes later, as with any renewal that writes two files.
    third.write(&files.certificate, &files.key);
    eventually("the third certificate is shown", async || {
        certificate_of(server.address).await.as_ref() == Some(&third.leaf)
    })
    .await;
    still_talks(&mut socket, 20).await;
}

#[tokio::test]
async fn a_reload_that_is_asked_for_happens_at_once() {
    let (authority, files) = (Authority::new(), Files::new());
    authority.issue(HOST).write(&files.certificate, &files.key);
    let (server, tls) = TestServer::start_tls(&files.settings("86400")).await;
    assert!(server.app.metrics.certificate_expires.get() > 1_795_000_000);
    let second = authority.issue(HOST);
    second.write(&files.certificate, &files.key);
    tls.reload();
    assert_eq!(certificate_of(server.address).await, Some(second.leaf));
}

/// The real program on a port that was free a moment ago.
fn runs(folder: &TempDir, settings: &[(&str, &str)], log: Stdio) -> (Child, SocketAddr) {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let bind = address.to_string();
    let program = Command::new(env!("CARGO_BIN_EXE_talia-voice"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .envs(settings.iter().copied())
        .envs([
            ("TALIA_BIND", bind.as_str()),
            ("TALIA_PUBLIC_URL", ORIGIN),
            ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
            ("TALIA_SPEECH__ENGINES", "fixed-delay"),
        ])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the program runs");
    (program, address)
}

fn hang_up_on(program: &Child) {
    let signalled = Command::new("kill").args(["-HUP", &program.id().to_string()]).status();
    assert!(signalled.expect("kill runs").success());
}

/// The real signal.
#[tokio::test]
async fn sighup_reloads_the_files() {
    let (authority, files) = (Authority::new(), Files::new());
    authority.issue(HOST).write(&files.certificate, &files.key);
    let folder = TempDir::new().expect("a folder");
    let (mut program, address) = runs(&folder, &files.settings("86400"), Stdio::null());
    eventually("it answers", async || certificate_of(address).await.is_some()).await;
    let second = authority.issue(HOST);
    second.write(&files.certificate, &files.key);
    hang_up_on(&program);
    eventually("the new certificate is shown", async || {
        certificate_of(address).await.as_ref() == Some(&second.leaf)
    })
    .await;
    assert!(program.try_wait().expect("a state").is_none(), "it still runs");
    program.kill().expect("an end");
    program.wait().expect("an end");
}

/// Where a proxy has the certificate, a service manager's reload must not end the calls.
#[tokio::test]
async fn sighup_ends_no_server_that_has_nothing_to_reload() {
    let folder = TempDir::new().expect("a folder");
    let (mut program, address) = runs(&folder, &[], Stdio::piped());
    eventually("it answers", async || TcpStream::connect(address).await.is_ok()).await;
    hang_up_on(&program);
    let log = std::io::BufReader::new(program.stderr.take().expect("a pipe"));
    // It says so only when it has heard it.
    let told =
        tokio::task::spawn_blocking(move || log.lines().any(|line| line.is_ok_and(|line| line.contains("SIGHUP"))));
    let told = tokio::time::timeout(PATIENCE, told)
        .await
        .expect("in time")
        .expect("no panic");
    assert!(told, "it ended without a word");
    assert!(program.try_wait().expect("a state").is_none(), "it still runs");
    program.kill().expect("an end");
    program.wait().expect("an end");
}

#[tokio::test]
async fn files_that_are_no_pair_keep_the_server_from_starting() {
    let (authority, files) = (Authority::new(), Files::new());
    let refuse = async || {
        let directory = TempDir::new().expect("a folder");
        let config = crate::harness::config(&directory, &files.settings("60"));
        let app = Box::pin(talia_voice::app::App::build(config, talia_voice::clock::Clock::real()))
            .await
            .expect("an app");
        Tls::new(&app).expect_err("no certificate").to_string()
    };
    let missing = refuse().await;
    assert!(missing.contains("chain.pem"), "{missing}");
    let (one, other) = (authority.issue(HOST), authority.issue(HOST));
    std::fs::write(&files.certificate, &one.chain_pem).expect("a file");
    std::fs::write(&files.key, &other.key_pem).expect("a file");
    assert!(refuse().await.starts_with("certificate and key are no pair"));
    std::fs::write(&files.certificate, "").expect("a file");
    assert_eq!(refuse().await, "there is no certificate in the file");
}

#[tokio::test]
async fn what_is_no_tls_is_refused_and_what_is_slow_is_cut_off() {
    let (authority, files) = (Authority::new(), Files::new());
    authority.issue(HOST).write(&files.certificate, &files.key);
    let [certificate, key, check] = files.settings("60");
    let (server, _) = TestServer::start_tls(&[certificate, key, check, ("TALIA_LIMITS__HEADER_TIMEOUT_S", "1")]).await;
    let plain = raw(server.address, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(plain.status, 0);
    let refused = || server.app.metrics.refused_count(Refusal::TlsHandshake);
    eventually("the plain request is counted", async || refused() == 1).await;
    let mut silent = TcpStream::connect(server.address).await.expect("a connection");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "a silent connection is still open");
    eventually("the silent one too", async || refused() == 2).await;
    assert!(ring(&server, &authority, &call_sid(0xA10)).await.contains("<Stream"));
}

fn acme_settings<'a>(acme: &'a Acme, folder: &'a Path) -> [(&'a str, &'a str); 3] {
    [
        ("TALIA_TLS__ACME_DIRECTORY", acme.directory_url.as_str()),
        ("TALIA_TLS__ACME_FOLDER", folder.to_str().expect("text")),
        ("TALIA_TLS__ACME_CONTACT", "operador@example.com"),
    ]
}

#[tokio::test]
async fn a_certificate_is_ordered_proved_used_and_kept() {
    let (acme, folder) = (Acme::start().await, TempDir::new().expect("a folder"));
    let folder = folder.path().join("acme");
    let (server, _) = TestServer::start_tls_at(&acme_settings(&acme, &folder), |address| acme.resolve(address)).await;
    eventually("a certificate that the authority vouches for", async || {
        greet(server.address, HOST, acme.authority.client()).await.is_ok()
    })
    .await;
    assert_eq!(acme.made(), (1, 1));
    assert!(
        ring(&server, &acme.authority, &call_sid(0xA20))
            .await
            .contains("<Stream")
    );
    assert!(server.app.metrics.certificate_expires.get() > 1_795_000_000);
    // Nobody is shown the proof once it was seen.
    assert!(greet(server.address, HOST, credulous(b"acme-tls/1")).await.is_err());
    let mut kept = 0;
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let mode = entry
            .expect("an entry")
            .metadata()
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        kept += 1;
    }
    assert_eq!(kept, 2, "the account and the certificate");
    let certificate = certificate_of(server.address).await.expect("a certificate");
    server.stopped().await;

    // After a restart nothing is ordered again.
    let (server, _) = TestServer::start_tls_at(&acme_settings(&acme, &folder), |address| acme.resolve(address)).await;
    eventually("the kept certificate", async || {
        certificate_of(server.address).await.as_ref() == Some(&certificate)
    })
    .await;
    assert_eq!(acme.made(), (1, 1));
}

#[tokio::test]
async fn an_order_that_fails_is_counted_and_the_server_stays() {
    let (acme, folder) = (Acme::start().await, TempDir::new().expect("a folder"));
    // The domain leads nowhere.
    let (server, _) = TestServer::start_tls_at(&acme_settings(&acme, folder.path()), |_| {}).await;
    let failed = || server.app.metrics.certificate_failed_count(CertificateFault::Order);
    eventually("the failure is counted", async || failed() == 1).await;
    assert_eq!(certificate_of(server.address).await, None);
    assert_eq!(acme.made(), (1, 1));
    let served = tokio::time::timeout(Duration::from_secs(10), server.stopped()).await;
    assert!(served.is_ok(), "it still stops");
}
