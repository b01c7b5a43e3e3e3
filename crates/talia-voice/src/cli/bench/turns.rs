//! Our own share of a turn: whole calls through the server against providers of fixed delays, and what turns took beyond those.

use crate::{
    app::App,
    clock::Clock,
    config::{Config, Sources},
    http,
    line::paths,
    store::TurnRow,
};
use anyhow::{Result, ensure};
use std::{sync::Arc, time::Duration};
use talia_simulator::{
    lines::PreparedScript,
    load::{self, LoadPlan, LoadReport},
    measure::Distribution,
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
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const CALLER: &str = include_str!("../../../../../callers/turns.toml");
/// What the caller's words are made of.
const WORDS: &str = "quiero bajar mi recibo es una casa grande pago mucho de luz";
/// From a question to the model's whole answer.
const THINKS: Duration = Duration::from_millis(300);
/// From a sentence to its first audio.
const SPEAKS: Duration = Duration::from_millis(80);
const ACCOUNT: &str = "AC00000000000000000000000000000000";
const SECRET: &str = "only-in-this-process";
const PUBLIC_ORIGIN: &str = "https://talia.example";

/// The services: a recogniser that answers at once, a model and a voice of fixed delays.
struct Services {
    ears: FakeStt,
    brain: ChatCompletions,
    mouth: FakeVoice,
}

impl Services {
    async fn start(vocabulary: Arc<Vocabulary>) -> Result<Self> {
        let settings = SttSettings {
            key: Secret::new(SECRET),
            vocabulary,
            idle: Duration::from_secs(10),
        };
        let services = Self {
            ears: FakeStt::start(SttKind::Deepgram, settings).await?,
            brain: ChatCompletions::start(SECRET).await?,
            mouth: FakeVoice::elevenlabs(SECRET).await?,
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

    fn configuration(&self, calls: usize, folder: &TempDir) -> String {
        format!(
            "[server]\npublic_url = \"{PUBLIC_ORIGIN}\"\n\
             [twilio]\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"{SECRET}\"\n\
             [database]\nurl = \"sqlite:{database}\"\n\
             [limits]\nmax_calls = {most}\n\
             [speech]\nengines = \"fixed-delay\"\nears = \"deepgram\"\nmouth = \"elevenlabs\"\n\
             [brain]\nchain = \"model, script\"\n\
             [accounts.deepgram]\nurl = \"{ears}\"\nkey = \"{SECRET}\"\n\
             [accounts.elevenlabs]\nurl = \"{mouth}\"\nkey = \"{SECRET}\"\n\
             [accounts.model]\nurl = \"{brain}\"\nkey = \"{SECRET}\"\n\
             [providers.elevenlabs]\nvoice = \"v\"\n\
             [providers.model]\nkind = \"openai-chat\"\naccount = \"model\"\nmodel = \"m\"\n\
             [telemetry]\nlog = \"error\"\n",
            database = folder.path().join("talia.db").display(),
            most = calls + 10,
            ears = self.ears.url(),
            mouth = self.mouth.url(),
            brain = self.brain.url(),
        )
    }
}

/// Rings `calls` at once and prints what their turns took beyond the providers' time.
pub(super) async fn run(calls: usize) -> Result<()> {
    let vocabulary = Arc::new(Vocabulary::of(&[WORDS]));
    let services = Services::start(vocabulary.clone()).await?;
    let folder = TempDir::new()?;
    let file = folder.path().join("talia.toml");
    std::fs::write(&file, services.configuration(calls, &folder))?;
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    let app = App::build(Config::load(&sources)?, Clock::real()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut settings = CarrierSettings::new(
        AccountSid::new(ACCOUNT)?,
        Secret::new(SECRET),
        PUBLIC_ORIGIN,
        paths::INBOUND,
    );
    settings.dial_origin = Some(format!("http://{}", listener.local_addr()?));
    settings.keep_audio = false;
    settings.log_marks = false;
    let stop = CancellationToken::new();
    let server = tokio::spawn(http::serve(app.clone(), listener, stop.clone().cancelled_owned()));
    let speaker = ToneWordSpeaker(vocabulary);
    let plan = LoadPlan {
        settings,
        script: Arc::new(PreparedScript::new(Script::parse(CALLER)?, &speaker).await?),
        cut_ms: None,
        calls,
        shards: 1,
        ramp: Duration::from_secs(10),
        to: "+525550001000".to_owned(),
        server_pid: None,
        apart: None,
    };
    let report = load::run(plan).await?;
    let turns = turns(&app, calls).await?;
    stop.cancel();
    server.await?;
    ensure!(
        report.script_faults == 0,
        "{} callers were not served to their end",
        report.script_faults
    );
    print(&report, &turns);
    Ok(())
}

async fn turns(app: &App, calls: usize) -> Result<Vec<TurnRow>> {
    let mut turns = Vec::new();
    for call in app.store.recent_calls(u32::try_from(calls)?).await? {
        turns.extend(app.store.turns(&call.call_sid).await?);
    }
    ensure!(!turns.is_empty(), "no turn was kept");
    Ok(turns)
}

/// What a turn took from its end, or from the moment at which the model's answer to its words could be there, beyond the
/// time of model and voice; milliseconds. Below zero: the answer was made ahead.
fn own_share(turn: &TurnRow) -> f64 {
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let answer = turn.decided_ms.max(turn.transcribed_ms + ms(THINKS));
    (turn.first_frame_ms - answer - ms(SPEAKS)) as f64
}

fn print(report: &LoadReport, turns: &[TurnRow]) {
    println!(
        "{} calls, {} at once at most, {} turns; the model takes {} ms, the voice {} ms; callers, services and server \
         share this machine",
        report.calls,
        report.most_at_once,
        turns.len(),
        THINKS.as_millis(),
        SPEAKS.as_millis()
    );
    let spread = |of: fn(&TurnRow) -> f64| Distribution::of(turns.iter().map(of));
    println!("own share of a turn, ms        {}", spread(own_share));
    println!(
        "… of it, audio → frame, ms     {}",
        spread(|turn| (turn.first_frame_ms - turn.first_audio_ms) as f64)
    );
    println!(
        "speech end → words, ms         {}",
        spread(|turn| (turn.transcribed_ms - turn.speech_ended_ms) as f64)
    );
    println!(
        "speech end → decided, ms       {}",
        spread(|turn| (turn.decided_ms - turn.speech_ended_ms) as f64)
    );
    println!(
        "speech end → first frame, ms   {}",
        spread(|turn| (turn.first_frame_ms - turn.speech_ended_ms) as f64)
    );
    println!("outbound jitter, ms            {}", report.outbound_jitter_ms);
    println!("the callers' own lateness, ms  {}", report.own_lateness_ms);
    if report.generator_overloaded {
        println!("The callers were too busy or too late: these figures say nothing about the server.");
    }
}
