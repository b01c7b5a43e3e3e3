//! The task that uploads recordings: how it is started, woken and ended.

use super::uploader::Uploader;
use super::{Bucket, Folder};
use crate::clock::Clock;
use crate::store::Store;
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// From the start to the first look, and from one look to the next.
const FIRST: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_secs(30);
/// Looks after the bell: the row of what is finished may not be written yet.
const SOON: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
];
/// For saying that what was begun is given up.
const LAST_WRITE: Duration = Duration::from_millis(500);

/// Says that there may be something to do.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Rings it. Nobody has to be there.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// The task that uploads recordings; none without a bucket.
#[derive(Debug)]
pub struct Uploads {
    closing: CancellationToken,
    closed: CancellationToken,
    tasks: TaskTracker,
}

impl Uploads {
    /// Uploads what is finished in this folder, and removes what is erased in this bucket.
    pub fn start(
        (bucket, folder, bell): (Option<Bucket>, Folder, Bell),
        store: &Store,
        (clock, metrics): (&Clock, &Arc<Metrics>),
    ) -> Self {
        let uploads = Self {
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        if let Some(bucket) = bucket {
            let uploader = Uploader::new((bucket, folder), store, (clock, metrics));
            let (closing, closed) = (uploads.closing.clone(), uploads.closed.clone());
            uploads.tasks.spawn(keep_looking(uploader, bell, closing, closed));
        }
        uploads.tasks.close();
        uploads
    }

    /// Looks once more, for so long at most. What is left then is uploaded at the next start.
    pub async fn close(&self, within: Duration) {
        self.closing.cancel();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("recordings are left to be uploaded later");
            self.closed.cancel();
            let _ = timeout(LAST_WRITE, self.tasks.wait()).await;
        }
    }
}

async fn keep_looking(mut uploader: Uploader, bell: Bell, closing: CancellationToken, closed: CancellationToken) {
    let (mut next, mut soon) = (FIRST, [].iter());
    loop {
        tokio::select! {
            () = closing.cancelled() => {
                uploader.look(&closed).await;
                return;
            }
            () = bell.0.notified() => soon = SOON.iter(),
            () = tokio::time::sleep(next) => {
                let due = uploader.look(&closed).await;
                next = due.unwrap_or(EVERY).min(EVERY);
            }
        }
        next = soon.next().map_or(next, |soon| next.min(*soon));
    }
}
