//! A NATS server of a test's own, with JetStream in a temporary folder, on a free port of this machine.

use async_nats::jetstream::{self, consumer};
use futures::StreamExt;
use serde_json::Value;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// The user of a server that asks for one, and its password.
const USER: &str = "talia";
pub(crate) const NATS_PASSWORD: &str = "s3cr3t-of-nats";

/// A server, which ends with the test.
pub(crate) struct NatsServer {
    folder: TempDir,
    port: u16,
    running: Mutex<Option<Running>>,
}

struct Running {
    server: Child,
    /// Ends the server when we are killed: its input closes then.
    guard: Child,
}

impl Running {
    /// In this order, so that the guard never ends a process that isn't ours any more.
    fn end(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A message as it stands in a stream.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Published {
    /// The CloudEvent.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

impl NatsServer {
    /// One that lets everybody in.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With more lines of configuration.
    pub(crate) fn start_with(more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
        let server = Self {
            folder: TempDir::new().expect("a folder"),
            port: port.expect("an address").port(),
            running: Mutex::new(None),
        };
        server.start_again(more);
        server
    }

    /// Starts it where it was stopped, with these lines of configuration.
    pub(crate) fn start_again(&self, more: &str) {
        let folder = self.folder.path();
        let text = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\" }}\n{more}\n",
            self.port,
            folder.join("jetstream").display()
        );
        let file = folder.join("nats.conf");
        std::fs::write(&file, text).expect("a file");
        let said = std::fs::File::create(folder.join("log")).expect("a file");
        let server = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("the same file"))
            .stderr(said)
            .spawn()
            .expect("nats-server runs");
        let guard = Command::new("sh")
            .args(["-c", "trap '' INT TERM HUP; cat >/dev/null; kill -9 \"$0\""])
            .arg(server.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let mut running = Running { server, guard };
        for _ in 0..1_000 {
            if self.greets() {
                *self.running.lock().expect("no panic") = Some(running);
                return;
            }
            if running.server.try_wait().expect("a state").is_some() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        running.end();
        let said = std::fs::read_to_string(folder.join("log")).expect("text");
        panic!("nats-server doesn't start: {said}");
    }

    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut first = [0; 5];
        let limit = stream.set_read_timeout(Some(Duration::from_secs(1)));
        limit.is_ok() && stream.read_exact(&mut first).is_ok() && &first == b"INFO "
    }

    /// Where it is, for who needs no password.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The same for who says this password.
    pub(crate) fn url_with(&self, password: &str) -> String {
        format!("nats://{USER}:{password}@127.0.0.1:{}", self.port)
    }

    /// Where its streams are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Kills it: no connection is ended in order.
    pub(crate) fn kill(&self) {
        if let Some(mut running) = self.running.lock().expect("no panic").take() {
            running.end();
        }
    }

    /// Lets it hang: its sockets stay, and nobody answers there.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let running = self.running.lock().expect("no panic");
        let id = running.as_ref().expect("it runs").server.id().to_string();
        let done = Command::new("kill").args([name, &id]).status().expect("kill");
        assert!(done.success());
    }

    /// JetStream as somebody else sees it, who says this password if one is needed.
    pub(crate) async fn jetstream(&self, password: Option<&str>) -> jetstream::Context {
        // What stands in the address is not used by the client itself.
        let options = match password {
            Some(password) => async_nats::ConnectOptions::with_user_and_password(USER.to_owned(), password.to_owned()),
            None => async_nats::ConnectOptions::new(),
        };
        jetstream::new(options.connect(self.url()).await.expect("a connection"))
    }

    /// How many messages the stream holds; 0 while it isn't there.
    pub(crate) async fn count(&self, context: &jetstream::Context) -> u64 {
        match context.get_stream("TALIA").await {
            Ok(stream) => stream.cached_info().state.messages,
            Err(_) => 0,
        }
    }

    /// All messages of the stream, in its order.
    pub(crate) async fn published(&self, context: &jetstream::Context) -> Vec<Published> {
        let stream = context.get_stream("TALIA").await.expect("a stream");
        let wanted = stream.cached_info().state.messages as usize;
        if wanted == 0 {
            return Vec::new();
        }
        let all = consumer::pull::Config {
            ack_policy: consumer::AckPolicy::None,
            ..Default::default()
        };
        let consumer = stream.create_consumer(all).await.expect("a consumer");
        let messages = consumer
            .fetch()
            .max_messages(wanted)
            .messages()
            .await
            .expect("messages");
        let messages: Vec<_> = messages.collect().await;
        assert_eq!(messages.len(), wanted);
        let read = |message: Result<jetstream::Message, _>| {
            let message = message.unwrap_or_else(|_| panic!("a message"));
            let header = |name: &str| {
                let headers = message.headers.as_ref().expect("headers");
                headers.get(name).expect("a header").as_str().to_owned()
            };
            Published {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id"),
                content_type: header("Content-Type"),
                text: String::from_utf8(message.payload.to_vec()).expect("text"),
            }
        };
        messages.into_iter().map(read).collect()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `scripts/setup.sh test` puts it.
fn program() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let program = cache.expect("a home folder").join("talia-voice/judges/bin/nats-server");
    assert!(program.exists(), "nats-server is missing: run scripts/setup.sh test");
    program
}
