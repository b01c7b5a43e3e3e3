//! Forgets what is older than the configuration lets it be, each kind of thing for itself.

use super::erasing::{EraseError, Eraser};
use crate::clock::Clock;
use crate::config::Retention;
use crate::recordings::Folder;
use crate::store::{Erasure, Kind, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Calls that are dealt with in one write: few enough that calls which are alive wait for none of it.
const SOME: u32 = 50;
/// The writer is left to others for so long between two of these.
const PAUSE: Duration = Duration::from_millis(50);

/// From the start to the first look, and from one look to the next.
const FIRST: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_hours(1);

/// Forgets until the server stops.
pub async fn forget_in_time(
    (eraser, store, folder): (Eraser, Store, Folder),
    retention: Retention,
    (clock, stop): (Clock, CancellationToken),
) {
    let mut next = FIRST;
    while timeout(next, stop.cancelled()).await.is_err() {
        next = EVERY;
        match sweep((&eraser, &store, &folder), &retention, clock.wall()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(retention.calls = count, "what was old enough is forgotten"),
            Err(error) => tracing::error!(%error, "what is old could not be forgotten"),
        }
    }
}

/// Goes once over everything; answers how many calls, or groups of events, something was forgotten of.
pub async fn sweep(
    (eraser, store, folder): (&Eraser, &Store, &Folder),
    retention: &Retention,
    now: Timestamp,
) -> Result<u64, EraseError> {
    let mut count = 0;
    for kind in Kind::ALL {
        let Some(days) = retention.days(kind) else { continue };
        let cutoff = now - SignedDuration::from_hours(24 * i64::from(days));
        loop {
            let done = match kind {
                Kind::Calls => calls(eraser, store, cutoff).await?,
                Kind::Events => u64::from(store.forget(kind, Vec::new(), cutoff).await? > 0),
                Kind::Words | Kind::Leads | Kind::Recordings => some(store, kind, cutoff).await?,
            };
            if done == 0 {
                break;
            }
            count += done;
            tokio::time::sleep(PAUSE).await;
        }
    }
    files(eraser, store, folder).await?;
    if count > 0 {
        // Somebody who reads all the time doesn't keep the rest from being forgotten; the next time is in an hour.
        if let Err(error) = eraser.empty_log().await {
            tracing::debug!(%error, "the database's log was not emptied");
        }
    }
    Ok(count)
}

async fn calls(eraser: &Eraser, store: &Store, cutoff: Timestamp) -> Result<u64, EraseError> {
    let due = store.older_than(Kind::Calls, cutoff, SOME).await?;
    for call_sid in &due {
        let erasure = Erasure {
            call_sid: call_sid.clone(),
            reason: "retention",
            by: "retention".to_owned(),
        };
        eraser.rows_and_files(erasure).await?;
    }
    Ok(due.len() as u64)
}

async fn some(store: &Store, kind: Kind, cutoff: Timestamp) -> Result<u64, StoreError> {
    let mut due = store.older_than(kind, cutoff, SOME).await?;
    due.dedup();
    let count = due.len() as u64;
    if count > 0 {
        store.forget(kind, due, cutoff).await?;
    }
    Ok(count)
}

/// Removes the files of this machine whose keys are erased, whoever did that: another node, or a command elsewhere.
async fn files(eraser: &Eraser, store: &Store, folder: &Folder) -> Result<(), EraseError> {
    for names in folder.names().await.chunks(SOME as usize) {
        eraser.remove(&store.erased_files(names).await?)?;
    }
    Ok(())
}
