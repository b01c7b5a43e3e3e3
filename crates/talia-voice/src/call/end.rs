//! A stream's end: the last rows are made durable, then the line goes.

use super::{CallTask, live::LiveEvent};
use crate::line::{self, LeftHere, LineCommand};
use std::time::Duration;
use talia_dialogue::EndReason;
use tokio::time::timeout;

/// How long a stream's end waits for the disk; its next stream waits behind it. What takes longer is written later.
pub(super) const DURABLY: Duration = Duration::from_millis(300);

impl CallTask {
    /// Leaves with this process what the call's next stream needs, should the database be slow to take it.
    fn leave(&mut self) {
        let memory = self.memory();
        let left = LeftHere {
            stream: i64::from(self.call.streams_before) + 1,
            began: self.recorder.began(),
            memory: self.recorder.memory(&memory).unwrap_or_default(),
            disclosed: self.disclosed,
        };
        self.app.lately.left(self.call.call_sid.as_str(), left);
    }

    /// Makes the call's last rows durable, then lets the line go: what Twilio asks next depends on them.
    pub(super) async fn finish(mut self) {
        let reason = self.ended.unwrap_or(EndReason::Failure);
        let now = self.now();
        self.recording.end();
        self.keep_lead(&self.brain.lead(), true);
        // Only now: who goes on ("… antes de las cinco") has taken it back. Who hangs up with it, hasn't.
        if self.brain.refuses_calls() && self.call.person().starts_with('+') {
            self.recorder.do_not_call(self.call.person(), now);
        }
        self.meter.line(self.app.clock.elapsed().saturating_sub(self.origin));
        self.keep_usage();
        if self.broken {
            // The next stream goes on from here, on whatever node it begins.
            self.leave();
            self.recorder.remember_durably(&self.memory(), now).await;
        } else if let (EndReason::Transferred, Some(handover)) = (reason, self.handover.take()) {
            self.leave();
            self.recorder.remember_durably(&self.memory(), now).await;
            let handover = self.recorder.summary(&handover);
            line::hand_over(&self.app, &self.call.call_sid, &handover).await;
        } else {
            // Without a voice of ours nothing was said at all: Twilio is left to ask what comes next, and says why.
            let speechless = reason == EndReason::Failure && !self.disclosed;
            let call_sid = self.call.call_sid.as_str();
            if !speechless {
                self.app.lately.over(call_sid);
            }
            // What failed is counted by the store, and what takes longer is written later.
            let _ = timeout(DURABLY, self.app.store.call_ended(call_sid, reason)).await;
            if reason != EndReason::CallerHungUp && !speechless {
                line::end_call(&self.app, &self.call.call_sid).await;
            }
        }
        if reason != EndReason::CallerHungUp {
            // The line may be gone already; there is nothing left to do about it.
            let _ = self.socket.send(&[LineCommand::Close]).await;
        }
        if let Some(trace) = &self.trace {
            // Its own end: what came after was writing it down, for which the next stream waits.
            let (whole, ended) = ((self.offset, now), (reason, self.broken));
            self.app.traces.leave(trace.stream(whole, ended));
        }
        self.live.send(LiveEvent::Ended { reason });
        tracing::info!(
            call.sid = self.call.call_sid.as_str(),
            call.reason = ?reason,
            call.broken = self.broken,
            call.duration_ms = self.now().as_millis() as u64,
            "conversation ended"
        );
    }
}
