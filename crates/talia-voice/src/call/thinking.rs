//! Who thinks in a call: the models that the configuration names, and the script behind them.

use crate::app::App;
use crate::brain::llm::{LlmBrain, Pace, Session};
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
    if app.models.is_empty() {
        return Box::new(script);
    }
    Box::new(LlmBrain::new(Session {
        assistant: assistant.clone(),
        caller_number,
        models: app.models.clone(),
        pace: Pace::default(),
        toolbox: Box::new(super::tools::of_call(app, call, assistant, wished)),
        script,
        person: person.is_some(),
        clock: app.clock.clone(),
        thoughts,
        tasks: tasks.clone(),
    }))
}
