//! The tools of a call as the rest of the program gives them to its brain: whose call it is, and where acts are kept.

use crate::app::App;
use crate::brain::script::Assistant;
use crate::brain::tools::act_log::{Act, ActLog, ActState, Begun};
use crate::brain::tools::{CallTools, ToolSession};
use crate::clock::Clock;
use crate::line::AnsweredCall;
use crate::store::{NewToolAct, Record, Store, StoreError, ToolActEnd};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use talia_spanish::ear::Country;
use tokio::time::timeout;

/// How long a caller waits for a row before the act is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The tools of this call. `wished` counts what models wished for.
pub fn of_call(app: &App, call: &AnsweredCall, assistant: &Assistant, wished: Arc<AtomicU32>) -> CallTools {
    let person = call.person();
    let session = ToolSession {
        caller_number: person.starts_with('+').then(|| person.to_owned()),
        business: assistant.business.clone(),
        language: assistant.language,
        country: Country::from_iso(&assistant.country).unwrap_or_default(),
        destinations: Arc::new(app.config.destinations.clone()),
        most_wishes: app.config.limits.tool_calls,
        clock: app.clock.clone(),
        log: Arc::new(StoreLog {
            store: app.store.clone(),
            clock: app.clock.clone(),
            call_sid: call.call_sid.to_string(),
            wished,
        }),
        metrics: app.metrics.clone(),
    };
    CallTools::new(Arc::new(app.tools.of(assistant)), session)
}

/// Keeps the acts of one call in the database.
struct StoreLog {
    store: Store,
    clock: Clock,
    call_sid: String,
    wished: Arc<AtomicU32>,
}

impl ActLog for StoreLog {
    fn begin(&self, act: Act) -> BoxFuture<'static, Begun> {
        let store = self.store.clone();
        let new = NewToolAct {
            call_sid: self.call_sid.clone(),
            key: act.key,
            tool: act.tool,
            at: self.clock.wall(),
        };
        async move {
            let written = timeout(PATIENCE, store.tool_act_begun(new)).await;
            match written.unwrap_or(Err(StoreError::Locked)) {
                Ok(None) => Begun::Written,
                Ok(Some(state)) => Begun::Before(match state.as_str() {
                    "done" => ActState::Done,
                    "failed" => ActState::Failed,
                    "unknown" => ActState::Unknown,
                    _ => ActState::Begun,
                }),
                // The caller's goodbye doesn't wait for a disk.
                Err(_) if !act.durably => Begun::Written,
                Err(_) => Begun::Unwritable,
            }
        }
        .boxed()
    }

    fn end(&self, key: &str, state: ActState) {
        let state = match state {
            ActState::Begun => return,
            ActState::Done => "done",
            ActState::Failed => "failed",
            ActState::Unknown => "unknown",
        };
        let end = ToolActEnd {
            call_sid: self.call_sid.clone(),
            key: key.to_owned(),
            state,
            at: self.clock.wall(),
        };
        if let Err(error) = self.store.record(Record::ToolActEnded(end)) {
            // Counted by the store. An act without an end counts as one of which nothing is known.
            tracing::error!(%error, "the end of a tool's act could not be handed over");
        }
    }

    fn wished(&self, times: u32) {
        self.wished.fetch_max(times, Ordering::Relaxed);
    }
}
