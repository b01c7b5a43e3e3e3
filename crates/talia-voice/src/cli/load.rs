//! `talia-voice load`: many callers at once, in real time, and what they felt.

use super::call::Target;
use anyhow::{Context, Result};
use clap::Args;
use std::{path::PathBuf, sync::Arc, time::Duration};
use talia_simulator::{
    lines::PreparedScript,
    load::{self, LoadPlan, LoadReport},
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
    /// Threads of callers.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// What every caller does.
    #[arg(long)]
    script: Option<PathBuf>,
    /// The server's process, where it runs on this machine: its CPU and memory are read.
    #[arg(long)]
    server_pid: Option<u32>,
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
        };
        let report = load::run(plan).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(())
    }
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
