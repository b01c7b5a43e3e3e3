//! `talia-voice serve`: answers calls until it is told to stop.

use super::Options;
use crate::{
    app::App,
    clock::Clock,
    config::{Config, Sources},
    http,
    telemetry::init_logs,
};
use anyhow::{Context, Result};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(options: &Options) -> Result<()> {
    let config = Config::load(&Sources::of_process(options.config.clone()))?;
    init_logs(&config.telemetry);
    let clock = Clock::real();
    let app = App::build(config, clock.clone()).await?;
    let tls = http::Tls::new(&app).context("[tls]")?.map(Arc::new);
    // Before the door is open: from then on a service manager may send it.
    let hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    let listener = http::door(app.config.server.bind)
        .await
        .with_context(|| format!("no se puede escuchar en {}", app.config.server.bind))?;
    tracing::info!(
        server.bind = %listener.local_addr()?,
        server.stt = app.engines.ears.stt.name(),
        server.tts = app.engines.mouth.names(),
        server.started_ms = clock.elapsed().as_millis() as u64,
        "ready for calls"
    );
    tokio::spawn(reload_on_signal(hangup, tls.clone()));
    let preparing = tokio::spawn(prepare(app.clone()));
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let stopped = stop.cancelled_owned();
    let served = match tls {
        Some(tls) => http::serve_tls(app.clone(), listener, tls, stopped).await,
        None => http::serve(app.clone(), listener, stopped).await,
    };
    preparing.abort();
    tracing::info!(calls.cut_off = served.cut_off, "stopped");
    Ok(())
}

/// The fixed phrases become ready while calls are answered already: what isn't ready yet is spoken live.
async fn prepare(app: Arc<App>) {
    match app.engines.prepare(app.assistants.all(), |_, _| {}).await {
        Ok(ready) => tracing::info!(
            phrases.kept = ready.kept,
            phrases.made = ready.made,
            "fixed phrases are ready"
        ),
        Err(error) => tracing::error!(error = %error, "fixed phrases could not be prepared"),
    }
}

/// SIGHUP says that the certificate's files are new. Where a proxy has them it says nothing, and ends nothing either.
async fn reload_on_signal(mut hangup: Signal, tls: Option<Arc<http::Tls>>) {
    while hangup.recv().await.is_some() {
        if let Some(tls) = &tls {
            tls.reload();
        } else {
            tracing::info!("SIGHUP: there is nothing to reload without [tls]");
        }
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be received: only kill -9 stops this server");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no new calls; live calls may end");
    stop.cancel();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("told to stop twice: live calls are cut");
    std::process::exit(1);
}
