//! `talia-voice call`: rings any server with a scripted caller.

use super::voices::{LocalListener, LocalSpeaker};
use crate::engines::SpeechEngines;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use talia_simulator::{
    carrier::{CallPlan, Carrier},
    events::{EndedBy, What},
    lines::PreparedScript,
    measure::Distribution,
    outcome::CallOutcome,
    recording,
    script::Script,
    settings::{CarrierSettings, Secret},
};
use talia_spanish::Language;
use talia_speech::ModelsDir;
use talia_twilio::AccountSid;
use tokio::sync::mpsc;

/// Where to ring, and as whom.
#[derive(Debug, Clone, Args)]
pub(super) struct Target {
    /// The server's public origin, as Twilio would know it: what is signed.
    #[arg(long, env = "TALIA_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,
    /// Where that origin is really reached; without it, at the origin itself. One that begins with http:// takes its
    /// media sockets without TLS too, though TwiML knows them as wss:// only.
    #[arg(long)]
    pub(super) connect: Option<String>,
    /// Path of the voice webhook.
    #[arg(long, default_value = crate::line::paths::INBOUND)]
    pub(super) voice_path: String,
    /// Path of the status callback; empty for none.
    #[arg(long, default_value = crate::line::paths::STATUS)]
    pub(super) status_path: String,
    /// The account that rings.
    #[arg(
        long,
        env = "TALIA_TWILIO_ACCOUNT_SID",
        default_value = "AC00000000000000000000000000000000"
    )]
    pub(super) account: String,
    /// Signs the requests.
    #[arg(long, env = "TALIA_TWILIO_AUTH_TOKEN", hide_env_values = true)]
    pub(super) auth_token: String,
    /// The caller's number.
    #[arg(long, default_value = "+525512345678")]
    pub(super) from: String,
    /// The number that is called.
    #[arg(long, default_value = "+525550001000")]
    pub(super) to: String,
}

impl Target {
    /// A carrier that rings this server.
    pub(super) fn carrier(&self) -> Result<Carrier> {
        Ok(Carrier::new(self.settings()?)?)
    }

    /// The same carrier's settings.
    pub(super) fn settings(&self) -> Result<CarrierSettings> {
        let account = AccountSid::new(&self.account).context("--account")?;
        let mut settings = CarrierSettings::new(account, Secret::new(&self.auth_token), &self.url, &self.voice_path);
        let connect = self.connect.as_ref().unwrap_or(&self.url);
        settings.dial_origin = Some(connect.clone());
        if !self.status_path.is_empty() {
            settings.status_url = Some(format!("{}{}", settings.public_origin, self.status_path));
        }
        Ok(settings)
    }
}

/// Options of a call.
#[derive(Debug, Clone, Args)]
pub(super) struct Call {
    #[command(flatten)]
    target: Target,
    /// What the caller does.
    #[arg(long)]
    script: PathBuf,
    /// The caller's language: es or en.
    #[arg(long, default_value = "es")]
    language: String,
    /// Where the stereo recording goes (left: caller, right: assistant).
    #[arg(long)]
    wav: Option<PathBuf>,
    /// Where the log goes, one JSON object a line.
    #[arg(long)]
    log: Option<PathBuf>,
}

impl Call {
    pub(super) async fn run(self) -> Result<()> {
        let language = if self.language == "en" {
            Language::English
        } else {
            Language::Spanish
        };
        let script = Script::load(&self.script).with_context(|| self.script.display().to_string())?;
        let engines = tokio::task::spawn_blocking(|| SpeechEngines::local(&ModelsDir::from_env(), 1)).await??;
        let default_voice = if language == Language::English {
            "af_heart"
        } else {
            "em_alex"
        };
        let speaker = LocalSpeaker {
            tts: engines.mouth.tts,
            default_voice: default_voice.to_owned(),
            language,
        };
        let script = Arc::new(PreparedScript::new(script, &speaker).await?);
        let (observer, mut events) = mpsc::channel(256);
        let mut plan = CallPlan::new(&self.target.from, &self.target.to, script);
        plan.listener = Some(Arc::new(LocalListener {
            stt: engines.ears.stt,
            language,
        }));
        plan.observer = Some(observer);
        let carrier = self.target.carrier()?;
        let printing = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                // Marks are many and say nothing to the eye.
                if !matches!(event.what, What::Mark { .. } | What::MarkEchoed { .. }) {
                    println!("{:>7.2} s  {}", event.at_ms as f64 / 1e3, serde_json::json!(event.what));
                }
            }
        });
        let outcome = carrier.dial(plan).await?;
        printing.await?;
        if let Some(path) = &self.wav {
            outcome.recording.write_wav(path)?;
        }
        if let Some(path) = &self.log {
            recording::write_log(&outcome.log, path)?;
        }
        print(&outcome);
        match (outcome.script_fault, outcome.ended_by) {
            (Some(fault), _) => bail!("the script failed: {fault:?}"),
            (None, EndedBy::ApplicationError(code)) => bail!("Twilio would have ended the call with error {code}"),
            (None, _) => Ok(()),
        }
    }
}

fn print(outcome: &CallOutcome) {
    let figures = &outcome.measurements;
    println!(
        "\n{} {:?} after {:.1} s",
        outcome.call_sid.as_str(),
        outcome.ended_by,
        outcome.duration_ms as f64 / 1e3
    );
    let answers = Distribution::of(figures.answers.iter().map(|answer| answer.received_ms));
    println!("speech end → first audio, ms   {answers}");
    let barge_in = Distribution::of(figures.barge_in_to_clear_ms.iter().copied());
    println!("barge-in → clear, ms           {barge_in}");
    println!(
        "outbound jitter, ms            {}",
        Distribution::of(figures.outbound_jitter_ms.iter().copied())
    );
    println!("underruns inside speech        {}", figures.underruns.len());
    let mut warnings: BTreeMap<(u16, &str), usize> = BTreeMap::new();
    for warning in &outcome.warnings {
        *warnings.entry((warning.code, &warning.detail)).or_default() += 1;
    }
    for ((code, detail), times) in warnings {
        println!("Twilio would warn: {code} {detail} ({times}×)");
    }
}
