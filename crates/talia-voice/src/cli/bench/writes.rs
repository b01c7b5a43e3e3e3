//! `talia-voice bench --writes CALLS`: how many lines of transcripts become durable in a second, through the store's own writer, and
//! how many records the spool takes.

use crate::clock::Clock;
use crate::store::{NewCall, NewSegment, Spool, Store, StoreSettings};
use crate::telemetry::Metrics;
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{Entry, Speaker};
use talia_twilio::CallStatus;
use tempfile::TempDir;

/// What the product promises of either engine on two cores, lines a second.
pub(super) const AIM: f64 = 2_000.0;
/// Lines of one measurement, all calls together; a lone call writes fewer.
const LINES: usize = 20_000;
const LINES_ALONE: usize = 500;
/// Records of one measurement of the spool, at once and one by one.
const RECORDS: usize = 25_600;
const RECORDS_ALONE: usize = 500;
const GROUP: usize = 256;
/// As long as what a caller says in one breath.
const WORDS: &str =
    "Sí, mira, lo que pasa es que el recibo de la luz me está llegando carísimo, y quería saber qué se puede hacer.";

/// Measures SQLite in a folder of its own below this one, PostgreSQL where an empty database is named, and the spool.
pub(super) async fn run(calls: usize, postgres: Option<&str>) -> Result<()> {
    // Not in the system's folder for temporary files, which may be memory.
    let folder = tempfile::tempdir_in(".").context("a folder here")?;
    println!(
        "each line is a row and its event in one transaction, acknowledged when it is on disk; files in this folder's file system"
    );
    let sqlite = |name| format!("sqlite:{}", folder.path().join(name).display());
    measured("SQLite", (&sqlite("alone.db"), &sqlite("many.db")), calls).await?;
    if let Some(url) = postgres {
        measured("PostgreSQL", (url, url), calls).await?;
    }
    tokio::task::spawn_blocking(move || spool(&folder)).await?
}

/// What one database took.
struct Took {
    lines_a_second: f64,
    lines_a_commit: f64,
    commit: Duration,
    acknowledged: Vec<Duration>,
}

async fn measured(engine: &str, (alone, many): (&str, &str), calls: usize) -> Result<()> {
    let one = measure(alone, 1, LINES_ALONE).await?;
    let all = measure(many, calls, (LINES / calls).max(1)).await?;
    for (calls, took) in [(1, &one), (calls, &all)] {
        println!(
            "{engine:<12} {:>9.0} lines/s   {calls} calls: {:.1} lines a commit of {:.2} ms, acknowledged after p50 {:.1} ms, p99 {:.1} ms",
            took.lines_a_second,
            took.lines_a_commit,
            took.commit.as_secs_f64() * 1e3,
            millis(&took.acknowledged, 0.5),
            millis(&took.acknowledged, 0.99),
        );
    }
    println!(
        "{engine:<12} {:>9.1} ×         of one call's, by committing in groups; {:.1} × the {AIM:.0} that are promised",
        all.lines_a_second / one.lines_a_second,
        all.lines_a_second / AIM
    );
    Ok(())
}

/// Each call writes one line behind the other, as a conversation does.
async fn measure(url: &str, calls: usize, lines: usize) -> Result<Took> {
    let (clock, metrics) = (Clock::real(), Arc::new(Metrics::default()));
    let store = Store::open(StoreSettings::new(url), clock.clone(), metrics.clone()).await?;
    let sids: Vec<String> = (0..calls)
        .map(|number| format!("CA{calls:016x}{number:016x}"))
        .collect();
    for sid in &sids {
        let started = store.call_started(new_call(sid, &clock)).await?;
        ensure!(
            started.first,
            "this database isn't empty: the benchmark writes calls into it"
        );
    }
    let commits = commits(&metrics)?;
    let began = clock.now();
    let writing = sids.into_iter().map(|sid| {
        let (store, clock) = (store.clone(), clock.clone());
        tokio::spawn(async move {
            let mut acknowledged = Vec::with_capacity(lines);
            for _ in 0..lines {
                let began = clock.now();
                store.append_segment(line(&sid, &clock)).await?;
                acknowledged.push(clock.now().duration_since(began));
            }
            anyhow::Ok(acknowledged)
        })
    });
    let mut acknowledged = Vec::with_capacity(calls * lines);
    for times in try_join_all(writing).await? {
        acknowledged.extend(times?);
    }
    let took = clock.now().duration_since(began);
    let (count, seconds) = self::commits(&metrics)?;
    store.close().await;
    acknowledged.sort_unstable();
    let count = count - commits.0;
    Ok(Took {
        lines_a_second: acknowledged.len() as f64 / took.as_secs_f64(),
        lines_a_commit: acknowledged.len() as f64 / count,
        commit: Duration::from_secs_f64((seconds - commits.1) / count),
        acknowledged,
    })
}

/// How many commits there were, and what they took together, seconds.
fn commits(metrics: &Metrics) -> Result<(f64, f64)> {
    let text = metrics.exposition()?;
    let of = |name: &str| -> Result<f64> {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.context("no such metric")?.parse()?)
    };
    Ok((of("store_commit_seconds_count")?, of("store_commit_seconds_sum")?))
}

fn spool(folder: &TempDir) -> Result<()> {
    let clock = Clock::real();
    let record = vec![b'x'; 3 * WORDS.len()];
    let per_second = |count: usize, group: usize| -> Result<f64> {
        let (mut spool, _) = open_spool(folder.path(), &format!("{group:04}"))?;
        let began = clock.now();
        for _ in 0..count / group {
            spool.append(std::iter::repeat_n(record.as_slice(), group))?;
        }
        let took = clock.now().duration_since(began);
        while spool.waiting() > 0 {
            let taken = spool.oldest(GROUP)?;
            spool.done(&taken, taken.records.len())?;
        }
        spool.close()?;
        Ok((count / group * group) as f64 / took.as_secs_f64())
    };
    let (alone, many) = (per_second(RECORDS_ALONE, 1)?, per_second(RECORDS, GROUP)?);
    println!(
        "spool        {many:>9.0} records/s {} bytes each, {GROUP} an fdatasync; {alone:.0} one by one; {:.1} × the {AIM:.0}",
        record.len(),
        many / AIM
    );
    Ok(())
}

fn open_spool(folder: &Path, name: &str) -> Result<(Spool, crate::store::Found)> {
    Ok(Spool::open(&folder.join("spool"), name, ([0; 16], u64::MAX), |_| true)?)
}

pub(super) fn new_call(sid: &str, clock: &Clock) -> NewCall {
    NewCall {
        call_sid: sid.to_owned(),
        account_sid: "AC00000000000000000000000000000000".to_owned(),
        from: "anonymous".to_owned(),
        to: "anonymous".to_owned(),
        direction: "inbound".to_owned(),
        assistant: None,
        status: CallStatus::InProgress,
        at: clock.wall(),
    }
}

pub(super) fn line(sid: &str, clock: &Clock) -> NewSegment {
    NewSegment {
        call_sid: sid.to_owned(),
        entry: Entry {
            speaker: Speaker::Caller,
            text: WORDS.to_owned(),
            unheard: None,
            began: Duration::ZERO,
            ended: Duration::from_secs(4),
            kind: None,
            by_timer: false,
            own_voice: false,
        },
        at: clock.wall(),
    }
}

fn millis(sorted: &[Duration], quantile: f64) -> f64 {
    let place = (quantile * sorted.len() as f64) as usize;
    sorted
        .get(place.min(sorted.len().saturating_sub(1)))
        .map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
