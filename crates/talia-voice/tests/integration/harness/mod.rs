//! A server on a free port with its own database, and the two clients that Twilio is: one for HTTP, one for sockets.

mod acme;
mod api_document;
mod backend;
mod calls;
mod calls_out;
mod certificates;
mod collector;
mod database;
mod http;
mod mortal;
mod nats;
mod office;
mod postgres;
mod program;
mod proxy;
mod s3;
mod socket;
mod twilio_api;

pub(crate) use acme::Acme;
pub(crate) use api_document::{document, faults, judge};
pub(crate) use backend::Backend;
pub(crate) use calls::{BRIEF, CallServer, SAMPLES_A_LETTER, played_samples};
pub(crate) use calls_out::{CALLEE, CallsOut, OUR_NUMBER, prepared, wish};
pub(crate) use certificates::{Authority, credulous, greet, shown};
pub(crate) use collector::{Collector, Does, attributes};
pub(crate) use database::{Keeper, execute, rename};
pub(crate) use http::{Answer, raw};
pub(crate) use mortal::Mortal;
pub(crate) use nats::{NATS_PASSWORD, NatsServer, Published};
pub(crate) use office::Office;
pub(crate) use postgres::{Cluster, PASSWORD};
pub(crate) use program::{Said, program};
pub(crate) use proxy::Proxy;
pub(crate) use s3::{BUCKET, Mood, S3};
pub(crate) use socket::{CONNECTED, STREAM_SID, Stream, media, start, with_format};
pub(crate) use twilio_api::{Reply, TwilioApi};

use jiff::Timestamp;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::signature::{Algorithm, sign};
use talia_voice::app::App;
use talia_voice::clock::Clock;
use talia_voice::config::{Config, ConfigError, Sources};
use talia_voice::http::{Served, Tls, serve, serve_tls};
use talia_voice::store::Hold;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The token that everything is signed with.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The origin that Twilio is configured with; nobody listens there.
pub(crate) const ORIGIN: &str = "https://voz.example.com";
/// The account.
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server of one test.
pub(crate) struct TestServer {
    pub(crate) app: Arc<App>,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<Served>,
    _directory: TempDir,
}

/// A call's identifier from a number.
pub(crate) fn call_sid(number: u32) -> String {
    format!("CA{number:032x}")
}

/// The configuration of a test in `directory`, with more environment on top.
pub(crate) fn config(directory: &TempDir, more: &[(&str, &str)]) -> Config {
    try_config(directory, more).expect("a good configuration")
}

pub(crate) fn try_config(directory: &TempDir, more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = directory.path().join("talia.toml");
    // A setting of that name is the file itself: tables can't be set by variables.
    let text = more.iter().find(|(name, _)| *name == "talia.toml");
    std::fs::write(&file, text.map_or("", |(_, text)| text)).expect("a file");
    let database = Keeper::of_this_run().new_database(directory);
    // Where the database is a server's, its place would be ours.
    let spool = directory.path().join("spool").display().to_string();
    let mut environment: HashMap<String, String> = [
        ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
        ("TALIA_TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TALIA_PUBLIC_URL", ORIGIN),
        ("TALIA_DATABASE_URL", &database),
        ("TALIA_DATABASE__SPOOL", &spool),
        ("TALIA_SPEECH__ENGINES", "fixed-delay"),
    ]
    .into_iter()
    .chain(more.iter().copied())
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    environment.retain(|name, value| !value.is_empty() && name != "talia.toml");
    Config::load(&Sources {
        file: Some(file),
        environment,
    })
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], Clock::real()).await
    }

    pub(crate) async fn start_with(more: &[(&str, &str)], clock: Clock) -> Self {
        Self::start_edited(more, clock, |_| {}).await
    }

    /// None when these settings are no configuration.
    pub(crate) async fn try_start(more: &[(&str, &str)]) -> Option<Self> {
        let directory = TempDir::new().expect("a folder");
        let config = try_config(&directory, more).ok()?;
        Some(Self::serving(directory, config, Clock::real(), |_| {}).await)
    }

    /// With something of the server exchanged before it serves.
    pub(crate) async fn start_edited(more: &[(&str, &str)], clock: Clock, edit: impl FnOnce(&mut App)) -> Self {
        let directory = TempDir::new().expect("a folder");
        let config = config(&directory, more);
        Self::serving(directory, config, clock, edit).await
    }

    /// The same on a port that somebody had to know before.
    pub(crate) async fn start_on(
        listener: TcpListener,
        more: &[(&str, &str)],
        clock: Clock,
        edit: impl FnOnce(&mut App),
    ) -> Self {
        let directory = TempDir::new().expect("a folder");
        let config = config(&directory, more);
        Self::serving_on(listener, (directory, config), clock, edit).await
    }

    async fn serving(directory: TempDir, config: Config, clock: Clock, edit: impl FnOnce(&mut App)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serving_on(listener, (directory, config), clock, edit).await
    }

    pub(super) async fn serving_on(
        listener: TcpListener,
        (directory, config): (TempDir, Config),
        clock: Clock,
        edit: impl FnOnce(&mut App),
    ) -> Self {
        // Nobody's API is asked but a fake one that a test names.
        let is_real = config.twilio.api_url == talia_twilio::rest::API_URL;
        let mut app = Box::pin(App::build(config, clock)).await.expect("an app");
        let own = Arc::get_mut(&mut app).expect("nobody else has it yet");
        if is_real {
            own.rest = None;
        }
        edit(own);
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(app.clone(), listener, stop.clone().cancelled_owned()));
        Self {
            app,
            address,
            stop,
            served,
            _directory: directory,
        }
    }

    /// With TLS of its own, as these settings say.
    pub(crate) async fn start_tls(more: &[(&str, &str)]) -> (Self, Arc<Tls>) {
        Self::start_tls_at(more, |_| {}).await
    }

    /// The same; `at` is told the address before anything is served.
    pub(crate) async fn start_tls_at(more: &[(&str, &str)], at: impl FnOnce(SocketAddr)) -> (Self, Arc<Tls>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        at(listener.local_addr().expect("an address"));
        let (server, tls) = Self::start_bound(listener, more).await;
        (server, tls.expect("TLS"))
    }

    /// On a socket that is bound already, so that its settings can name its address; with TLS if they say so.
    pub(crate) async fn start_bound(listener: TcpListener, more: &[(&str, &str)]) -> (Self, Option<Arc<Tls>>) {
        let directory = TempDir::new().expect("a folder");
        let app = Box::pin(App::build(config(&directory, more), Clock::real()))
            .await
            .expect("an app");
        let tls = Tls::new(&app).expect("a certificate").map(Arc::new);
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let served = match tls.clone() {
            Some(tls) => tokio::spawn(serve_tls(app.clone(), listener, tls, stopped)),
            None => tokio::spawn(serve(app.clone(), listener, stopped)),
        };
        let server = Self {
            app,
            address,
            stop,
            served,
            _directory: directory,
        };
        (server, tls)
    }

    /// Another process holds the database against it, until that lets it go.
    pub(crate) async fn hold_database(&self) -> Hold {
        Hold::take(&self.app.config.database.url).await.expect("held")
    }

    /// Begins the graceful stop.
    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the end of the graceful stop.
    pub(crate) async fn stopped(self) -> Served {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.served)
            .await
            .expect("in time")
            .expect("no panic")
    }

    /// A POST signed as Twilio signs it.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let signature = signature(path, form);
        self.post_with(path, form, &[("X-Twilio-Signature", &signature)]).await
    }

    /// A POST with these headers.
    pub(crate) async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        http::post(self.address, path, &encode(form), headers).await
    }

    /// A POST of JSON to a path, with query, under this signature.
    pub(crate) async fn post_json(&self, target: &str, body: &str, signature: &str) -> Answer {
        http::post_json(self.address, target, body, signature).await
    }

    /// Any request: method and path, body, headers.
    pub(crate) async fn request(&self, what: (&str, &str), body: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = http::request(self.address, what, body, headers).await;
        judge(what, &answer);
        answer
    }

    /// A GET with these headers.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = http::get(self.address, path, headers).await;
        judge(("GET", path), &answer);
        answer
    }

    /// The first webhook of an inbound call.
    pub(crate) async fn ring(&self, call_sid: &str) -> Answer {
        self.post("/api/voice/inbound", &inbound_form(call_sid)).await
    }

    /// Rings, and waits until the call is written down: a webhook doesn't wait for a slow disk.
    pub(crate) async fn ring_and_keep(&self, call_sid: &str) {
        self.ring(call_sid).await;
        eventually("the call is written down", async || {
            self.app.store.call(call_sid).await.expect("a read").is_some()
        })
        .await;
    }

    /// Rings, and returns the path of the media socket.
    pub(crate) async fn ring_for_stream(&self, call_sid: &str) -> String {
        let answer = self.ring(call_sid).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        stream_path(&answer.body)
    }

    /// Rings and opens the stream.
    pub(crate) async fn ring_and_stream(&self, call_sid: &str) -> Stream {
        let path = self.ring_for_stream(call_sid).await;
        let mut stream = Stream::open(self.address, &path).await.expect("a socket");
        stream.send(socket::CONNECTED).await;
        stream.send(&start(call_sid)).await;
        stream
    }
}

/// The form of the first webhook of an inbound call.
pub(crate) fn inbound_form(call_sid: &str) -> [(&str, &str); 8] {
    [
        ("CallSid", call_sid),
        ("AccountSid", ACCOUNT),
        ("From", "+525512345678"),
        ("To", "+525587654321"),
        ("CallStatus", "ringing"),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
        ("CallerCity", ""),
    ]
}

/// The form of a status callback.
pub(crate) fn status_form<'a>(call_sid: &'a str, status: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("CallSid", call_sid),
        ("AccountSid", ACCOUNT),
        ("CallStatus", status),
        ("CallDuration", "42"),
        ("CallbackSource", "call-progress-events"),
    ]
}

/// Twilio's signature of a POST.
pub(crate) fn signature(path: &str, form: &[(&str, &str)]) -> String {
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    sign(TOKEN, Algorithm::HmacSha1, &format!("{ORIGIN}{path}"), &form)
}

/// The form as a body.
pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// The path of the stream that a document names.
pub(crate) fn stream_path(twiml: &str) -> String {
    let (_, rest) = twiml
        .split_once("<Stream url=\"wss://voz.example.com")
        .expect("a stream");
    rest.split('"').next().expect("an end").to_owned()
}

/// A fixed moment for manual clocks.
pub(crate) fn noon() -> Timestamp {
    "2026-11-24T18:00:00Z".parse().expect("a time")
}

/// Waits until it is so; a test that waits longer than its patience has failed.
pub(crate) async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let mut pulse = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !so().await {
            pulse.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
