//! Everything a call needs, built once from the configuration.

use crate::brain::llm::Models;
use crate::brain::realtime;
use crate::brain::script::{AssistantError, Assistants};
use crate::brain::tools::{ToolError, Tools};
use crate::call::live::LiveItem;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Control;
use crate::ears::early::{self, EarlyEars};
use crate::ears::stream::session::Chain;
use crate::engines::SpeechEngines;
use crate::events::{Relays, RelaysError};
use crate::line::{Lately, LiveCalls, OwnSignatures, Repeats, StreamTokens, TwilioRest};
use crate::outgoing::nats::NatsError;
use crate::outgoing::{ClientError, SystemLookup};
use crate::privacy::{self, Eraser, Mask};
use crate::providers::Health;
use crate::recordings::{Archive, Bell, Bucket, BucketError, Folder, FolderError, Shelf, Uploads, close_in_time};
use crate::store::{SpoolSettings, Store, StoreError, StoreSettings};
use crate::telemetry::{Metrics, Traces};
use secrecy::ExposeSecret;
use std::sync::Arc;
use talia_spanish::Language;
use talia_speech::EngineError;
use talia_twilio::signature::{AuthTokens, ClassicSignatures, EmptySecret, Validator};
use thiserror::Error;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Live events that a slow watcher may be behind.
const LIVE_EVENTS: usize = 1_024;

/// What is shared by all calls and requests.
#[derive(Debug)]
pub struct App {
    /// As checked at the start.
    pub config: Config,
    /// The only source of time.
    pub clock: Clock,
    /// Calls, words, leads, events.
    pub store: Store,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where calls leave their spans.
    pub traces: Traces,
    /// What carries events outside.
    pub relays: Relays,
    /// Tells Twilio from everybody else.
    pub validator: Validator,
    /// Twilio's REST API; none without an account.
    pub rest: Option<TwilioRest>,
    /// Tells our own front door from everybody else.
    pub own_signatures: OwnSignatures,
    /// The one-time keys of media sockets.
    pub tokens: StreamTokens,
    /// What this node knows of its calls without the database.
    pub lately: Lately,
    /// What repeated webhooks were answered.
    pub repeats: Repeats,
    /// The calls whose media stream is open.
    pub live: LiveCalls,
    /// Tasks of calls: the server waits for them when it stops.
    pub calls: TaskTracker,
    /// Cancelled when the server begins to stop: no new calls, and live calls come to their end.
    pub draining: CancellationToken,
    /// What every call hears and speaks with.
    pub engines: SpeechEngines,
    /// Recognisers' streams that wait for calls whose phone still rings.
    pub early_ears: Arc<EarlyEars>,
    /// How the engines of others are doing.
    pub health: Arc<Health>,
    /// The speech-to-speech engine that calls begin with; the models stand behind it.
    pub realtime: Option<realtime::Service>,
    /// The models that think, by the configuration's order.
    pub models: Models,
    /// The conversations, by the number called.
    pub assistants: Assistants,
    /// Where calls are recorded; none: nowhere.
    pub archive: Option<Arc<Archive>>,
    /// Where recordings are found again.
    pub shelf: Shelf,
    /// Carries recordings into the bucket.
    pub uploads: Uploads,
    /// Tells live calls on other nodes what to do.
    pub control: Control,
    /// Erases calls.
    pub eraser: Eraser,
    /// Masks what is kept of calls.
    pub mask: Arc<Mask>,
    /// What models may use beside speaking.
    pub tools: Arc<Tools>,
    /// What happens in calls as it happens, for whoever watches.
    pub live_feed: broadcast::Sender<LiveItem>,
}

/// Why the server can't start.
#[derive(Debug, Error)]
pub enum AppError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret of the configuration.
    #[error("twilio.auth_token: {0}")]
    Secret(#[from] EmptySecret),
    /// A conversation.
    #[error(transparent)]
    Assistant(#[from] AssistantError),
    /// A speech model or engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A tool of the configuration.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The folder of recordings.
    #[error(transparent)]
    Recordings(#[from] FolderError),
    /// The bucket of recordings.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The client for requests of ours.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What the configuration says of NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// A place that is told of events.
    #[error(transparent)]
    Relays(#[from] RelaysError),
}

impl App {
    /// The speech-to-speech engine, while it is well: then nobody else has to hear and think.
    pub fn speaks_by_itself(&self) -> Option<&realtime::Service> {
        self.realtime.as_ref().filter(|service| service.is_available())
    }

    /// Opens the database and wires everything.
    pub async fn build(config: Config, clock: Clock) -> Result<Arc<Self>, AppError> {
        let metrics = Arc::new(Metrics::default());
        let settings = StoreSettings {
            url: config.database.url.clone(),
            max_size_mib: config.database.max_size_mib,
            spool: config
                .database
                .spool
                .clone()
                .map(|(folder, limit)| SpoolSettings { folder, limit }),
            backlog: config.database.backlog,
            feed_buffer: config.events.feed_buffer,
        };
        let mut tokens = AuthTokens::new(config.twilio.auth_token.expose_secret())?;
        if let Some(next) = &config.twilio.auth_token_next {
            tokens = tokens.with_next(next.expose_secret())?;
        }
        let mut validator = Validator::new(tokens);
        for key in &config.twilio.shared_keys {
            validator = validator.with_shared_key(key.clone(), ClassicSignatures::Accepted);
        }
        let (bucket, bell) = (
            config.recordings.bucket.as_ref().map(Bucket::open).transpose()?,
            Bell::default(),
        );
        let assistants = match &config.assistants.directory {
            Some(folder) => Assistants::load(folder)?,
            None => Assistants::built_in()?,
        };
        let assistants = if config.recordings.consent.is_some() {
            assistants.telling_of_recordings(&config.recordings)?
        } else {
            assistants
        };
        let tools = Arc::new(Tools::new(&config, Arc::new(SystemLookup))?);
        for assistant in assistants.all() {
            tools.check(assistant)?;
        }
        // A server of tools that is slow or gone doesn't keep ours from starting.
        let asking = tools.clone();
        tokio::spawn(async move { asking.refresh().await });
        let loading = config.clone();
        let loaded = tokio::task::spawn_blocking(move || SpeechEngines::load(&loading)).await;
        let engines = loaded.unwrap_or_else(|_| {
            Err(EngineError::Load {
                engine: "speech",
                reason: "the loading thread panicked".to_owned(),
            })
        })?;
        let health = Health::new(clock.clone(), metrics.clone());
        let draining = CancellationToken::new();
        let mut engines = engines.with_voices(&config, &health)?;
        engines.mouth.probe_until(&draining);
        engines.ears.streams = Chain::of(&config.speech.ears, &health, &clock, &metrics);
        if let Some(chain) = &engines.ears.streams {
            chain.probe(Language::Spanish, &draining);
        }
        let (live_feed, _) = broadcast::channel(LIVE_EVENTS);
        let store = Store::open(settings, clock.clone(), metrics.clone()).await?;
        let mut parts = config.parts.clone();
        parts.extend(assistants.all().iter().map(|assistant| {
            let name = format!("assistants/{}", assistant.id);
            (name, assistant.source_sha256.clone())
        }));
        if let Err(error) = store.audit_configuration(parts).await {
            // No caller is turned away for it.
            tracing::error!(%error, "the configuration could not be written into the audit trail");
        }
        let folder = Folder::new(&config.recordings.folder);
        let eraser = Eraser::new(store.clone(), folder.clone(), &config.database.url);
        let eraser = eraser.with_bucket(bucket.clone(), bell.clone());
        let shelf = Shelf::new(folder.clone(), bucket.clone());
        tokio::spawn(privacy::forget_in_time(
            (eraser.clone(), store.clone(), folder.clone()),
            config.retention.clone(),
            (clock.clone(), draining.clone()),
        ));
        tokio::spawn(close_in_time(
            store.clone(),
            Folder::new(&config.recordings.folder),
            (clock.clone(), metrics.clone()),
            draining.clone(),
        ));
        Ok(Arc::new(Self {
            relays: Relays::start(&config, &store, &clock, &metrics).await?,
            engines,
            assistants,
            tools,
            live_feed,
            eraser,
            control: Control::new(&config)?,
            mask: Arc::new(Mask::new(&config.privacy, metrics.clone())),
            archive: Archive::open(&config.recordings, &store, &clock, &metrics, &bell)?,
            uploads: Uploads::start((bucket, folder, bell), &store, (&clock, &metrics)),
            shelf,
            store,
            rest: TwilioRest::new(&config, clock.clone(), metrics.clone())?,
            validator,
            own_signatures: OwnSignatures::new(config.twilio.own_signatures.clone()),
            tokens: StreamTokens::new(clock.clone(), config.limits.token_ttl),
            lately: Lately::new(clock.clone()),
            repeats: Repeats::new(clock.clone()),
            models: Models::new(&config.thinkers.models, &health, &metrics)?,
            realtime: config
                .thinkers
                .realtime
                .clone()
                .map(|provider| realtime::Service::new(provider, &health)),
            health,
            traces: Traces::start(config.telemetry.traces.as_ref(), &metrics)?,
            live: LiveCalls::new(metrics.clone()),
            early_ears: EarlyEars::new(config.limits.max_calls, early::PATIENCE),
            calls: TaskTracker::new(),
            draining,
            config,
            clock,
            metrics,
        }))
    }
}
