//! `talia-voice load`: many callers at once, in real time, and what they felt.

use super::call::Target;
use crate::store::Hold;
use anyhow::{Context, Result};
use clap::Args;
use std::{path::PathBuf, sync::Arc, time::Duration};
use talia_simulator::{
    lines::PreparedScript,
    load::{self, LoadPlan, LoadReport},
    memory::{self, MemorySteps},
    script::Script,
    speaker::ToneSpeaker,
};

/// Speaks in tones, pauses, interrupts once: what a server's frame path feels of a caller.
const CALLER: &str = include_str!("../../../../callers/load.toml");

/// Options of a load.
#[derive(Debug, Clone, Args)]
pub(super) struct Load {
    #[command(flatten)]
    target: Target,
    /// Calls at once.
    #[arg(long, default_value_t = 10)]
    calls: usize,
    /// Seconds over which they begin.
    #[arg(long, default_value_t = 5.0)]
    ramp: f64,
    /// Cuts each call's first media socket after so many milliseconds: how soon does the caller hear something again?
    #[arg(long)]
    cut_ms: Option<u64>,
    /// A server's database (`sqlite:PATH` or `postgres://…`), which is held against it for a part of the run: what do its webhooks
    /// take without it?
    #[arg(long, value_name = "URL")]
    hold_database: Option<String>,
    /// From so many seconds after the beginning…
    #[arg(long, default_value_t = 2.0, requires = "hold_database")]
    hold_from: f64,
    /// …for so many.
    #[arg(long, default_value_t = 10.0, requires = "hold_database")]
    hold_for: f64,
    /// Threads of callers.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// What every caller does.
    #[arg(long)]
    script: Option<PathBuf>,
    /// The server's process, where it runs on this machine: its CPU and memory are read.
    #[arg(long)]
    server_pid: Option<u32>,
    /// Drives half of the calls, all, and all again, for the memory of a call without what comes once; needs `--server-pid`.
    #[arg(long, requires = "server_pid")]
    memory: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Load {
    pub(super) async fn run(self) -> Result<()> {
        let script = match &self.script {
            Some(path) => Script::load(path).with_context(|| path.display().to_string())?,
            None => Script::parse(CALLER)?,
        };
        let mut settings = self.target.settings()?;
        settings.keep_audio = false;
        settings.log_marks = false;
        let plan = LoadPlan {
            settings,
            script: Arc::new(PreparedScript::new(script, &ToneSpeaker).await?),
            cut_ms: self.cut_ms,
            calls: self.calls,
            shards: self.threads,
            ramp: Duration::from_secs_f64(self.ramp.max(0.0)),
            to: self.target.to.clone(),
            server_pid: self.server_pid,
            apart: self.held(),
        };
        let measured = async {
            if self.memory {
                let (report, steps) = memory::measure(plan).await?;
                Ok((report, Some(steps)))
            } else {
                load::run(plan).await.map(|report| (report, None))
            }
        };
        let (measured, held) = tokio::join!(measured, self.hold());
        held?;
        let (report, steps) = measured?;
        if self.json {
            let whole = serde_json::json!({"load": &report, "memory": steps});
            let shown = if steps.is_some() {
                whole
            } else {
                serde_json::to_value(&report)?
            };
            println!("{}", serde_json::to_string_pretty(&shown)?);
        } else {
            print(&report);
            steps.iter().for_each(print_memory);
        }
        Ok(())
    }

    /// When the database is held, since the beginning.
    fn held(&self) -> Option<(Duration, Duration)> {
        self.hold_database.as_ref()?;
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
        let from = seconds(self.hold_from);
        Some((from, from + seconds(self.hold_for)))
    }

    /// Holds it then.
    async fn hold(&self) -> Result<()> {
        let (Some(url), Some((from, until))) = (&self.hold_database, self.held()) else {
            return Ok(());
        };
        tokio::time::sleep(from).await;
        let hold = Hold::take(url).await.context("the database can't be held")?;
        tokio::time::sleep(until.saturating_sub(from)).await;
        hold.release().await.context("the database can't be let go")
    }
}

pub(super) fn print_memory(steps: &MemorySteps) {
    let [half, full] = steps.calls;
    let shown = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.0}"));
    println!(
        "memory, KiB                    {} before, {} under {half} calls, {} under {full}, {} under {full} again",
        steps.before_kib, steps.half_kib, steps.full_kib, steps.again_kib
    );
    println!(
        "  a call's own (the slope)     {} KiB; what comes once {} KiB; kept after an equal load {:.1} KiB a call",
        shown(steps.kib_per_call()),
        shown(steps.fixed_kib()),
        steps.kept_kib_per_call()
    );
}

fn print(report: &LoadReport) {
    println!(
        "{} calls, {} at once at most, {:.1} s, {:?}",
        report.calls,
        report.most_at_once,
        report.took_ms / 1e3,
        report.endings
    );
    println!("webhook answer, ms             {}", report.webhook_ms);
    if report.webhook_apart_ms.count > 0 {
        println!("… with the database held, ms   {}", report.webhook_apart_ms);
    }
    if report.resume_gap_ms.count > 0 {
        println!("next verb → audible again, ms  {}", report.resume_gap_ms);
    }
    println!("socket handshake, ms           {}", report.handshake_ms);
    println!("speech end → first audio, ms   {}", report.answer_received_ms);
    println!("barge-in → clear, ms           {}", report.barge_in_to_clear_ms);
    println!("outbound lateness, ms          {}", report.outbound_lateness_ms);
    println!("outbound jitter, ms            {}", report.outbound_jitter_ms);
    println!("underruns inside speech        {}", report.underruns);
    println!("Twilio's warnings              {:?}", report.warnings);
    if let Some(server) = &report.server {
        println!(
            "server CPU                     {:.2} ms a call-second",
            server.cpu_ms_per_call_second
        );
        println!(
            "server memory                  {:.0} KiB a call at the peak",
            server.peak_kib_per_call
        );
    }
    println!("the callers' own lateness, ms  {}", report.own_lateness_ms);
    if report.generator_overloaded {
        println!("The callers were too busy or too late: these figures say nothing about the server.");
    }
}
