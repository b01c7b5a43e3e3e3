//! A cascade of services of fixed delays in this process, the server's configuration that leads to them, and that server.

use crate::{
    app::App,
    clock::Clock,
    config::{Config, Sources},
    http,
    line::paths,
};
use anyhow::Result;
use std::{net::SocketAddr, path::Path, path::PathBuf, sync::Arc, time::Duration};
use talia_simulator::{
    lines::PreparedScript,
    load::LoadPlan,
    providers::{
        models::{ChatCompletions, Part},
        stt::{FakeStt, SttKind, SttSettings},
        tone_words::{ToneWordSpeaker, Vocabulary},
        voices::{FakeVoice, Manner},
    },
    script::Script,
    settings::{CarrierSettings, Secret},
};
use talia_twilio::AccountSid;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const CALLER: &str = include_str!("../../../../../callers/turns.toml");
/// What the caller's words are made of.
const WORDS: &str = "quiero bajar mi recibo es una casa grande pago mucho de luz";
/// From a question to the model's whole answer.
pub(super) const THINKS: Duration = Duration::from_millis(300);
/// From a sentence to its first audio.
pub(super) const SPEAKS: Duration = Duration::from_millis(80);
const ACCOUNT: &str = "AC00000000000000000000000000000000";
const SECRET: &str = "only-in-this-process";
const PUBLIC_ORIGIN: &str = "https://talia.example";

/// A server in this process.
pub(super) struct Serving {
    pub(super) app: Arc<App>,
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<http::Served>,
}

impl Serving {
    pub(super) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await?;
        Ok(())
    }
}

/// The services: a recogniser that answers at once, a model and a voice of fixed delays.
pub(super) struct Services {
    ears: FakeStt,
    brain: ChatCompletions,
    mouth: FakeVoice,
    vocabulary: Arc<Vocabulary>,
}

impl Services {
    pub(super) async fn start() -> Result<Self> {
        let vocabulary = Arc::new(Vocabulary::of(&[WORDS]));
        let settings = SttSettings {
            key: Secret::new(SECRET),
            vocabulary: vocabulary.clone(),
            idle: Duration::from_secs(10),
        };
        let services = Self {
            ears: FakeStt::start(SttKind::Deepgram, settings).await?,
            brain: ChatCompletions::start(SECRET).await?,
            mouth: FakeVoice::elevenlabs(SECRET).await?,
            vocabulary,
        };
        services.brain.mind.take_time(THINKS, Duration::ZERO);
        services.brain.mind.otherwise(vec![Part::say("✓ Claro. ¿Qué más?")]);
        services.mouth.set(Manner {
            first_audio: SPEAKS,
            pace: 0.0,
            ..Manner::default()
        });
        Ok(services)
    }

    /// Writes the file of a server that takes `calls` at once, on this address, with everything it keeps in `folder`, or its rows
    /// in `database`.
    pub(super) fn configure(
        &self,
        calls: usize,
        bind: SocketAddr,
        (folder, database): (&TempDir, Option<&str>),
    ) -> Result<PathBuf> {
        let folder = folder.path();
        let sqlite = || format!("sqlite:{}", folder.join("talia.db").display());
        let database = database.map_or_else(sqlite, str::to_owned);
        let file = folder.join("talia.toml");
        std::fs::write(&file, self.configuration(calls, bind, (folder, &database)))?;
        Ok(file)
    }

    /// Such a server in this process, on a port of its own.
    pub(super) async fn serve(&self, calls: usize, kept: (&TempDir, Option<&str>)) -> Result<Serving> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sources = Sources {
            file: Some(self.configure(calls, address, kept)?),
            ..Sources::default()
        };
        let app = Box::pin(App::build(Config::load(&sources)?, Clock::real())).await?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(http::serve(app.clone(), listener, stop.clone().cancelled_owned()));
        Ok(Serving {
            app,
            address,
            stop,
            task,
        })
    }

    fn configuration(&self, calls: usize, bind: SocketAddr, (folder, database): (&Path, &str)) -> String {
        format!(
            "[server]\npublic_url = \"{PUBLIC_ORIGIN}\"\nbind = \"{bind}\"\n\
             [twilio]\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"{SECRET}\"\n\
             [database]\nurl = \"{database}\"\n\
             [models]\ndirectory = \"{models}\"\n\
             [limits]\nmax_calls = {most}\n\
             [speech]\nengines = \"fixed-delay\"\nears = \"deepgram\"\nmouth = \"elevenlabs\"\n\
             [brain]\nchain = \"model, script\"\n\
             [accounts.deepgram]\nurl = \"{ears}\"\nkey = \"{SECRET}\"\n\
             [accounts.elevenlabs]\nurl = \"{mouth}\"\nkey = \"{SECRET}\"\n\
             [accounts.model]\nurl = \"{brain}\"\nkey = \"{SECRET}\"\n\
             [providers.elevenlabs]\nvoice = \"v\"\n\
             [providers.model]\nkind = \"openai-chat\"\naccount = \"model\"\nmodel = \"m\"\n\
             [telemetry]\nlog = \"error\"\n",
            models = folder.join("models").display(),
            most = calls + 10,
            ears = self.ears.url(),
            mouth = self.mouth.url(),
            brain = self.brain.url(),
        )
    }

    /// `calls` at once to the server on this address.
    pub(super) async fn plan(&self, calls: usize, address: SocketAddr) -> Result<LoadPlan> {
        let mut settings = CarrierSettings::new(
            AccountSid::new(ACCOUNT)?,
            Secret::new(SECRET),
            PUBLIC_ORIGIN,
            paths::INBOUND,
        );
        settings.dial_origin = Some(format!("http://{address}"));
        settings.keep_audio = false;
        settings.log_marks = false;
        let speaker = ToneWordSpeaker(self.vocabulary.clone());
        Ok(LoadPlan {
            settings,
            script: Arc::new(PreparedScript::new(Script::parse(CALLER)?, &speaker).await?),
            cut_ms: None,
            calls,
            shards: 1,
            ramp: Duration::from_secs(10),
            to: "+525550001000".to_owned(),
            server_pid: None,
            apart: None,
        })
    }
}
