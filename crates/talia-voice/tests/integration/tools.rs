//! What a model may do in a call beside speaking, and what it may not, whatever it says.

mod addresses;
mod consent;
mod knowledge;
mod mcp;
pub(crate) mod own;
mod traitor;
mod traitor_calls;

use crate::harness;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use talia_dialogue::{Entry, Speaker, SpeechKind};
use talia_spanish::Language;
use talia_spanish::ear::Country;
use talia_voice::brain::script::Assistant;
use talia_voice::brain::tools::act_log::{Act, ActLog, ActState, Begun};
use talia_voice::brain::tools::{CallTools, ToolCall, ToolOutcome, ToolSession, Toolbox, Tools};
use talia_voice::clock::Clock;
use talia_voice::outgoing::{Lookup, SystemLookup};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

/// The number that calls in these tests.
pub(crate) const CALLER: &str = "+525512345678";
/// People whom callers may be handed to: one always there, one never, and one of another assistant.
pub(crate) const PEOPLE: &str = r#"
[[destinations]]
id = "ventas"
number = "+525587650001"

[[destinations]]
id = "noche"
number = "+525587650002"
hours = ["mo-su 23:58-23:59"]

[[destinations]]
id = "ajena"
number = "+525587650003"
"#;

const ASSISTANT: &str = include_str!("../../../../assistants/solara.toml");

/// Keeps acts in memory, as the database does.
#[derive(Debug, Default)]
pub(crate) struct Log {
    acts: Mutex<HashMap<String, ActState>>,
    pub(crate) begun: Mutex<Vec<Act>>,
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

impl ActLog for Log {
    fn begin(&self, act: Act) -> BoxFuture<'static, Begun> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            return std::future::ready(Begun::Unwritable).boxed();
        }
        let mut acts = self.acts.lock().expect("a lock");
        let begun = match acts.get(&act.key) {
            Some(ActState::Failed) | None => {
                acts.insert(act.key.clone(), ActState::Begun);
                self.begun.lock().expect("a lock").push(act);
                Begun::Written
            }
            Some(state) => Begun::Before(*state),
        };
        std::future::ready(begun).boxed()
    }

    fn end(&self, key: &str, state: ActState) {
        self.acts.lock().expect("a lock").insert(key.to_owned(), state);
    }

    fn wished(&self, _times: u32) {}
}

impl Log {
    pub(crate) fn states(&self) -> Vec<ActState> {
        self.acts.lock().expect("a lock").values().copied().collect()
    }
}

/// A call and its tools.
pub(crate) struct Call {
    pub(crate) tools: CallTools,
    pub(crate) all: Arc<Tools>,
    pub(crate) log: Arc<Log>,
    pub(crate) metrics: Arc<Metrics>,
    session: ToolSession,
    assistant: Assistant,
    ids: u32,
    _directory: TempDir,
}

impl Call {
    /// A call with this configuration, of the example's assistant with these keys on top.
    pub(crate) fn new(toml: &str, keys: &str) -> Self {
        Self::resolving(toml, keys, Arc::new(SystemLookup))
    }

    pub(crate) fn resolving(toml: &str, keys: &str, lookup: Arc<dyn Lookup>) -> Self {
        let directory = TempDir::new().expect("a folder");
        let config = harness::config(&directory, &[("talia.toml", toml), ("ERP_KEY", "canary-secret")]);
        let assistant = Assistant::parse(&format!("{keys}\n{ASSISTANT}"), Path::new("a.toml")).expect("an assistant");
        let all = Arc::new(Tools::new(&config, lookup).expect("tools"));
        all.check(&assistant).expect("known tools");
        let (log, metrics) = (Arc::new(Log::default()), Arc::new(Metrics::default()));
        let session = ToolSession {
            caller_number: Some(CALLER.to_owned()),
            business: "Solara".to_owned(),
            language: Language::Spanish,
            country: Country::Mexico,
            destinations: Arc::new(config.destinations.clone()),
            most_wishes: config.limits.tool_calls,
            clock: Clock::manual(harness::noon()),
            log: log.clone(),
            metrics: metrics.clone(),
        };
        Self {
            tools: CallTools::new(Arc::new(all.of(&assistant)), session.clone()),
            all,
            log,
            metrics,
            session,
            assistant,
            ids: 0,
            _directory: directory,
        }
    }

    /// Another call of the same assistant.
    pub(crate) fn next_call(&mut self) {
        self.log = Arc::new(Log::default());
        self.session.log = self.log.clone();
        self.tools = CallTools::new(Arc::new(self.all.of(&self.assistant)), self.session.clone());
    }

    /// The same call in another process: what was remembered, and the same log.
    pub(crate) fn resumed(&mut self) {
        let memory = self.tools.memory().expect("a memory");
        self.tools = CallTools::new(Arc::new(self.all.of(&self.assistant)), self.session.clone());
        self.tools.recall(memory).expect("recalled");
    }

    /// TalIA is heard.
    pub(crate) fn talia(&mut self, text: &str) {
        self.tools.heard(&entry(Speaker::Assistant, text));
    }

    /// The caller speaks.
    pub(crate) fn caller(&mut self, text: &str) {
        self.tools.heard(&entry(Speaker::Caller, text));
    }

    /// A model wishes to use a tool.
    pub(crate) async fn wish(&mut self, name: &str, arguments: &str) -> ToolOutcome {
        let call = self.call(name, arguments);
        let doing = self.tools.begin(call);
        tokio::time::timeout(Duration::from_secs(10), doing)
            .await
            .expect("in time")
    }

    pub(crate) fn call(&mut self, name: &str, arguments: &str) -> ToolCall {
        self.ids += 1;
        ToolCall {
            id: format!("call_{:012}", self.ids),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }
}

pub(crate) fn entry(speaker: Speaker, text: &str) -> Entry {
    Entry {
        speaker,
        text: text.to_owned(),
        unheard: None,
        began: Duration::ZERO,
        ended: Duration::ZERO,
        kind: (speaker == Speaker::Assistant).then_some(SpeechKind::Answer),
        by_timer: false,
        own_voice: false,
    }
}
