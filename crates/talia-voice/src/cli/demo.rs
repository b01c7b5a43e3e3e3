//! `talia-voice demo`: a telephone conversation on this machine, from the first ring to the rows in the database.

use super::{
    Options,
    terminal::{self, Shown},
    voices::{LocalListener, LocalSpeaker},
};
use crate::{
    app::App,
    clock::Clock,
    config::{Config, Sources},
    http,
    line::paths,
};
use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use talia_dialogue::TurnTiming;
use talia_simulator::{
    caller::LiveInput,
    carrier::{CallPlan, Carrier},
    lines::{Line, PreparedScript},
    measure::Distribution,
    outcome::CallOutcome,
    recording,
    rest::RestApi,
    script::Script,
    settings::{CarrierSettings, Secret},
    speaker::Speaker,
};
use talia_spanish::Language;
use talia_twilio::AccountSid;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// The caller who rings when nobody types.
const CALLER: &str = include_str!("../../../../callers/demo.toml");
/// A caller whose lines come from the keyboard.
const TYPED: &str = "name = \"typed\"\n[[step]]\ndo = \"live\"\n";
/// Any account will do on this machine.
const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// What Twilio would dial and sign; it is reached at this machine's own address.
const PUBLIC_ORIGIN: &str = "https://talia.example";
/// A sentence whose audio is there so soon after its words was prepared ahead.
const READY: Duration = Duration::from_millis(30);
const FROM: &str = "+525512345678";
const TO: &str = "+525550001000";

/// Options of the demo.
#[derive(Debug, Clone, Args)]
pub(super) struct Demo {
    /// Type the caller's lines; they are spoken. An empty line hangs up.
    #[arg(long)]
    interactive: bool,
    /// Another caller's script.
    #[arg(long)]
    script: Option<PathBuf>,
    /// The number that is called: decides which assistant answers.
    #[arg(long, default_value = TO)]
    to: String,
    /// Where database, recording and log of the call go.
    #[arg(long, default_value = "data/demo")]
    folder: PathBuf,
}

impl Demo {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("no se puede crear {}", self.folder.display()))?;
        let clock = Clock::real();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        // Twilio's REST API, of which the server is told before there is a carrier.
        let api = TcpListener::bind("127.0.0.1:0").await?;
        let token = random_token()?;
        let config = Config::load(&self.sources(options, &token, api.local_addr()?))?;
        crate::telemetry::init_logs(&config.telemetry);
        println!("TalIA Voz: una llamada de prueba, sin red, sin cuenta y sin llaves.\n");
        let app = App::build(config, clock.clone()).await?;
        println!("  motores listos en {:.1} s", clock.elapsed().as_secs_f64());
        prepare(&app, &self.to).await?;

        let stop = CancellationToken::new();
        let server = tokio::spawn(http::serve(app.clone(), listener, stop.clone().cancelled_owned()));
        let (outcome, shown) = Box::pin(self.call(&app, &origin, (&token, api))).await?;
        report(&app, &outcome, &shown, &self.folder).await?;
        stop.cancel();
        server.await?;
        anyhow::ensure!(
            outcome.script_fault.is_none(),
            "el guion no llegó a su fin: {:?}",
            outcome.script_fault
        );
        Ok(())
    }

    /// The operator's configuration with this call's own address, secret and database.
    fn sources(&self, options: &Options, token: &str, api: SocketAddr) -> Sources {
        let mut sources = Sources::of_process(options.config.clone());
        let database = format!("sqlite:{}", self.folder.join("talia.db").display());
        let own = [
            ("TALIA_PUBLIC_URL", PUBLIC_ORIGIN.to_owned()),
            ("TALIA_TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
            ("TALIA_TWILIO_AUTH_TOKEN", token.to_owned()),
            ("TALIA_TWILIO__API_URL", format!("http://{api}")),
            ("TALIA_TWILIO_API_KEY_SID", String::new()),
            ("TALIA_TWILIO_API_KEY_SECRET", String::new()),
            ("TALIA_DATABASE_URL", database),
        ];
        sources
            .environment
            .extend(own.map(|(name, value)| (name.to_owned(), value)));
        sources
            .environment
            .entry("TALIA_LOG".to_owned())
            .or_insert_with(|| "warn".to_owned());
        sources
    }

    async fn call(
        &self,
        app: &Arc<App>,
        origin: &str,
        (token, api): (&str, TcpListener),
    ) -> Result<(CallOutcome, Shown)> {
        let language = app.assistants.for_number(&self.to).language;
        let default_voice = if language == Language::English {
            "af_heart"
        } else {
            "em_alex"
        };
        let speaker = Arc::new(LocalSpeaker {
            tts: app.engines.mouth.tts.clone(),
            default_voice: default_voice.to_owned(),
            language,
        });
        let script = match (&self.script, self.interactive) {
            (Some(path), _) => Script::load(path).with_context(|| path.display().to_string())?,
            (None, true) => Script::parse(TYPED)?,
            (None, false) => Script::parse(CALLER)?,
        };
        println!("  se preparan las frases del cliente…");
        let script = Arc::new(PreparedScript::new(script, speaker.as_ref()).await?);
        let account = AccountSid::new(ACCOUNT)?;
        let mut settings = CarrierSettings::new(account, Secret::new(token), PUBLIC_ORIGIN, paths::INBOUND);
        settings.dial_origin = Some(origin.to_owned());
        settings.status_url = Some(format!("{PUBLIC_ORIGIN}{}", paths::STATUS));
        let carrier = Carrier::new(settings)?;
        let _api = RestApi::serve(carrier.clone(), Vec::new(), api)?;
        let mut plan = CallPlan::new(FROM, &self.to, script);
        plan.listener = Some(Arc::new(LocalListener {
            stt: app.engines.ears.stt.clone(),
            language,
        }));
        if self.interactive {
            plan.live = Some(typed_lines(speaker));
            println!("\n  Escriba lo que dice el cliente y pulse Entrar. Una línea vacía cuelga.");
        }
        println!();
        let watching = tokio::spawn(terminal::show(app.live_feed.subscribe()));
        let outcome = carrier.dial(plan).await?;
        let shown = tokio::time::timeout(Duration::from_secs(5), watching)
            .await
            .ok()
            .and_then(Result::ok);
        Ok((outcome, shown.unwrap_or_default()))
    }
}

fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no hay números al azar: {error}"))?;
    Ok(bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// Only the assistant that answers: the others' phrases would make the first demo wait.
async fn prepare(app: &App, number: &str) -> Result<()> {
    let style = ProgressStyle::with_template("  frases fijas {bar:30} {pos}/{len}")?;
    let bar = ProgressBar::new(1).with_style(style);
    let prepared = app
        .engines
        .prepare(&[app.assistants.for_number(number).clone()], |ready, total| {
            bar.set_length(total as u64);
            bar.set_position(ready as u64);
        })
        .await?;
    bar.finish_and_clear();
    println!(
        "  frases fijas: {} guardadas de antes, {} hechas ahora",
        prepared.kept, prepared.made
    );
    Ok(())
}

/// Lines from the keyboard, spoken one by one.
fn typed_lines(speaker: Arc<LocalSpeaker>) -> mpsc::Receiver<LiveInput> {
    let (sender, receiver) = mpsc::channel(4);
    let (typed, mut lines) = mpsc::channel(4);
    // Reading a keyboard blocks until a key comes: a thread that the process's end takes with it.
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if line.trim().is_empty() || typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(text) = lines.recv().await {
            match speaker.speak(&text, None).await {
                Ok(samples) => {
                    if sender.send(LiveInput::Say(Line::new(text, &samples))).await.is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!("  {error}"),
            }
        }
        // The call may be over already.
        let _ = sender.send(LiveInput::HangUp).await;
    });
    receiver
}

async fn report(app: &App, outcome: &CallOutcome, shown: &Shown, folder: &Path) -> Result<()> {
    let call_sid = outcome.call_sid.as_str();
    let wav = folder.join(format!("{call_sid}.wav"));
    let log = folder.join(format!("{call_sid}.jsonl"));
    outcome.recording.write_wav(&wav)?;
    recording::write_log(&outcome.log, &log)?;

    println!("\nProspecto (tabla leads)");
    match app.store.lead(call_sid).await? {
        Some(lead) => {
            let confirmed = |yes| if yes { " ✓ confirmado" } else { "" };
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            println!("  nombre     {}", shown(&lead.name));
            println!("  correo     {}{}", shown(&lead.email), confirmed(lead.email_confirmed));
            println!("  teléfono   {}{}", shown(&lead.phone), confirmed(lead.phone_confirmed));
            println!("  empresa    {}", shown(&lead.company));
            println!("  necesidad  {}", shown(&lead.purpose));
            println!("  notas      {}", shown(&lead.notes));
        }
        None => println!("  (ninguno)"),
    }
    if let Some(call) = app.store.call(call_sid).await? {
        println!("\nLlamada (tabla voice_calls)");
        println!(
            "  {} de {} a {}: {}",
            call.call_sid, call.from_number, call.to_number, call.status
        );
        println!("  empezó     {}", call.started_at);
        println!("  terminó    {}", call.ended_at.unwrap_or_else(|| "–".to_owned()));
        println!(
            "  aviso oído {}",
            call.disclosure_heard_at.unwrap_or_else(|| "–".to_owned())
        );
    }
    let lines = app.store.transcript(call_sid).await?.len();
    println!("  {lines} líneas en voice_transcripts");

    println!("\nMedidas");
    let total = |turn: &TurnTiming| turn.first_frame.saturating_sub(turn.speech_ended);
    if let Some(median) = terminal::median(shown.turns.iter().map(total).collect()) {
        println!(
            "  del fin de la voz a la primera trama de la respuesta: mediana {} ms (n = {})",
            median.as_millis(),
            shown.turns.len()
        );
    }
    let ready = |turn: &&TurnTiming| turn.first_audio.saturating_sub(turn.first_text) < READY;
    let known: Vec<_> = shown.turns.iter().filter(ready).map(total).collect();
    let count = known.len();
    if let Some(median) = terminal::median(known) {
        println!(
            "  … donde ya estaba hecha la frase:                     mediana {} ms (n = {count})",
            median.as_millis()
        );
    }
    if let Some(median) = terminal::median(shown.reactions.clone()) {
        println!(
            "  del primer sonido de la interrupción al silencio: mediana {} ms",
            median.as_millis()
        );
    }
    let line = &outcome.measurements;
    let answers = Distribution::of(line.answers.iter().map(|answer| answer.received_ms));
    println!("  lo mismo, oído en la línea: respuesta, ms       {answers}");
    println!(
        "                              silencio, ms        {}",
        Distribution::of(line.barge_in_to_clear_ms.iter().copied())
    );
    println!(
        "                              variación (jitter)  {}",
        Distribution::of(line.outbound_jitter_ms.iter().copied())
    );
    println!(
        "                              huecos en una frase {}",
        line.underruns.len()
    );
    println!(
        "  interrupciones: {} cedidas, {} ignoradas",
        shown.yielded, shown.resumed
    );
    for warning in outcome.warnings.iter().filter(|warning| warning.code != 31_921) {
        println!("  ⚠ Twilio avisaría: {} {}", warning.code, warning.detail);
    }
    println!("\nGrabación estéreo  {}", wav.display());
    println!("Registro           {}", log.display());
    println!("Base de datos      {}", folder.join("talia.db").display());
    Ok(())
}
