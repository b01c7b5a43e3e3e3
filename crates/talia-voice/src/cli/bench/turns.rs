//! Our own share of a turn: whole calls through the server against providers of fixed delays, and what turns took beyond those.

use super::services::{SPEAKS, Services, THINKS};
use crate::{app::App, store::TurnRow};
use anyhow::{Result, ensure};
use std::time::Duration;
use talia_simulator::{
    load::{self, LoadReport},
    measure::Distribution,
};
use tempfile::TempDir;

/// Rings `calls` at once and prints what their turns took beyond the providers' time.
pub(super) async fn run(calls: usize) -> Result<()> {
    let services = Services::start().await?;
    let folder = TempDir::new()?;
    let server = services.serve(calls, (&folder, None)).await?;
    let plan = services.plan(calls, server.address).await?;
    let report = load::run(plan).await?;
    let turns = turns(&server.app, calls).await?;
    server.stop().await?;
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
