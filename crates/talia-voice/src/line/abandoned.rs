//! Looks after calls whose stream is gone and did not come back: Twilio is told to come back for them, asked what became
//! of them, and what is over is closed.

use super::paths;
use crate::app::App;
use crate::store::{OpenCall, StatusReport, StoreError};
use futures::{StreamExt, stream};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::EndReason;
use talia_twilio::CallSid;
use talia_twilio::rest::Fault;
use tokio::time::{MissedTickBehavior, interval};

/// A person may talk with a caller for as long as Twilio lets them.
const LONGEST_TRANSFER: Duration = Duration::from_hours(4);
/// A node counts as alive for this long after it last said so…
const LEASE: Duration = Duration::from_secs(15);
/// …and says so this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often Twilio is asked whether a caller who was promised a person is still with one.
const LOOK: Duration = Duration::from_mins(1);
/// Questions to Twilio at once.
const AT_ONCE: usize = 8;

/// What is to be done about a call without a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Twilio is told to come back for it.
    Recall,
    /// Its caller was promised a person: where Twilio neither dials nor has anybody on the line, it is told to come back.
    Look,
    /// It counts as abandoned: what Twilio says of it stands, and where it says nothing, it has failed.
    Close,
}

/// Open calls without a stream, and since when nothing new was heard of each.
#[derive(Debug)]
pub struct Abandoned {
    recall_after: Duration,
    close_after: Duration,
    waiting: HashMap<OpenCall, Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Duration,
    recalled: bool,
    /// When Twilio was last asked about its legs.
    looked: Option<Duration>,
}

impl Abandoned {
    /// A stream that broke is recalled after the first of these, a call without stream and news closed after the
    /// second.
    pub fn new(recall_after: Duration, close_after: Duration) -> Self {
        Self {
            recall_after,
            close_after,
            waiting: HashMap::new(),
        }
    }

    /// Takes the open calls that have no stream at `now` (any monotonic clock), and answers what is due. A call that
    /// moved on meanwhile (another status, another stream) begins to wait anew. Each is recalled once; one that has
    /// never had a stream isn't, and of one that may be with a person Twilio is asked first, every minute.
    pub fn due(&mut self, now: Duration, without_stream: Vec<OpenCall>) -> Vec<(OpenCall, Step)> {
        let seen: HashSet<OpenCall> = without_stream.into_iter().collect();
        self.waiting.retain(|call, _| seen.contains(call));
        let mut due = Vec::new();
        for call in seen {
            let waiting = self.waiting.entry(call.clone()).or_insert(Waiting {
                since: now,
                recalled: false,
                looked: None,
            });
            let waited = now.saturating_sub(waiting.since);
            let close_after = if call.transferred {
                LONGEST_TRANSFER
            } else {
                self.close_after
            };
            let lost = call.streams > 0 && waited >= self.recall_after;
            if waited >= close_after {
                due.push((call, Step::Close));
            } else if lost && call.transferred {
                if waiting.looked.is_none_or(|at| now.saturating_sub(at) >= LOOK) {
                    waiting.looked = Some(now);
                    due.push((call, Step::Look));
                }
            } else if lost && !waiting.recalled {
                waiting.recalled = true;
                due.push((call, Step::Recall));
            }
        }
        due
    }
}

/// Looks once, and does what is due; answers how many calls it closed.
pub async fn sweep(app: &App, abandoned: &mut Abandoned) -> Result<usize, StoreError> {
    let mut open = app.store.open_calls().await?;
    // A call out may wait in Twilio's queue for as long as others are ahead of it (one a second is dialled).
    open.retain(|call| !call.held_elsewhere && !app.live.has(&call.call_sid) && call.status != "queued");
    let due = abandoned.due(app.clock.elapsed(), open);
    let results: Vec<_> = stream::iter(due)
        .map(|(call, step)| follow(app, call, step))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut closed = 0;
    for result in results {
        closed += usize::from(result?);
    }
    Ok(closed)
}

async fn follow(app: &App, call: OpenCall, step: Step) -> Result<bool, StoreError> {
    // It may have come back while the others were being asked about.
    if app.live.has(&call.call_sid) {
        return Ok(false);
    }
    match step {
        Step::Recall => {
            recall(app, &call).await?;
            Ok(false)
        }
        Step::Look => look(app, &call).await,
        Step::Close => close(app, &call).await,
    }
}

/// Recalls a caller who was promised a person and hears nobody: whoever wrote the promise down died before Twilio heard of
/// it, and Twilio doesn't ask by itself. Then the promise is kept, as it stands in the row.
async fn look(app: &App, call: &OpenCall) -> Result<bool, StoreError> {
    let (Some(rest), Ok(call_sid)) = (&app.rest, CallSid::new(&call.call_sid)) else {
        return Ok(false);
    };
    match ask(app, call).await? {
        Answer::Over => return Ok(true),
        Answer::Silent | Answer::Unknown => return Ok(false),
        Answer::Alive => {}
    }
    // Counted by the client; the next look asks again.
    let Ok(legs) = rest.legs_of(&call_sid).await else {
        return Ok(false);
    };
    if legs.iter().all(|leg| leg.status.is_terminal()) && !app.live.has(&call.call_sid) {
        recall(app, call).await?;
    }
    Ok(false)
}

/// Sends a live call to where it says how it goes on.
async fn recall(app: &App, call: &OpenCall) -> Result<(), StoreError> {
    let (Some(rest), Ok(call_sid)) = (&app.rest, CallSid::new(&call.call_sid)) else {
        return Ok(());
    };
    let url = app.config.server.public_url.http(paths::AFTER);
    match rest.redirect_call(&call_sid, &url).await {
        Ok(_) => tracing::warn!(
            call.sid = call.call_sid,
            "a call's stream was lost; Twilio was told to come back for it"
        ),
        Err(error) if matches!(error.fault(), Fault::CallOver | Fault::NotFound) => {
            ask(app, call).await?;
        }
        Err(error) => {
            tracing::warn!(call.sid = call.call_sid, %error, "a call whose stream was lost could not be recalled");
        }
    }
    Ok(())
}

async fn close(app: &App, call: &OpenCall) -> Result<bool, StoreError> {
    match ask(app, call).await? {
        Answer::Over => return Ok(true),
        // Whoever could tell can't be asked now: the next look asks again.
        Answer::Silent => return Ok(false),
        Answer::Alive if call.transferred => return Ok(false),
        Answer::Alive | Answer::Unknown => {}
    }
    if let (Some(rest), Ok(call_sid)) = (&app.rest, CallSid::new(&call.call_sid))
        && let Err(error) = rest.end_call(&call_sid).await
    {
        tracing::warn!(call.sid = call.call_sid, %error, "an abandoned call could not be ended");
        return Ok(false);
    }
    app.store.call_ended(&call.call_sid, EndReason::Failure).await?;
    tracing::warn!(
        call.sid = call.call_sid,
        "a call's stream never came back; the call is closed"
    );
    Ok(true)
}

/// What Twilio says of a call.
enum Answer {
    /// It is over, and its row says so now.
    Over,
    /// It lives.
    Alive,
    /// Twilio doesn't know it, or nobody can be asked.
    Unknown,
    /// Twilio can't be reached.
    Silent,
}

async fn ask(app: &App, call: &OpenCall) -> Result<Answer, StoreError> {
    let (Some(rest), Ok(call_sid)) = (&app.rest, CallSid::new(&call.call_sid)) else {
        return Ok(Answer::Unknown);
    };
    let found = match rest.fetch_call(&call_sid).await {
        Ok(found) => found,
        Err(error) if error.fault() == Fault::NotFound => return Ok(Answer::Unknown),
        Err(_) => return Ok(Answer::Silent),
    };
    let status = found.status;
    if !status.is_terminal() {
        return Ok(Answer::Alive);
    }
    let ended = found
        .end_time
        .as_deref()
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
        .map_or_else(|| app.clock.wall(), |at| at.timestamp());
    app.store
        .advance_status(StatusReport {
            call_sid: call.call_sid.clone(),
            status,
            sequence: None,
            duration_s: found.duration_s.and_then(|seconds| i64::try_from(seconds).ok()),
            at: ended,
        })
        .await?;
    tracing::warn!(call.sid = call.call_sid, call.status = %status, "Twilio says that a call is over of which no report came");
    Ok(Answer::Over)
}

/// Sweeps for as long as it is not dropped, and says meanwhile that this node is alive.
pub(crate) async fn keep_sweeping(app: Arc<App>) {
    let limits = &app.config.limits;
    let mut abandoned = Abandoned::new(limits.resume_after, limits.abandoned);
    let shortest = limits.resume_after.min(limits.abandoned);
    let mut pulse = interval((shortest / 3).clamp(Duration::from_millis(200), Duration::from_secs(5)));
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said_alive = None;
    loop {
        pulse.tick().await;
        let now = app.clock.elapsed();
        if said_alive.is_none_or(|at| now.saturating_sub(at) >= HEARTBEAT) {
            // A failure is counted by the store; the next pulse says it again.
            said_alive = app.store.node_alive(LEASE).await.ok().map(|()| now);
        }
        if let Err(error) = sweep(&app, &mut abandoned).await {
            // Counted by the store; the next sweep finds the same calls.
            tracing::debug!(%error, "open calls can't be swept");
        }
    }
}
