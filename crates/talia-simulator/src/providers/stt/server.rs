//! A fake recogniser on a port: accepts, checks, listens, misbehaves as planned.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header},
        protocol::CloseFrame,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    deepgram::Listen,
    dialect::{Dialect, Handshake, Refused, Said, Service},
    faults::{SttFault, SttPlan},
    flux::Flux,
    openai::Transcription,
    scribe::Scribe,
};
use crate::{providers::tone_words::Vocabulary, settings::Secret};

/// Whose fake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SttKind {
    /// Deepgram nova.
    Deepgram,
    /// Deepgram Flux.
    Flux,
    /// OpenAI's transcription.
    OpenAi,
    /// ElevenLabs Scribe.
    Scribe,
}

/// How a fake is set up.
#[derive(Debug, Clone)]
pub struct SttSettings {
    /// The key that it takes.
    pub key: Secret,
    /// What it can hear.
    pub vocabulary: Arc<Vocabulary>,
    /// How long Deepgram waits for audio or a KeepAlive: really 10 s.
    pub idle: Duration,
}

/// What one connection brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SttConnection {
    /// Why its handshake was refused, if it was.
    pub refused: Option<u16>,
    /// Why it was ended by the fake, if it was: the client's fault.
    pub violation: Option<String>,
    /// Bytes of audio.
    pub audio_bytes: u64,
    /// The parameters of its address.
    pub query: Vec<(String, String)>,
    /// Text messages that aren't audio, as they came.
    pub texts: Vec<String>,
    /// The first text message that is audio, as it came.
    pub audio_text: Option<String>,
    /// Whether it is over.
    pub is_over: bool,
}

/// A running fake; it ends when this is dropped.
#[derive(Debug)]
pub struct FakeStt {
    address: SocketAddr,
    plan: SttPlan,
    journal: Arc<Mutex<Vec<SttConnection>>>,
    stop: CancellationToken,
}

impl FakeStt {
    /// Serves on a free port of this machine.
    pub async fn start(kind: SttKind, settings: SttSettings) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let fake = Self {
            address: listener.local_addr()?,
            plan: SttPlan::default(),
            journal: Arc::default(),
            stop: CancellationToken::new(),
        };
        let service = Service {
            key: settings.key.expose().to_owned(),
            vocabulary: settings.vocabulary,
            idle: settings.idle,
        };
        let (plan, journal, stop) = (fake.plan.clone(), fake.journal.clone(), fake.stop.clone());
        tokio::spawn(async move {
            let connections = TaskTracker::new();
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                let number = with(&journal, |journal| {
                    journal.push(SttConnection::default());
                    journal.len() - 1
                });
                let served = Served {
                    kind,
                    service: service.clone(),
                    faults: plan.take(),
                    journal: journal.clone(),
                    number,
                };
                connections.spawn(stop.clone().run_until_cancelled_owned(served.run(stream)));
            }
        });
        Ok(fake)
    }

    /// Where it listens: the URL of an account.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it misbehaves.
    pub fn plan(&self) -> &SttPlan {
        &self.plan
    }

    /// Every connection so far, in order.
    pub fn journal(&self) -> Vec<SttConnection> {
        with(&self.journal, |journal| journal.clone())
    }
}

impl Drop for FakeStt {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn with<T>(journal: &Mutex<Vec<SttConnection>>, change: impl FnOnce(&mut Vec<SttConnection>) -> T) -> T {
    change(&mut journal.lock().unwrap_or_else(PoisonError::into_inner))
}

type Socket = WebSocketStream<TcpStream>;

struct Served {
    kind: SttKind,
    service: Service,
    faults: Vec<SttFault>,
    journal: Arc<Mutex<Vec<SttConnection>>>,
    number: usize,
}

/// What a connection comes to.
enum End {
    Reset,
    Close(u16, String),
    Gone,
}

impl Served {
    fn note(&self, change: impl FnOnce(&mut SttConnection)) {
        with(&self.journal, |journal| change(&mut journal[self.number]));
    }

    async fn run(self, stream: TcpStream) {
        // Small answers leave at once.
        drop(stream.set_nodelay(true));
        let mut dialect = None;
        #[expect(clippy::result_large_err, reason = "the shape of the WebSocket library's callback")]
        let check = |request: &Request, response: Response| {
            dialect = Some(self.accept(request)?);
            Ok(response)
        };
        let accepted = accept_hdr_async(stream, check).await;
        if let (Ok(mut socket), Some(mut dialect)) = (accepted, dialect) {
            match self.listen(&mut socket, dialect.as_mut()).await {
                End::Reset => drop(socket.get_ref().set_zero_linger()),
                End::Close(code, reason) => {
                    let frame = CloseFrame {
                        code: code.into(),
                        reason: reason.into(),
                    };
                    drop(timeout(Duration::from_secs(1), socket.close(Some(frame))).await);
                }
                End::Gone => {}
            }
        }
        self.note(|connection| connection.is_over = true);
    }

    #[expect(clippy::result_large_err, reason = "the shape of the WebSocket library's callback")]
    fn accept(&self, request: &Request) -> Result<Box<dyn Dialect>, ErrorResponse> {
        let shake = Handshake {
            path: request.uri().path().to_owned(),
            query: form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
        };
        self.note(|connection| connection.query.clone_from(&shake.query));
        for fault in &self.faults {
            match fault {
                SttFault::Refuse { status, retry_after } => {
                    return Err(self.refuse(*status, "planned", *retry_after));
                }
                SttFault::Html => return Err(self.refuse(200, "<html><body>Welcome</body></html>", None)),
                _ => {}
            }
        }
        let accepted: Result<Box<dyn Dialect>, Refused> = match self.kind {
            SttKind::Deepgram => Listen::accept(&self.service, &shake).map(|dialect| Box::new(dialect) as _),
            SttKind::Flux => Flux::accept(&self.service, &shake).map(|dialect| Box::new(dialect) as _),
            SttKind::OpenAi => Transcription::accept(&self.service, &shake).map(|dialect| Box::new(dialect) as _),
            SttKind::Scribe => Scribe::accept(&self.service, &shake).map(|dialect| Box::new(dialect) as _),
        };
        accepted.map_err(|refused| {
            self.note(|connection| connection.violation = Some(refused.reason.clone()));
            self.refuse(refused.status, &refused.reason, None)
        })
    }

    fn refuse(&self, status: u16, body: &str, retry_after: Option<u32>) -> ErrorResponse {
        self.note(|connection| connection.refused = Some(status));
        let mut answer = ErrorResponse::new(Some(body.to_owned()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        if let Some(seconds) = retry_after {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    async fn listen(&self, socket: &mut Socket, dialect: &mut dyn Dialect) -> End {
        let mut held: Option<Said> = None;
        let mut said_first = false;
        let opened = dialect.opened();
        if self.say_all(socket, opened, &mut held).await.is_err() {
            return End::Gone;
        }
        loop {
            let next = match dialect.idle() {
                Some((idle, code)) => {
                    let Ok(next) = timeout(idle, socket.next()).await else {
                        self.note(|connection| connection.violation = Some("nothing came for too long".to_owned()));
                        return End::Close(code, "NET-0001".to_owned());
                    };
                    next
                }
                None => socket.next().await,
            };
            let Some(Ok(message)) = next else { return End::Gone };
            let answer = match &message {
                Message::Text(text) => {
                    let answer = dialect.text(text);
                    let is_audio = ["\"audio\":\"", "\"audio_base_64\":\""]
                        .iter()
                        .any(|field| text.split_once(field).is_some_and(|(_, value)| !value.starts_with('"')));
                    self.note(|connection| {
                        if !is_audio {
                            connection.texts.push(text.as_str().to_owned());
                        } else if connection.audio_text.is_none() {
                            connection.audio_text = Some(text.as_str().to_owned());
                        }
                    });
                    answer
                }
                Message::Binary(bytes) => dialect.binary(bytes),
                Message::Close(_) => {
                    // The answer to it waits to be written.
                    drop(socket.flush().await);
                    return End::Gone;
                }
                _ => continue,
            };
            let bytes = dialect.audio_bytes();
            self.note(|connection| connection.audio_bytes = bytes);
            let mut said = match answer {
                Ok(said) => said,
                Err(violation) => {
                    self.note(|connection| connection.violation = Some(violation.reason.clone()));
                    return End::Close(violation.close_code, violation.reason);
                }
            };
            for fault in &self.faults {
                match fault {
                    SttFault::CutAt(at) if bytes >= *at => return End::Reset,
                    SttFault::HalfOpenAt(at) if bytes >= *at => std::future::pending().await,
                    SttFault::MuteAt(at) if bytes >= *at => said.clear(),
                    SttFault::CloseAt(at, code) if bytes >= *at => return End::Close(*code, String::new()),
                    SttFault::SlowReads(rate) => {
                        sleep(Duration::from_secs_f64(message.len() as f64 / f64::from(*rate))).await;
                    }
                    SttFault::Say(texts) if bytes > 0 && !said_first => {
                        for text in texts {
                            if socket.send(Message::text(text.clone())).await.is_err() {
                                return End::Gone;
                            }
                        }
                    }
                    SttFault::CutUtf8 if bytes > 0 && !said_first => {
                        // A whole text frame whose last character is cut: no WebSocket library would write it. Whether it
                        // still arrives shows with the next message.
                        drop(socket.get_mut().write_all(b"\x81\x0a{\"type\":\"\xc3").await);
                    }
                    _ => {}
                }
            }
            said_first |= bytes > 0;
            if self.say_all(socket, said, &mut held).await.is_err() {
                return End::Gone;
            }
        }
    }

    /// Says everything, final results as the faults want them.
    async fn say_all(&self, socket: &mut Socket, said: Vec<Said>, held: &mut Option<Said>) -> Result<(), ()> {
        let has = |fault: &SttFault| self.faults.contains(fault);
        for said in said {
            let mut texts = vec![said.text.clone()];
            if let Some(revised) = &said.revised {
                if has(&SttFault::RepeatFinals) {
                    texts.push(said.text.clone());
                }
                if has(&SttFault::ReviseFinals) {
                    texts.push(revised.clone());
                }
                if has(&SttFault::ReorderFinals) {
                    match held.take() {
                        None => {
                            *held = Some(said);
                            continue;
                        }
                        Some(earlier) => texts.push(earlier.text),
                    }
                }
            }
            for text in texts {
                socket.send(Message::text(text)).await.map_err(drop)?;
            }
        }
        Ok(())
    }
}
