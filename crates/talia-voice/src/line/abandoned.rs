//! Ends calls whose stream never came back: Twilio has given them up without telling, or its report was lost.

use crate::app::App;
use crate::store::{OpenCall, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::EndReason;
use tokio::time::{MissedTickBehavior, interval};

/// Open calls without a stream, and since when nothing new was heard of each.
#[derive(Debug)]
pub struct Abandoned {
    after: Duration,
    waiting: HashMap<OpenCall, Duration>,
}

impl Abandoned {
    /// Calls count as abandoned `after` this long without a stream and without news.
    pub fn new(after: Duration) -> Self {
        Self {
            after,
            waiting: HashMap::new(),
        }
    }

    /// Takes the open calls that have no stream at `now` (any monotonic clock), and answers those that have had none
    /// for too long. A call that moved on meanwhile (another status, another stream) begins to wait anew.
    pub fn overdue(&mut self, now: Duration, without_stream: Vec<OpenCall>) -> Vec<OpenCall> {
        let seen: HashSet<OpenCall> = without_stream.into_iter().collect();
        self.waiting.retain(|call, _| seen.contains(call));
        let after = self.after;
        let mut overdue = Vec::new();
        for call in seen {
            let since = *self.waiting.entry(call.clone()).or_insert(now);
            if now.saturating_sub(since) >= after {
                overdue.push(call);
            }
        }
        overdue
    }
}

/// Looks once, and ends what is overdue; answers how many calls that were.
pub async fn sweep(app: &App, abandoned: &mut Abandoned) -> Result<usize, StoreError> {
    let mut open = app.store.open_calls().await?;
    // A call out may wait in Twilio's queue for as long as others are ahead of it (one a second is dialled).
    open.retain(|call| !app.live.has(&call.call_sid) && call.status != "queued");
    let mut ended = 0;
    for call in abandoned.overdue(app.clock.elapsed(), open) {
        // It may have come back while the others were being ended.
        if app.live.has(&call.call_sid) {
            continue;
        }
        app.store.call_ended(&call.call_sid, EndReason::Failure).await?;
        tracing::warn!(
            call.sid = call.call_sid,
            "a call's stream never came back; the call is closed"
        );
        ended += 1;
    }
    Ok(ended)
}

/// Sweeps for as long as it is not dropped.
pub(crate) async fn keep_sweeping(app: Arc<App>) {
    let after = app.config.limits.abandoned;
    let mut abandoned = Abandoned::new(after);
    let mut pulse = interval((after / 8).clamp(Duration::from_secs(1), Duration::from_secs(30)));
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        if let Err(error) = sweep(&app, &mut abandoned).await {
            // Counted by the store; the next sweep finds the same calls.
            tracing::debug!(%error, "open calls can't be swept");
        }
    }
}
