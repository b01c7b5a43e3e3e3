//! The live feed: from any point of the past without a gap into the present.

use crate::store::{OutboxRow, Store, StoreError};
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Events read from the database at once.
const PAGE: u32 = 200;

/// Where one reader stands.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    live: broadcast::Receiver<Arc<OutboxRow>>,
    /// The newest event that was handed out.
    cursor: i64,
    page: VecDeque<OutboxRow>,
    /// Whether the database may hold events that the reader has not seen.
    behind: bool,
}

impl Feed {
    /// Everything after `cursor`; without one, everything from now on.
    pub async fn open(store: &Store, cursor: Option<i64>) -> Result<Self, StoreError> {
        // Listening begins before the database is read, so nothing falls between.
        let live = store.committed();
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => store.newest_event().await?,
        };
        Ok(Self {
            store: store.clone(),
            live,
            cursor,
            page: VecDeque::new(),
            behind: true,
        })
    }

    /// The next event; `None` when the store is closed.
    pub async fn next(&mut self) -> Result<Option<OutboxRow>, StoreError> {
        loop {
            if let Some(row) = self.page.pop_front() {
                self.cursor = row.seq;
                return Ok(Some(row));
            }
            if self.behind {
                self.page = self.store.events_after(self.cursor, PAGE).await?.into();
                self.behind = !self.page.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok(row) if row.seq > self.cursor => {
                    self.cursor = row.seq;
                    return Ok(Some(row.as_ref().clone()));
                }
                Ok(_) => {}
                // Too slow for memory: the database has what was missed.
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}

/// The feed as a stream that ends with the store, or with the first failure to read it.
pub fn follow(feed: Feed) -> impl Stream<Item = OutboxRow> + Send {
    stream::unfold(feed, |mut feed| async move {
        let row = feed.next().await.ok().flatten()?;
        Some((row, feed))
    })
}
