//! Says the end of recordings whose process died: nobody else does.

use super::{Fault, Folder};
use crate::clock::Clock;
use crate::store::{Record, RecordingEnd, RecordingRow, Store, StoreError};
use crate::telemetry::Metrics;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use talia_audio::frame::duration_of;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// From the start to the first look, and from one look to the next.
const FIRST: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_mins(5);
/// A call that is over for so long has no writer any more, on whatever node…
const OVER: SignedDuration = SignedDuration::from_mins(5);
/// … and a file that is on no other node that is alive by now is on none.
const NOBODYS: SignedDuration = SignedDuration::from_hours(1);
/// Recordings that are looked at at once.
const SOME: u32 = 100;
/// What age seals together, plain and sealed, bytes.
const PLAIN: u64 = 64 * 1_024;
const SEALED: u64 = PLAIN + 16;
/// Two bytes of μ-law a sample, one of each side.
const SIDES: u64 = 2;

/// Looks until the server stops.
pub async fn close_in_time(
    store: Store,
    folder: Folder,
    (clock, metrics): (Clock, Arc<Metrics>),
    stop: CancellationToken,
) {
    let mut next = FIRST;
    while timeout(next, stop.cancelled()).await.is_err() {
        next = EVERY;
        match close(&store, &folder, &metrics, clock.wall()).await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(recording.count = count, "recordings whose process died are closed"),
            // Counted by the store; the next look finds the same ones.
            Err(error) => tracing::debug!(%error, "recordings can't be looked at"),
        }
    }
}

/// Looks once; answers how many were closed. What is whole of them can be opened as ever.
pub async fn close(store: &Store, folder: &Folder, metrics: &Metrics, now: Timestamp) -> Result<u64, StoreError> {
    let mut count = 0;
    for row in store.unfinished_recordings(now - OVER, SOME).await? {
        let here = tokio::fs::metadata(folder.file(&row.place)).await.ok();
        let bytes = match here {
            Some(file) => file.len(),
            None if older(&row, now - NOBODYS) => 0,
            // Its node looks after it.
            None => continue,
        };
        metrics.recording_failed(Fault::Died);
        store
            .keep(Record::RecordingEnded(RecordingEnd {
                id: row.id,
                call_sid: row.call_sid,
                fault: Some(Fault::Died.word()),
                bytes: bytes as i64,
                duration_ms: duration_of(bytes / SEALED * PLAIN / SIDES).as_millis() as i64,
                missing_ms: 0,
                silenced_ms: 0,
                at: now,
            }))
            .await?;
        count += 1;
    }
    Ok(count)
}

fn older(row: &RecordingRow, than: Timestamp) -> bool {
    row.started_at.parse::<Timestamp>().is_ok_and(|started| started < than)
}
