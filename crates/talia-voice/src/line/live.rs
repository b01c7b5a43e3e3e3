//! The calls whose media stream is open: one stream a call.

use super::CloseCause;
use super::command::{CallCommand, Commanded, Declined};
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use talia_dialogue::Speaker;
use talia_twilio::{CallSid, StreamSid};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Commands that may wait for a call.
const WAITING: usize = 8;
/// How long a call may take to say what it thinks of one.
const ANSWER: Duration = Duration::from_secs(2);

/// Which calls have an open stream, and the means to end one from outside.
#[derive(Debug, Clone)]
pub struct LiveCalls {
    calls: Arc<Mutex<HashMap<CallSid, Place>>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Place {
    stream_sid: StreamSid,
    end: watch::Sender<Option<CloseCause>>,
    /// Cancelled when the stream's task is done with the call.
    left: CancellationToken,
    last_spoke: Option<Speaker>,
    commands: mpsc::Sender<Commanded>,
}

/// What a call has when it takes its place.
#[derive(Debug)]
pub struct Entered {
    pub place: LiveCall,
    /// Cancelled when an earlier stream's task has written down all it knows and is gone; none: there was none.
    pub predecessor: Option<CancellationToken>,
    /// What others want done in the call.
    pub commands: mpsc::Receiver<Commanded>,
}

/// A call's place among the live ones; dropping it gives the place up.
#[derive(Debug)]
pub struct LiveCall {
    call_sid: CallSid,
    ended: watch::Receiver<Option<CloseCause>>,
    left: CancellationToken,
    calls: LiveCalls,
}

impl LiveCalls {
    /// None yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            calls: Arc::default(),
            metrics,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether a call has an open stream.
    pub fn has(&self, call_sid: &str) -> bool {
        self.lock().keys().any(|live| live.as_str() == call_sid)
    }

    /// All of them, and who began to speak last in each.
    pub fn all(&self) -> Vec<(CallSid, Option<Speaker>)> {
        let calls = self.lock();
        let all = calls
            .iter()
            .map(|(call_sid, place)| (call_sid.clone(), place.last_spoke));
        all.collect()
    }

    /// Somebody begins to speak in a call.
    pub fn speaks(&self, call_sid: &CallSid, who: Speaker) {
        if let Some(place) = self.lock().get_mut(call_sid) {
            place.last_spoke = Some(who);
        }
    }

    /// Takes the call's place. A stream that has it already is closed: Twilio opens a new one only when it has given
    /// the old one up, however alive that looks from here.
    pub fn enter(&self, call_sid: CallSid, stream_sid: StreamSid) -> Entered {
        let (sender, commands) = mpsc::channel(WAITING);
        let (end, ended) = watch::channel(None);
        let left = CancellationToken::new();
        let place = Place {
            stream_sid,
            end,
            left: left.clone(),
            last_spoke: None,
            commands: sender,
        };
        let before = self.lock().insert(call_sid.clone(), place);
        let predecessor = if let Some(before) = before {
            before.end.send_replace(Some(CloseCause::Replaced));
            Some(before.left)
        } else {
            self.metrics.live_calls.inc();
            None
        };
        Entered {
            place: LiveCall {
                call_sid,
                ended,
                left,
                calls: self.clone(),
            },
            predecessor,
            commands,
        }
    }

    /// Hands a command to a call, and answers what the call says: from `Ok` on it will be done.
    pub async fn command(&self, call_sid: &str, command: CallCommand, key: Option<String>) -> Result<(), Declined> {
        let (answer, answered) = oneshot::channel();
        let sent = {
            let calls = self.lock();
            let place = calls.iter().find(|(live, _)| live.as_str() == call_sid);
            let (_, place) = place.ok_or(Declined::NotLive)?;
            place.commands.try_send(Commanded { command, key, answer })
        };
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Declined::TooMany,
            mpsc::error::TrySendError::Closed(_) => Declined::NotLive,
        })?;
        match timeout(ANSWER, answered).await {
            Ok(Ok(answer)) => answer,
            // The call ended meanwhile.
            Ok(Err(_)) => Err(Declined::NotLive),
            Err(_) => Err(Declined::NoAnswer),
        }
    }

    /// Closes a call's stream, if it has one.
    pub fn end(&self, call_sid: &CallSid, cause: CloseCause) {
        if let Some(place) = self.lock().get(call_sid) {
            place.end.send_replace(Some(cause));
        }
    }

    /// Closes this stream of a call, if it is the call's newest.
    pub fn end_stream(&self, (call_sid, stream_sid): (&CallSid, &StreamSid), cause: CloseCause) {
        if let Some(place) = self
            .lock()
            .get(call_sid)
            .filter(|place| place.stream_sid == *stream_sid)
        {
            place.end.send_replace(Some(cause));
        }
    }

    /// Closes all streams.
    pub fn end_all(&self, cause: CloseCause) {
        for place in self.lock().values() {
            place.end.send_replace(Some(cause));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallSid, Place>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveCall {
    /// Waits until somebody else ends the call's stream, and tells why. Can be dropped and asked again.
    pub(super) async fn ended(&mut self) -> CloseCause {
        match self.ended.wait_for(Option::is_some).await {
            Ok(cause) => cause.unwrap_or(CloseCause::Replaced),
            Err(_) => CloseCause::Replaced,
        }
    }
}

impl Drop for LiveCall {
    fn drop(&mut self) {
        let mut calls = self.calls.lock();
        // A newer stream of the same call has its own channel.
        if calls
            .get(&self.call_sid)
            .is_some_and(|place| self.ended.same_channel(&place.end.subscribe()))
        {
            calls.remove(&self.call_sid);
            self.calls.metrics.live_calls.dec();
        }
        self.left.cancel();
    }
}
