//! Many calls at once, in real time, on threads of their own; what they felt like and what they cost.
//!
//! Each shard is a thread with its own timers, because one loop over hundreds of sockets sends in bursts. The
//! generator's own CPU and lateness are part of the report: a run in which they are large says nothing of the server.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    carrier::{CallPlan, Carrier},
    cut::{Cut, CutAt},
    events::{EndedBy, Purpose, Side, What},
    lines::PreparedScript,
    measure::{Distribution, Measurements},
    outcome::CallOutcome,
    process::{self, Usage},
    settings::CarrierSettings,
};

/// How often the server's process is looked at.
const SAMPLE: Duration = Duration::from_millis(250);
/// Above this use of one core by one of its threads, in per cent, the generator may be the cause of what it measures.
const BUSY_PERCENT: f64 = 70.0;

/// A load to be driven.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The carrier.
    pub settings: CarrierSettings,
    /// What every caller does; without words that need a listener.
    pub script: Arc<PreparedScript>,
    /// When the first socket of each call is cut, in milliseconds since its beginning; none: never.
    pub cut_ms: Option<u64>,
    /// How many calls.
    pub calls: usize,
    /// On how many threads.
    pub shards: usize,
    /// Over how long a time they start, evenly.
    pub ramp: Duration,
    /// The number that is called.
    pub to: String,
    /// The server's process, where it runs here.
    pub server_pid: Option<u32>,
    /// A part of the run, from and until, in which something is done to the server: its webhooks are measured apart.
    pub apart: Option<(Duration, Duration)>,
}

/// What the server's process used.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ServerUse {
    /// Before the first call.
    pub before: Usage,
    /// After the last call.
    pub after: Usage,
    /// Largest resident memory seen, in KiB.
    pub peak_rss_kib: u64,
    /// CPU time for each second of each call, in milliseconds.
    pub cpu_ms_per_call_second: f64,
    /// Growth of resident memory at the peak for each call, in KiB. Judge leaks by a second, equal load.
    pub peak_kib_per_call: f64,
}

/// A load that was driven; times in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Calls that were made.
    pub calls: usize,
    /// How they ended.
    pub endings: BTreeMap<String, usize>,
    /// Warnings by Twilio's code; 31921 is a close by the server, even when it was meant.
    pub warnings: BTreeMap<u16, usize>,
    /// Scripts that failed.
    pub script_faults: usize,
    /// Calls at the same time, at most.
    pub most_at_once: usize,
    /// How long the run took.
    pub took_ms: f64,
    /// Until the voice webhook was answered.
    pub webhook_ms: Distribution,
    /// The same of all webhooks with a caller behind them that were asked within [`LoadPlan::apart`].
    pub webhook_apart_ms: Distribution,
    /// Of calls whose socket was cut: from the question for the next verb to the first audible frame.
    pub resume_gap_ms: Distribution,
    /// Until the media socket was upgraded.
    pub handshake_ms: Distribution,
    /// From the end of the caller's speech to the arrival of audible audio.
    pub answer_received_ms: Distribution,
    /// From the end of the caller's speech to audible audio in the caller's ear.
    pub answer_played_ms: Distribution,
    /// Turns that were never answered by an audible sound, or answered before they ended.
    pub overlapped_turns: u64,
    /// From the caller's first voiced frame over the assistant to `clear`.
    pub barge_in_to_clear_ms: Distribution,
    /// From there to silence, where no `clear` came.
    pub barge_in_to_silence_ms: Distribution,
    /// Lateness of the server's media messages.
    pub outbound_lateness_ms: Distribution,
    /// Jitter of the server's media messages.
    pub outbound_jitter_ms: Distribution,
    /// Audio that was queued when media messages arrived.
    pub outbound_lead_ms: Distribution,
    /// Times the queue ran dry inside speech.
    pub underruns: usize,
    /// Media messages sent and received.
    pub messages: [u64; 2],
    /// Lateness of the generator's own ticks.
    pub own_lateness_ms: Distribution,
    /// CPU use of the generator's threads, in per cent of one core, for each; none where the kernel doesn't tell.
    pub generator_cpu_percent: Vec<Option<f64>>,
    /// Whether the generator was too busy or too late for its figures to be trusted.
    pub generator_overloaded: bool,
    /// The server's process.
    pub server: Option<ServerUse>,
}

/// A load couldn't be driven.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A load needs calls, shards and a script without a listener.
    #[error("{0}")]
    Plan(&'static str),
    /// A shard's runtime or thread.
    #[error("a shard couldn't be started: {0}")]
    Shard(#[from] std::io::Error),
    /// The carrier's HTTP client.
    #[error("the carrier couldn't be made: {0}")]
    Carrier(#[from] reqwest::Error),
    /// A shard's thread is gone.
    #[error("a shard was lost")]
    Lost,
    /// There is no such process.
    #[error("the server's process can't be read")]
    NoProcess,
}

struct ShardResult {
    outcomes: Vec<(Duration, CallOutcome)>,
    cpu_percent: Option<f64>,
}

/// Drives a load and reports.
pub async fn run(plan: LoadPlan) -> Result<LoadReport, LoadError> {
    if plan.calls == 0 || plan.shards == 0 {
        return Err(LoadError::Plan("a load needs at least one call and one shard"));
    }
    if plan.script.script().needs_listener() {
        return Err(LoadError::Plan(
            "a load's script goes by silence and time, not by words",
        ));
    }
    let look = |pid| process::usage(pid).ok_or(LoadError::NoProcess);
    let before = plan.server_pid.map(look).transpose()?;
    let began = Instant::now();
    let mut waiting = Vec::new();
    for shard in 0..plan.shards {
        let (sender, receiver) = oneshot::channel();
        let plan = plan.clone();
        std::thread::Builder::new()
            .name(format!("load-{shard}"))
            .spawn(move || {
                // The receiver waits for every shard.
                drop(sender.send(drive(&plan, shard, began)));
            })?;
        waiting.push(receiver);
    }
    let mut peak_rss_kib = before.map_or(0, |usage| usage.rss_kib);
    let gathered = async {
        let mut results = Vec::new();
        for receiver in waiting {
            results.push(receiver.await.map_err(|_| LoadError::Lost)??);
        }
        Ok::<_, LoadError>(results)
    };
    tokio::pin!(gathered);
    let mut sampling = interval(SAMPLE);
    sampling.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let results = loop {
        tokio::select! {
            results = &mut gathered => break results?,
            _ = sampling.tick() => {
                let now = plan.server_pid.and_then(process::usage);
                peak_rss_kib = peak_rss_kib.max(now.map_or(0, |usage| usage.rss_kib));
            }
        }
    };
    let took_ms = (Instant::now() - began).as_secs_f64() * 1_000.0;
    let mut report = gather(&results, took_ms);
    if let Some(apart) = plan.apart {
        report.webhook_apart_ms = Distribution::of(all(&results).flat_map(|call| webhooks_within(call, apart)));
    }
    if let (Some(before), Some(pid)) = (before, plan.server_pid) {
        let after = look(pid)?;
        let call_seconds: f64 = all(&results).map(|(_, call)| call.duration_ms as f64 / 1_000.0).sum();
        report.server = Some(ServerUse {
            before,
            after,
            peak_rss_kib,
            cpu_ms_per_call_second: (after.cpu_ms - before.cpu_ms) as f64 / call_seconds.max(0.001),
            peak_kib_per_call: (peak_rss_kib - before.rss_kib) as f64 / report.most_at_once.max(1) as f64,
        });
    }
    Ok(report)
}

/// One shard: every `shards`th call, started on its own deadline.
fn drive(plan: &LoadPlan, shard: usize, began: Instant) -> Result<ShardResult, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let carrier = Carrier::new(plan.settings.clone())?;
        let cpu_before = process::thread_cpu_ms();
        let shard_began = Instant::now();
        let mut calls = JoinSet::new();
        for index in (shard..plan.calls).step_by(plan.shards) {
            let start = began + plan.ramp.mul_f64(index as f64 / plan.calls as f64);
            let carrier = carrier.clone();
            let mut call = CallPlan::new(format!("+52155{index:08}"), plan.to.clone(), Arc::clone(&plan.script));
            call.cuts.extend(plan.cut_ms.map(|ms| Cut {
                stream: Some(1),
                at: CutAt::Ms(ms),
                abrupt: true,
            }));
            calls.spawn(async move {
                sleep_until(start).await;
                (start.saturating_duration_since(began), carrier.dial(call).await)
            });
        }
        let mut outcomes = Vec::new();
        while let Some(done) = calls.join_next().await {
            let (started, outcome) = done.map_err(|_| LoadError::Lost)?;
            outcomes.push((
                started,
                outcome.map_err(|_| LoadError::Plan("the script needs a listener"))?,
            ));
        }
        let took_ms = (Instant::now() - shard_began).as_secs_f64() * 1_000.0;
        let cpu_ms = cpu_before.and_then(|before| Some(process::thread_cpu_ms()? - before));
        Ok(ShardResult {
            outcomes,
            cpu_percent: cpu_ms.map(|used| used / took_ms * 100.0),
        })
    })
}

fn all(results: &[ShardResult]) -> impl Iterator<Item = &(Duration, CallOutcome)> {
    results.iter().flat_map(|result| &result.outcomes)
}

fn gather(results: &[ShardResult], took_ms: f64) -> LoadReport {
    let calls = || all(results).map(|(_, call)| call);
    let figures = || calls().map(|call| &call.measurements);
    let spread = |pick: fn(&Measurements) -> &Vec<f64>| Distribution::of(figures().flat_map(pick).copied());
    let answers = || figures().flat_map(|figures| &figures.answers);
    let mut endings = BTreeMap::new();
    let mut warnings = BTreeMap::new();
    for call in calls() {
        *endings.entry(ending(call.ended_by)).or_default() += 1;
        for warning in &call.warnings {
            *warnings.entry(warning.code).or_default() += 1;
        }
    }
    let own_lateness_ms = spread(|figures| &figures.own_lateness_ms);
    let generator_cpu_percent: Vec<_> = results.iter().map(|result| result.cpu_percent).collect();
    let busy = generator_cpu_percent
        .iter()
        .flatten()
        .any(|percent| *percent > BUSY_PERCENT);
    LoadReport {
        calls: calls().count(),
        endings,
        warnings,
        script_faults: calls().filter(|call| call.script_fault.is_some()).count(),
        most_at_once: most_at_once(all(results)),
        took_ms,
        webhook_ms: Distribution::of(figures().filter_map(|figures| figures.webhook_ms)),
        webhook_apart_ms: Distribution::default(),
        resume_gap_ms: Distribution::of(calls().flat_map(resume_gaps)),
        handshake_ms: spread(|figures| &figures.handshake_ms),
        answer_received_ms: Distribution::of(answers().map(|answer| answer.received_ms)),
        answer_played_ms: Distribution::of(answers().map(|answer| answer.played_ms)),
        overlapped_turns: figures().map(|figures| figures.overlapped_turns).sum(),
        barge_in_to_clear_ms: spread(|figures| &figures.barge_in_to_clear_ms),
        barge_in_to_silence_ms: spread(|figures| &figures.barge_in_to_silence_ms),
        outbound_lateness_ms: spread(|figures| &figures.outbound_lateness_ms),
        outbound_jitter_ms: spread(|figures| &figures.outbound_jitter_ms),
        outbound_lead_ms: spread(|figures| &figures.outbound_lead_ms),
        underruns: figures().map(|figures| figures.underruns.len()).sum(),
        messages: [
            figures().map(|figures| figures.inbound_messages).sum(),
            figures().map(|figures| figures.outbound_messages).sum(),
        ],
        // Half a frame late is where the generator's own jitter shows in the server's ears.
        generator_overloaded: busy || own_lateness_ms.p99 > 10.0,
        own_lateness_ms,
        generator_cpu_percent,
        server: None,
    }
}

/// How long the webhooks took that were asked within a part of the run.
fn webhooks_within((started, call): &(Duration, CallOutcome), (from, until): (Duration, Duration)) -> Vec<f64> {
    let (from, until) = (from.as_secs_f64() * 1_000.0, until.as_secs_f64() * 1_000.0);
    let begins_ms = started.as_secs_f64() * 1_000.0;
    let webhooks = call.log.iter().filter_map(|event| match event.what {
        What::Webhook {
            purpose: Purpose::Voice | Purpose::Action | Purpose::Document,
            took_ms,
            ..
        } => Some((begins_ms + event.at_ms as f64 - took_ms, took_ms)),
        _ => None,
    });
    let within = webhooks.filter(|(asked, _)| (from..until).contains(asked));
    within.map(|(_, took_ms)| took_ms).collect()
}

/// From each question for the next verb to the first sound that the caller hears after it.
fn resume_gaps(call: &CallOutcome) -> Vec<f64> {
    let mut gaps = Vec::new();
    let mut asked = None;
    for event in &call.log {
        match event.what {
            // An event is written when its answer was read.
            What::Webhook {
                purpose: Purpose::Action | Purpose::Document,
                took_ms,
                ..
            } => asked = Some(event.at_ms as f64 - took_ms),
            What::SpeechBegin {
                side: Side::Assistant, ..
            } => gaps.extend(asked.take().map(|asked| event.at_ms as f64 - asked)),
            _ => {}
        }
    }
    gaps
}

fn ending(by: EndedBy) -> String {
    match by {
        EndedBy::Caller => "caller".to_owned(),
        EndedBy::Document => "document".to_owned(),
        EndedBy::Rejected => "rejected".to_owned(),
        EndedBy::Rest => "rest".to_owned(),
        EndedBy::ApplicationError(code) => format!("error {code}"),
        EndedBy::TimeLimit => "time limit".to_owned(),
        EndedBy::Unanswered => "unanswered".to_owned(),
    }
}

fn most_at_once<'a>(calls: impl Iterator<Item = &'a (Duration, CallOutcome)>) -> usize {
    let mut edges: Vec<(u64, i64)> = calls
        .flat_map(|(started, call)| {
            let start = started.as_millis() as u64;
            [(start, 1), (start + call.duration_ms, -1)]
        })
        .collect();
    // Of equal times the end comes first: one call that follows another isn't beside it.
    edges.sort_unstable();
    let mut now = 0;
    let mut most = 0;
    for (_, change) in edges {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or(0)
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "calls {} (at once {}), {:.1} s",
            self.calls,
            self.most_at_once,
            self.took_ms / 1_000.0
        )?;
        writeln!(
            out,
            "endings {:?}  warnings {:?}  script faults {}",
            self.endings, self.warnings, self.script_faults
        )?;
        for (name, figures) in [
            ("webhook answered", self.webhook_ms),
            ("socket upgraded", self.handshake_ms),
            ("speech end → audio received", self.answer_received_ms),
            ("speech end → audio heard", self.answer_played_ms),
            ("barge-in → clear", self.barge_in_to_clear_ms),
            ("barge-in → silence without clear", self.barge_in_to_silence_ms),
            ("outbound frames, lateness", self.outbound_lateness_ms),
            ("outbound frames, jitter", self.outbound_jitter_ms),
            ("outbound frames, lead", self.outbound_lead_ms),
            ("generator's own lateness", self.own_lateness_ms),
        ] {
            writeln!(out, "{name:<34} ms  {figures}")?;
        }
        writeln!(
            out,
            "underruns {}  overlapped turns {}",
            self.underruns, self.overlapped_turns
        )?;
        for (shard, percent) in self.generator_cpu_percent.iter().enumerate() {
            match percent {
                Some(percent) => writeln!(out, "generator thread {shard}: {percent:.0} % of a core")?,
                None => writeln!(out, "generator thread {shard}: CPU unknown")?,
            }
        }
        if let Some(server) = &self.server {
            writeln!(
                out,
                "server: {:.2} ms CPU a call-second, RSS {} → peak {} → {} KiB ({:.0} KiB a call), threads {} → {}, descriptors {} → {}",
                server.cpu_ms_per_call_second,
                server.before.rss_kib,
                server.peak_rss_kib,
                server.after.rss_kib,
                server.peak_kib_per_call,
                server.before.threads,
                server.after.threads,
                server.before.descriptors,
                server.after.descriptors,
            )?;
        }
        if self.generator_overloaded {
            writeln!(out, "INVALID: the generator was too busy or too late")?;
        }
        Ok(())
    }
}
