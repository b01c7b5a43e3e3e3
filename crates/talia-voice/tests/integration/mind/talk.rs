//! A conversation with the brain whose models are fakes.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use talia_dialogue::{Cue, CueId, Entry, Speaker, SpeechKind, TurnId};
use talia_spanish::Expectation;
use talia_voice::brain::llm::{LlmBrain, Models, Pace, Session};
use talia_voice::brain::script::{Assistant, ScriptBrain};
use talia_voice::brain::tools::{ToolCall, ToolOutcome, ToolSpec, Toolbox};
use talia_voice::brain::{Brain, LeadDraft, Thought, Usage};
use talia_voice::clock::Clock;
use talia_voice::config::{Account, Provider, ProviderKind, TurnDetection};
use talia_voice::providers::Health;
use talia_voice::telemetry::Metrics;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// The key that the fakes know.
pub(crate) const KEY: &str = "sk-test";
const CALLING_FROM: &str = "+525512345678";
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A link of the chain.
pub(crate) fn chat(name: &str, url: &str) -> Provider {
    Provider {
        name: name.to_owned(),
        kind: ProviderKind::OpenAiChat,
        account: Account {
            url: url.to_owned(),
            key: Some(KEY.into()),
        },
        model: Some("modelo".to_owned()),
        voice: None,
        prompt: None,
        prompt_version: None,
        turn_detection: TurnDetection::Own,
    }
}

/// A hosted prompt.
pub(crate) fn hosted(url: &str) -> Provider {
    Provider {
        kind: ProviderKind::OpenAiResponses,
        model: None,
        prompt: Some("pmpt_solara".to_owned()),
        prompt_version: Some("3".to_owned()),
        ..chat("hosted", url)
    }
}

/// What tools were used, and what they answered.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) lead: LeadDraft,
}

/// Tools that write down what they are asked.
struct TestTools {
    specs: Vec<ToolSpec>,
    used: Arc<Mutex<Used>>,
    /// How long `look_up` takes.
    slow: Duration,
}

impl Toolbox for TestTools {
    fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    fn facts(&self) -> &'static str {
        "Abrimos a las nueve."
    }

    fn begin(&mut self, call: ToolCall) -> BoxFuture<'static, ToolOutcome> {
        let mut used = self.used.lock().expect("no panic");
        used.calls.push(call.clone());
        let Ok(arguments) = serde_json::from_str::<Value>(&call.arguments) else {
            let output = "The arguments are not a JSON object.".to_owned();
            return std::future::ready(ToolOutcome {
                output,
                ..ToolOutcome::default()
            })
            .boxed();
        };
        let mut outcome = ToolOutcome {
            output: "Done.".to_owned(),
            ..ToolOutcome::default()
        };
        match call.name.as_str() {
            "set_full_name" => {
                used.lead.name = arguments["full_name"].as_str().map(str::to_owned);
                outcome.thoughts.push(Thought::Lead(used.lead.clone()));
            }
            "end_call" => {
                outcome.thoughts.push(Thought::EndCall);
                outcome.ends_turn = true;
            }
            _ => {}
        }
        let wait = if call.name == "look_up" {
            self.slow
        } else {
            Duration::ZERO
        };
        async move {
            tokio::time::sleep(wait).await;
            outcome
        }
        .boxed()
    }

    fn heard(&mut self, _entry: &Entry) {}

    fn pressed(&mut self, _digits: &str) {}

    fn lead(&self) -> LeadDraft {
        self.used.lock().expect("no panic").lead.clone()
    }

    fn adopt(&mut self, lead: LeadDraft) {
        self.used.lock().expect("no panic").lead = lead;
    }

    fn memory(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self.lead())
    }

    fn recall(&mut self, memory: Value) -> Result<(), serde_json::Error> {
        self.adopt(serde_json::from_value(memory)?);
        Ok(())
    }
}

fn tool(name: &str, field: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("{name}."),
        parameters: json!({"type": "object", "properties": {field: {"type": "string"}}, "additionalProperties": false}),
    }
}

/// One answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Answer {
    pub(crate) cue: u32,
    /// What was said, when after the question.
    pub(crate) said: Vec<(Duration, String, SpeechKind)>,
    pub(crate) expects: Option<Expectation>,
    pub(crate) leads: Vec<LeadDraft>,
    pub(crate) used: Vec<Usage>,
    pub(crate) ends: bool,
    pub(crate) not_yet: Option<bool>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.said.iter().map(|(_, text, _)| text.as_str()).collect();
        texts.join(" ")
    }

    /// When the first words came.
    #[track_caller]
    pub(crate) fn began(&self) -> Duration {
        self.said.first().expect("something was said").0
    }
}

/// A conversation.
pub(crate) struct Talk {
    pub(crate) brain: LlmBrain,
    pub(crate) used: Arc<Mutex<Used>>,
    pub(crate) models: Models,
    thoughts: mpsc::Receiver<(CueId, Thought)>,
    clock: Clock,
    tasks: TaskTracker,
    cue: u32,
}

impl Talk {
    /// With these models, the first one first.
    pub(crate) fn with(chain: &[Provider]) -> Self {
        Self::slow_tools(chain, Duration::ZERO)
    }

    pub(crate) fn slow_tools(chain: &[Provider], slow: Duration) -> Self {
        let clock = Clock::real();
        let metrics = Arc::new(Metrics::default());
        let health = Health::new(clock.clone(), metrics.clone());
        let models = Models::new(chain, &health, &metrics).expect("a client");
        let text = include_str!("../../../../../assistants/solara.toml");
        let assistant = Arc::new(Assistant::parse(text, Path::new("solara.toml")).expect("an assistant"));
        let (sender, thoughts) = mpsc::channel(256);
        let caller_number = Some(CALLING_FROM.to_owned());
        let used = Arc::new(Mutex::new(Used::default()));
        let tasks = TaskTracker::new();
        let toolbox = TestTools {
            specs: vec![
                tool("set_full_name", "full_name"),
                tool("end_call", "why"),
                tool("look_up", "what"),
            ],
            used: used.clone(),
            slow,
        };
        let brain = LlmBrain::new(Session {
            script: ScriptBrain::new(assistant.clone(), caller_number.clone(), sender.clone()),
            assistant,
            caller_number,
            models: models.clone(),
            pace: Pace::default(),
            toolbox: Box::new(toolbox),
            person: false,
            standby: false,
            clock: clock.clone(),
            thoughts: sender,
            tasks: tasks.clone(),
        });
        Self {
            brain,
            used,
            models,
            thoughts,
            clock,
            tasks,
            cue: 0,
        }
    }

    /// Asks; the answer is not heard yet.
    pub(crate) async fn ask(&mut self, about: Cue) -> Answer {
        let began = self.clock.elapsed();
        self.cue += 1;
        let cue = CueId(self.cue);
        self.brain.think(cue, about);
        self.finish(cue, began).await
    }

    /// Asks, and does not wait for the answer.
    pub(crate) fn begin(&mut self, about: Cue) -> CueId {
        self.cue += 1;
        self.brain.think(CueId(self.cue), about);
        CueId(self.cue)
    }

    /// Lets time pass, and things happen in it.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let until = self.clock.elapsed() + time;
        loop {
            let left = until.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = self.brain.attend() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Waits for the end of an answer.
    pub(crate) async fn finish(&mut self, cue: CueId, began: Duration) -> Answer {
        let mut answer = Answer {
            cue: cue.0,
            ..Answer::default()
        };
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            while let Ok((about, thought)) = self.thoughts.try_recv() {
                if about != cue && !matches!(thought, Thought::Used(_)) {
                    continue;
                }
                let at = self.clock.elapsed().saturating_sub(began);
                match thought {
                    Thought::Say { text, kind } => answer.said.push((at, text, kind)),
                    Thought::Expect(expectation) => answer.expects = Some(expectation),
                    Thought::Lead(lead) => answer.leads.push(lead),
                    Thought::Used(usage) => answer.used.push(usage),
                    Thought::EndCall => answer.ends = true,
                    Thought::NotYet { thinking } => {
                        answer.not_yet = Some(thinking);
                        return answer;
                    }
                    Thought::Done => {
                        answer.took = at;
                        return answer;
                    }
                    _ => {}
                }
            }
            tokio::select! {
                () = self.brain.attend() => {}
                () = &mut patience => panic!("no end of the answer: {answer:?}"),
            }
        }
    }

    /// All of it is heard.
    pub(crate) fn hears(&mut self, answer: &Answer) {
        for (_, text, kind) in &answer.said {
            self.brain.heard(&said(text, None, *kind));
        }
    }

    /// The caller speaks, and hears the answer.
    pub(crate) async fn say(&mut self, text: &str) -> Answer {
        let answer = self.only_say(text).await;
        self.hears(&answer);
        answer
    }

    /// The caller speaks; nothing of the answer is heard.
    pub(crate) async fn only_say(&mut self, text: &str) -> Answer {
        let cue = self.turn(text, None);
        self.ask(cue).await
    }

    pub(crate) fn turn(&self, text: &str, revises: Option<CueId>) -> Cue {
        Cue::Turn {
            turn: TurnId(self.cue + 1),
            text: text.to_owned(),
            revises,
        }
    }

    /// The conversation is over: nothing of it lives.
    pub(crate) async fn end(self) {
        let Self { brain, tasks, .. } = self;
        drop(brain);
        tasks.close();
        tokio::time::timeout(Duration::from_secs(2), tasks.wait())
            .await
            .expect("nothing lives two seconds after the end");
    }
}

/// A line of the transcript of ours.
pub(crate) fn said(text: &str, unheard: Option<&str>, kind: SpeechKind) -> Entry {
    Entry {
        speaker: Speaker::Assistant,
        text: text.to_owned(),
        unheard: unheard.map(str::to_owned),
        began: Duration::ZERO,
        ended: Duration::ZERO,
        kind: Some(kind),
        by_timer: false,
        own_voice: false,
    }
}

/// The roles and texts of a request's messages.
pub(crate) fn messages(request: &Value) -> Vec<(String, String)> {
    let messages = request["messages"].as_array().expect("messages");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    messages
        .iter()
        .map(|message| (text(&message["role"]), text(&message["content"])))
        .collect()
}
