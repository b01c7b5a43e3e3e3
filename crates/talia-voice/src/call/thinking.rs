//! Who thinks in a call: the engines and models that the configuration names, each behind the one before it, and the
//! script behind all.

use crate::app::App;
use crate::brain::llm::{LlmBrain, Pace, Session};
use crate::brain::realtime::{Parts, RealtimeBrain, Wake};
use crate::brain::script::{Assistant, ScriptBrain};
use crate::brain::{Brain, Thought};
use crate::line::AnsweredCall;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use talia_dialogue::CueId;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// What a brain shares with its call.
pub(super) struct Shared<'a> {
    /// Where its answers go.
    pub(super) thoughts: mpsc::Sender<(CueId, Thought)>,
    /// Where it is woken from what it waits for, if it hears and speaks by itself.
    pub(super) wakes: mpsc::Sender<Wake>,
    /// Where its tools count what models wish for.
    pub(super) wished: Arc<AtomicU32>,
    /// Where its tasks are spawned.
    pub(super) tasks: &'a TaskTracker,
}

/// The brain of this call.
pub(super) fn of_call(
    app: &App,
    call: &AnsweredCall,
    assistant: &Arc<Assistant>,
    shared: Shared<'_>,
) -> Box<dyn Brain> {
    let Shared {
        thoughts,
        wakes,
        wished,
        tasks,
    } = shared;
    let caller = call.person();
    let caller_number = caller.starts_with('+').then(|| caller.to_owned());
    let destinations = &app.config.destinations;
    let person = assistant.person.as_deref().and_then(|id| destinations.get(id));
    let person = person.filter(|person| person.is_open(call.at));
    let script = ScriptBrain::new(assistant.clone(), caller_number.clone(), thoughts.clone())
        .on_errand(call.errand.clone())
        .with_person(person.map(|person| person.id.clone()));
    let toolbox = || Box::new(super::tools::of_call(app, call, assistant, wished.clone()));
    let service = app.realtime.clone();
    let rest: Box<dyn Brain> = if app.models.is_empty() {
        Box::new(script)
    } else {
        Box::new(LlmBrain::new(Session {
            assistant: assistant.clone(),
            caller_number: caller_number.clone(),
            models: app.models.clone(),
            pace: Pace::default(),
            toolbox: toolbox(),
            script,
            person: person.is_some(),
            standby: service.is_some(),
            clock: app.clock.clone(),
            thoughts,
            tasks: tasks.clone(),
        }))
    };
    let Some(service) = service else { return rest };
    let parts = Parts {
        service,
        clock: app.clock.clone(),
        metrics: app.metrics.clone(),
        assistant: assistant.clone(),
        tools: toolbox(),
        rest,
        caller_number,
        person: person.is_some(),
        tasks: tasks.clone(),
    };
    Box::new(RealtimeBrain::new(parts, wakes))
}
