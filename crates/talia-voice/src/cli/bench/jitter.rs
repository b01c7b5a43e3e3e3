//! `talia-voice bench --jitter CALLS`: whether callers hear that the database is busy. The same calls, alone and beside as many lines
//! of transcripts as are promised, written through the store of the server that serves them.

use super::services::{Services, Serving};
use super::writes::{AIM, line, new_call};
use crate::{clock::Clock, store::Store};
use anyhow::{Result, ensure};
use std::time::Duration;
use talia_simulator::load::{self, LoadReport};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// Calls that write beside those that are measured, each in its turn.
const WRITERS: u32 = 250;
/// How much later frames may come at the 99th percentile, milliseconds.
const LATER: f64 = 2.0;

/// Rings `calls` at once, three times: alone, beside writes, alone.
pub(super) async fn run(calls: usize, postgres: Option<&str>) -> Result<()> {
    println!("{calls} calls at once; callers, services, server and writes share this machine");
    measured("SQLite", calls, None).await?;
    if let Some(url) = postgres {
        measured("PostgreSQL", calls, Some(url)).await?;
    }
    Ok(())
}

async fn measured(engine: &str, calls: usize, database: Option<&str>) -> Result<()> {
    let services = Services::start().await?;
    // Not in the system's folder for temporary files, which may be memory.
    let folder = tempfile::tempdir_in(".")?;
    let server = services.serve(calls, (&folder, database)).await?;
    let alone = rung(&services, &server, calls).await?;
    let (beside, lines) = beside_writes(&services, &server, calls).await?;
    let again = rung(&services, &server, calls).await?;
    server.stop().await?;
    for (what, report) in [
        ("alone".to_owned(), &alone),
        (format!("beside {lines:.0} lines/s"), &beside),
        ("alone again".to_owned(), &again),
    ] {
        let untrusted = if report.generator_overloaded {
            "; the callers were too busy"
        } else {
            ""
        };
        println!(
            "{engine:<12} {what:<22} outbound jitter, ms {}; underruns {}{untrusted}",
            report.outbound_jitter_ms, report.underruns
        );
    }
    let idle = alone.outbound_jitter_ms.p99.max(again.outbound_jitter_ms.p99);
    println!(
        "{engine:<12} p99 {:+.1} ms by the writes; {LATER:.0} ms are allowed",
        beside.outbound_jitter_ms.p99 - idle
    );
    Ok(())
}

async fn rung(services: &Services, server: &Serving, calls: usize) -> Result<LoadReport> {
    let report = load::run(services.plan(calls, server.address).await?).await?;
    ensure!(
        report.script_faults == 0,
        "{} callers were not served to their end",
        report.script_faults
    );
    Ok(report)
}

/// The same beside writes; and how many lines a second became durable meanwhile.
async fn beside_writes(services: &Services, server: &Serving, calls: usize) -> Result<(LoadReport, f64)> {
    let (clock, done) = (Clock::real(), CancellationToken::new());
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let sid = format!("CA{number:032x}");
        server.app.store.call_started(new_call(&sid, &clock)).await?;
        writers.spawn(write(server.app.store.clone(), sid, clock.clone(), done.clone()));
    }
    let began = clock.now();
    let report = rung(services, server, calls).await;
    let took = clock.now().duration_since(began);
    done.cancel();
    let mut lines = 0;
    while let Some(written) = writers.join_next().await {
        lines += written??;
    }
    Ok((report?, f64::from(lines) / took.as_secs_f64()))
}

/// One line after the other, at this call's part of the promised rate; how many became durable.
async fn write(store: Store, sid: String, clock: Clock, done: CancellationToken) -> Result<u32> {
    let mut turns = interval(Duration::from_secs_f64(f64::from(WRITERS) / AIM));
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut lines = 0;
    while done.run_until_cancelled(turns.tick()).await.is_some() {
        store.append_segment(line(&sid, &clock)).await?;
        lines += 1;
    }
    Ok(lines)
}
