//! One model of the chain: where it is, how it is asked, and the task that reads its answer.

use super::chat_completions;
use super::race::AttemptId;
use super::request::{Delta, Request, Tokens, tokens_of};
use super::responses::{self, Hosted, Thread};
use super::sse::SseParser;
use crate::config::{Provider, ProviderKind};
use crate::outgoing::ClientError;
use crate::providers::{Fault, FaultClass, Health, Watch, post_json, streaming_client};
use crate::telemetry::Metrics;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What comes behind the end of an answer (what it took) is not waited for longer.
const AFTERWORD: Duration = Duration::from_secs(2);
/// A conversation that isn't made by then is not waited for.
const CONVERSATION: Duration = Duration::from_secs(4);

/// The models of a server, in the order in which they are asked; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Models(Arc<[Arc<Model>]>);

/// One model.
#[derive(Debug)]
pub struct Model {
    watch: Watch,
    metrics: Arc<Metrics>,
    client: reqwest::Client,
    url: String,
    key: Option<(HeaderName, HeaderValue)>,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    Chat { model: String },
    Responses(Hosted),
}

/// What a task tells of its request.
#[derive(Debug)]
pub struct Report {
    /// Which request; 0 for what belongs to none.
    pub attempt: AttemptId,
    pub news: News,
}

/// What there is to tell.
#[derive(Debug)]
pub enum News {
    /// A piece of the answer.
    Delta(Delta),
    /// It failed, or broke off.
    Failed(Fault),
    /// What it took, counted by us: the service did not tell.
    Estimated(Tokens),
    /// The service's conversation holds the answer, whose end comes next.
    Threaded(Thread),
    /// Nothing more will come.
    Over,
    /// The service has made a conversation for the call, ahead of need; none if it could not.
    Opened { link: usize, thread: Option<Thread> },
}

/// One request, with the conversation that it belongs to.
#[derive(Debug)]
pub struct Asked {
    pub attempt: AttemptId,
    pub request: Arc<Request>,
    /// A conversation of the service that holds what was said until now.
    pub thread: Option<Thread>,
}

impl Models {
    /// The models that a configuration names.
    pub fn new(providers: &[Provider], health: &Arc<Health>, metrics: &Arc<Metrics>) -> Result<Self, ClientError> {
        // One client for all: its connections are kept by host.
        let client = streaming_client()?;
        let models = providers
            .iter()
            .filter_map(|provider| Model::new(provider, &client, (health, metrics)));
        Ok(Self(models.map(Arc::new).collect()))
    }

    /// Whether nobody is there to be asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The model at this place of the chain.
    pub fn get(&self, place: usize) -> Option<&Arc<Model>> {
        self.0.get(place)
    }

    /// The places of those that are well.
    pub fn available(&self) -> Vec<usize> {
        let models = self.0.iter().enumerate();
        models
            .filter(|(_, model)| model.watch.is_available())
            .map(|(place, _)| place)
            .collect()
    }

    /// Opens a connection to whoever will be asked first: the telephone still rings.
    pub fn warm(&self) {
        if let Some(model) = self.available().first().and_then(|place| self.get(*place)) {
            let model = model.clone();
            tokio::spawn(async move { model.connect().await });
        }
    }

    /// Probes whoever has failed, until `stop`, so that no call has to.
    pub fn probe_until(&self, stop: &CancellationToken) {
        for model in self.0.iter().cloned() {
            let watch = model.watch.clone();
            tokio::spawn(watch.probe_when_due(stop.clone(), move || model.clone().probe()));
        }
    }
}

impl Model {
    fn new(
        provider: &Provider,
        client: &reqwest::Client,
        (health, metrics): (&Arc<Health>, &Arc<Metrics>),
    ) -> Option<Self> {
        let protocol = match provider.kind {
            ProviderKind::OpenAiChat => Protocol::Chat {
                model: provider.model.clone()?,
            },
            ProviderKind::OpenAiResponses => Protocol::Responses(Hosted {
                prompt: provider.prompt.clone(),
                version: provider.prompt_version.clone(),
                model: provider.model.clone(),
            }),
            _ => return None,
        };
        let key = provider.account.key.as_ref().and_then(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok()?;
            value.set_sensitive(true);
            Some((AUTHORIZATION, value))
        });
        Some(Self {
            watch: health.watch(&provider.name),
            metrics: metrics.clone(),
            client: client.clone(),
            url: provider.account.url.clone(),
            key,
            protocol,
        })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        self.watch.name()
    }

    /// It did what it was asked to.
    pub fn succeeded(&self) {
        self.watch.succeeded();
    }

    /// It failed.
    pub fn failed(&self, fault: &Fault) {
        self.watch.failed(fault);
    }

    /// Whether the service keeps the conversation.
    pub fn keeps_threads(&self) -> bool {
        matches!(self.protocol, Protocol::Responses(_))
    }

    async fn connect(&self) {
        let mut request = self.client.get(format!("{}/v1/models", self.url)).timeout(CONVERSATION);
        if let Some((name, value)) = &self.key {
            request = request.header(name, value);
        }
        // What it answers is nobody's business: the connection stays open.
        if let Ok(answer) = request.send().await {
            let _ = answer.bytes().await;
        }
    }

    async fn probe(self: Arc<Self>) -> Result<(), Fault> {
        let request = Request {
            instructions: "Answer with one word.".into(),
            items: vec![super::request::Item::Caller("Hola".to_owned())],
            context: "[]".to_owned(),
            tools: Arc::new([]),
            longest: 16,
        };
        let (reports, mut answer) = mpsc::channel(16);
        let asked = Asked {
            attempt: AttemptId(0),
            request: Arc::new(request),
            thread: None,
        };
        let reading = self.read(&asked, &reports);
        tokio::pin!(reading);
        loop {
            tokio::select! {
                read = &mut reading => return read,
                Some(report) = answer.recv() => {
                    if matches!(report.news, News::Delta(Delta::Text(_) | Delta::End)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Makes a conversation that the service keeps.
    pub async fn open_thread(&self, instructions: &str) -> Result<Thread, Fault> {
        let Protocol::Responses(hosted) = &self.protocol else {
            return Err(Fault::new(FaultClass::Terminal, "keeps no conversations"));
        };
        let url = format!("{}{}", self.url, responses::CONVERSATIONS);
        let making = async {
            let answer = post_json(&self.client, &url, self.key.clone(), &hosted.conversation(instructions)).await?;
            let made = answer
                .bytes()
                .await
                .map_err(|_| Fault::transient("a conversation's answer broke off"))?;
            let made: Value = serde_json::from_slice(&made).map_err(|_| Fault::malformed("no conversation"))?;
            let id = made["id"]
                .as_str()
                .ok_or(Fault::malformed("a conversation without id"))?;
            Ok(Thread::new(id.to_owned()))
        };
        timeout(CONVERSATION, making)
            .await
            .unwrap_or(Err(Fault::transient("no conversation in time")))
    }

    /// Asks, and reports all that comes until the answer is complete or nobody listens.
    pub async fn answer(self: Arc<Self>, asked: Asked, reports: mpsc::Sender<Report>) {
        let news = self
            .read(&asked, &reports)
            .await
            .map_or_else(News::Failed, |()| News::Over);
        let attempt = asked.attempt;
        let _ = reports.send(Report { attempt, news }).await;
    }

    async fn read(&self, asked: &Asked, reports: &mpsc::Sender<Report>) -> Result<(), Fault> {
        let request = &asked.request;
        let (path, body, thread) = match &self.protocol {
            Protocol::Chat { model } => (chat_completions::PATH, chat_completions::body(model, request), None),
            Protocol::Responses(hosted) => {
                let fitting = asked
                    .thread
                    .clone()
                    .filter(|thread| thread.missing(&request.items).is_some());
                let thread = match fitting {
                    Some(thread) => thread,
                    None => self.open_thread(&request.instructions).await?,
                };
                let missing = thread.missing(&request.items).unwrap_or(&request.items);
                let body = hosted.body(request, &thread.id, missing);
                (responses::PATH, body, Some(thread))
            }
        };
        let url = format!("{}{path}", self.url);
        let mut answer = post_json(&self.client, &url, self.key.clone(), &body).await?;
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(Fault::malformed("the answer is no event stream"));
        }
        let mut reader = match thread {
            None => Reader::Chat(chat_completions::Reader::new(format!("call_{}", asked.attempt.0))),
            Some(thread) => Reader::Responses(Box::default(), thread),
        };
        let mut parser = SseParser::default();
        let (mut events, mut deltas) = (Vec::new(), Vec::new());
        let mut tally = Tally::default();
        loop {
            let chunk = if tally.ended {
                timeout(AFTERWORD, answer.chunk()).await.unwrap_or(Ok(None))
            } else {
                answer.chunk().await
            };
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(_) if tally.ended => None,
                Err(_) => return Err(Fault::transient("the answer broke off")),
            };
            let Some(bytes) = chunk else { break };
            parser
                .push(&bytes, &mut events)
                .map_err(|_| Fault::malformed("an event has no end"))?;
            let mut over = false;
            for event in events.drain(..) {
                over |= reader.read(&event.data, &mut deltas)?;
            }
            for _ in 0..reader.take_unknown() {
                self.metrics.provider_unknown_event(self.name());
            }
            for delta in deltas.drain(..) {
                tally.count(&delta);
                let thread = (delta == Delta::End).then(|| reader.thread(request)).flatten();
                for news in thread.map(News::Threaded).into_iter().chain([News::Delta(delta)]) {
                    if reports
                        .send(Report {
                            attempt: asked.attempt,
                            news,
                        })
                        .await
                        .is_err()
                    {
                        return Ok(());
                    }
                }
            }
            if over {
                break;
            }
        }
        if !tally.ended {
            return Err(Fault::transient("the answer broke off"));
        }
        if !tally.told {
            let news = News::Estimated(Tokens {
                input: request.estimated_tokens(),
                cached: 0,
                output: tokens_of(tally.bytes),
            });
            let _ = reports
                .send(Report {
                    attempt: asked.attempt,
                    news,
                })
                .await;
        }
        Ok(())
    }
}

/// What an answer has had until now.
#[derive(Default)]
struct Tally {
    ended: bool,
    told: bool,
    bytes: usize,
}

impl Tally {
    fn count(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) => self.bytes += text.len(),
            Delta::Call(call) => self.bytes += call.name.len() + call.arguments.len(),
            Delta::End => self.ended = true,
            Delta::Used(_) => self.told = true,
            Delta::Working => {}
        }
    }
}

enum Reader {
    Chat(chat_completions::Reader),
    Responses(Box<responses::Reader>, Thread),
}

impl Reader {
    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Fault> {
        match self {
            Self::Chat(reader) => reader.read(data, out),
            Self::Responses(reader, _) => reader.read(data, out),
        }
    }

    fn take_unknown(&mut self) -> u64 {
        match self {
            Self::Chat(_) => 0,
            Self::Responses(reader, _) => std::mem::take(&mut reader.unknown),
        }
    }

    fn thread(&self, request: &Request) -> Option<Thread> {
        match self {
            Self::Chat(_) => None,
            Self::Responses(reader, thread) => Some(thread.clone().after(&request.items, &reader.answer)),
        }
    }
}
