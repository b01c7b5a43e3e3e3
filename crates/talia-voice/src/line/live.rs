//! The calls whose media stream is open: one stream a call.

use super::CloseCause;
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use talia_twilio::CallSid;
use tokio::sync::watch;

/// Which calls have an open stream, and the means to end one from outside.
#[derive(Debug, Clone)]
pub struct LiveCalls {
    calls: Arc<Mutex<HashMap<CallSid, watch::Sender<Option<CloseCause>>>>>,
    metrics: Arc<Metrics>,
}

/// A call's place among the live ones; dropping it gives the place up.
#[derive(Debug)]
pub struct LiveCall {
    call_sid: CallSid,
    ended: watch::Receiver<Option<CloseCause>>,
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

    /// Takes the call's place. A stream that has it already is closed: Twilio opens a new one only when it has given
    /// the old one up, however alive that looks from here.
    pub fn enter(&self, call_sid: CallSid) -> LiveCall {
        let (end, ended) = watch::channel(None);
        let before = self.lock().insert(call_sid.clone(), end);
        match before {
            Some(before) => {
                before.send_replace(Some(CloseCause::Replaced));
            }
            None => {
                self.metrics.live_calls.inc();
            }
        }
        LiveCall {
            call_sid,
            ended,
            calls: self.clone(),
        }
    }

    /// Closes a call's stream, if it has one.
    pub fn end(&self, call_sid: &CallSid, cause: CloseCause) {
        if let Some(end) = self.lock().get(call_sid) {
            end.send_replace(Some(cause));
        }
    }

    /// Closes all streams.
    pub fn end_all(&self, cause: CloseCause) {
        for end in self.lock().values() {
            end.send_replace(Some(cause));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallSid, watch::Sender<Option<CloseCause>>>> {
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
            .is_some_and(|end| self.ended.same_channel(&end.subscribe()))
        {
            calls.remove(&self.call_sid);
            self.calls.metrics.live_calls.dec();
        }
    }
}
