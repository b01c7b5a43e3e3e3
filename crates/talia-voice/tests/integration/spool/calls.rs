//! Calls whose database is gone when their process dies.

use crate::harness::{CallServer, Cluster, eventually};
use crate::resume::{check, patient};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use talia_voice::app::App;

async fn the_caller_has_spoken(app: &App) {
    eventually("the caller has spoken", async || {
        let newest = app.store.recent_calls(1).await.expect("a read");
        let Some(call) = newest.first() else { return false };
        let said = app.store.transcript(&call.call_sid).await.expect("a read");
        said.iter().any(|line| line.speaker == "caller")
    })
    .await;
}

async fn let_go(folder: &Path) {
    eventually("the dead process's files are let go", async || {
        let files = std::fs::read_dir(folder).expect("a folder");
        let mut files = files.map(|file| File::open(file.expect("a file").path()).expect("a file"));
        files.all(|file| file.try_lock().is_ok())
    })
    .await;
}

/// The database is gone in the middle of a call; then the process dies too. The next one writes what the first had said
/// was kept, goes on with the call from there, and all of it is there once.
#[tokio::test]
async fn a_call_survives_the_death_of_its_database_and_then_of_its_process() {
    let cluster = Arc::new(Cluster::start());
    let url = cluster.new_database();
    let settings = [
        ("TALIA_DATABASE_URL", url.as_str()),
        ("TALIA_LIMITS__RESUME_AFTER_S", "1"),
    ];
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let (carrier, _api) = first.carrier_with(|_| {});
    let app = first.server.app.clone();
    let dying = async {
        the_caller_has_spoken(&app).await;
        let dying = cluster.clone();
        tokio::task::spawn_blocking(move || dying.stop())
            .await
            .expect("it stops");
        let before = app.metrics.store_backlog.get();
        eventually("writes wait on disk", async || {
            app.metrics.store_backlog.get() >= before + 4 && app.metrics.spool_bytes.get() > 0
        })
        .await;
        mortal.kill();
        let folder = app.config.database.spool.clone().expect("a spool").0;
        let_go(&folder).await;
        let living = cluster.clone();
        tokio::task::spawn_blocking(move || living.start_again())
            .await
            .expect("it starts");
        first.again(&settings).await
    };
    let script = format!("patience_ms = 60000\n{}", patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (second, _mortal)) = tokio::join!(ringing, dying);
    check(&second, &outcome, "both died").await;
    assert_eq!(second.server.app.metrics.spool_damaged.get(), 0);
}

/// The same where another process holds the database.
#[tokio::test]
async fn a_call_survives_the_death_of_its_process_behind_a_held_database() {
    let settings = [("TALIA_LIMITS__RESUME_AFTER_S", "1")];
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let (carrier, _api) = first.carrier_with(|_| {});
    let app = first.server.app.clone();
    let dying = async {
        the_caller_has_spoken(&app).await;
        let other = first.server.hold_database().await;
        eventually("writes wait on disk", async || {
            app.metrics.store_backlog.get() >= 4 && app.metrics.spool_bytes.get() > 0
        })
        .await;
        mortal.kill();
        let folder = app.config.database.spool.clone().expect("a spool").0;
        let_go(&folder).await;
        other.release().await.expect("let go");
        first.again(&settings).await
    };
    let script = format!("patience_ms = 60000\n{}", patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (second, _mortal)) = tokio::join!(ringing, dying);
    check(&second, &outcome, "held and killed").await;
}
