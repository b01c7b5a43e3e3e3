//! What a live call costs in memory in a whole cascade: a server of its own process, its services in this one.

use super::services::Services;
use crate::cli::load::print_memory;
use anyhow::{Context, Result, ensure};
use std::{net::SocketAddr, process::Stdio, time::Duration};
use talia_simulator::memory;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, sleep},
};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(30);

/// Rings half of `calls` at once, all, and all again, and prints what the server's process grew by.
pub(super) async fn run(calls: usize) -> Result<()> {
    let services = Services::start().await?;
    let folder = TempDir::new()?;
    // A port that is free now; the server takes it in a moment.
    let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let file = services.configure(calls, address, (&folder, None))?;
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg("--config")
        .arg(&file)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the server can't be started")?;
    until_it_listens(&mut server, address).await?;
    let mut plan = services.plan(calls, address).await?;
    plan.server_pid = server.id();
    let (report, steps) = memory::measure(plan).await?;
    server.kill().await?;
    ensure!(
        report.script_faults == 0,
        "{} callers were not served to their end",
        report.script_faults
    );
    println!(
        "{} calls, {} at once at most: Deepgram, Chat Completions and ElevenLabs as fakes in another process",
        report.calls, report.most_at_once
    );
    print_memory(&steps);
    Ok(())
}

async fn until_it_listens(server: &mut Child, address: SocketAddr) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        ensure!(server.try_wait()?.is_none(), "the server didn't start");
        ensure!(began.elapsed() < START, "the server doesn't listen on {address}");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
