//! The brain of one call: what it is asked, and what it remembers.

use super::generation::{Ahead, Turn};
use super::history::History;
use super::model::{Models, News, Report};
use super::race::{AttemptId, Pace};
use super::responses::Thread;
use crate::brain::prompt::{self, Manner};
use crate::brain::script::{Assistant, ScriptBrain, is_question};
use crate::brain::tools::{ToolSpec, Toolbox};
use crate::brain::{Brain, LeadDraft, Thought, expect};
use crate::clock::Clock;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{Cue, CueId, Entry, Resumption, Speaker, SpeechKind, TurnId};
use talia_spanish::ear::{self, listening};
use talia_spanish::{Expectation, tongue};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

/// Reports that may wait for the call.
const WAITING_REPORTS: usize = 64;

/// What a brain is made of.
pub struct Session {
    /// Whose conversation it is.
    pub assistant: Arc<Assistant>,
    /// E.164, where it is known.
    pub caller_number: Option<String>,
    /// Who thinks, the first one first.
    pub models: Models,
    /// How long anything may take.
    pub pace: Pace,
    /// What the models may do.
    pub toolbox: Box<dyn Toolbox>,
    /// The last of the chain, with the same listener.
    pub script: ScriptBrain,
    /// Somebody is there for callers who want a person.
    pub person: bool,
    /// Another brain thinks until this one [adopts](Brain::adopt) its lead: nothing is opened ahead of need.
    pub standby: bool,
    pub clock: Clock,
    /// Where thoughts go.
    pub thoughts: mpsc::Sender<(CueId, Thought)>,
    /// Where the tasks of this call are spawned.
    pub tasks: TaskTracker,
}

/// A request that is under way.
pub(super) struct Sent {
    pub(super) link: usize,
    pub(super) cue: CueId,
    pub(super) at: Duration,
    /// It brought something useful.
    pub(super) useful: bool,
    /// Tokens read, about: what it costs though nobody hears it.
    pub(super) input: u64,
    pub(super) task: AbortHandle,
}

/// The conversations that services keep for this call, one model's.
#[derive(Default)]
pub(super) struct Threads {
    /// Holds what was said until the last complete answer.
    pub(super) current: Option<Thread>,
    /// Made ahead, empty.
    pub(super) spare: Option<Thread>,
    pub(super) opening: bool,
}

/// A brain that thinks with models.
pub struct LlmBrain {
    pub(super) assistant: Arc<Assistant>,
    pub(super) caller_number: Option<String>,
    pub(super) models: Models,
    pub(super) pace: Pace,
    pub(super) toolbox: Box<dyn Toolbox>,
    pub(super) script: ScriptBrain,
    pub(super) clock: Clock,
    pub(super) zone: TimeZone,
    pub(super) thoughts: mpsc::Sender<(CueId, Thought)>,
    pub(super) tasks: TaskTracker,
    pub(super) reporter: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    pub(super) instructions: Arc<str>,
    pub(super) tools: Arc<[ToolSpec]>,
    pub(super) sent: BTreeMap<AttemptId, Sent>,
    pub(super) attempts: u32,
    pub(super) threads: BTreeMap<usize, Threads>,
    pub(super) history: History,
    pub(super) turn: Option<Turn>,
    pub(super) ahead: Option<Ahead>,
    /// Answers made ahead in the present turn of the caller.
    prepared: (TurnId, u8),
    /// Tools of an answer that nobody wants any more: their effects are told when they are there.
    pub(super) late: FuturesUnordered<super::generation::Running>,
    /// The kind of answer that our last question asks for.
    pub(super) expected: Expectation,
    /// The last answer was the script's.
    pub(super) scripted: bool,
    /// The caller has heard that the models are gone.
    pub(super) apologised: bool,
    /// The script may know of the lead what the tools don't.
    pub(super) scripted_turns: bool,
    /// The rest of these words is waited for.
    pub(super) waited: Option<CueId>,
    /// The caller has asked not to be called any more, in these words; 0 where that was before a break.
    pub(super) refused: Option<CueId>,
    fillers: usize,
    lost: usize,
    /// Another brain thinks.
    standby: bool,
}

/// What goes on in another process.
#[derive(Serialize, Deserialize)]
struct Memory<'a> {
    history: Cow<'a, History>,
    toolbox: Value,
    script: Value,
    scripted: bool,
    #[serde(default)]
    refuses_calls: bool,
    attempts: u32,
}

impl LlmBrain {
    /// A brain for one call. A conversation is opened with the services that keep one.
    pub fn new(session: Session) -> Self {
        let (reporter, reports) = mpsc::channel(WAITING_REPORTS);
        let tools: Arc<[ToolSpec]> = session.toolbox.specs().into();
        let facts = session.toolbox.facts();
        let instructions = prompt::instructions(&session.assistant, facts, session.person, Manner::Text);
        let mut brain = Self {
            zone: prompt::zone(&session.assistant.country),
            assistant: session.assistant,
            caller_number: session.caller_number,
            models: session.models,
            pace: session.pace,
            toolbox: session.toolbox,
            script: session.script,
            clock: session.clock,
            thoughts: session.thoughts,
            tasks: session.tasks,
            reporter,
            reports,
            instructions,
            tools,
            sent: BTreeMap::new(),
            attempts: 0,
            threads: BTreeMap::new(),
            history: History::default(),
            turn: None,
            ahead: None,
            prepared: (TurnId(0), 0),
            late: FuturesUnordered::new(),
            expected: Expectation::Open,
            scripted: false,
            apologised: false,
            scripted_turns: false,
            waited: None,
            refused: None,
            fillers: 0,
            lost: 0,
            standby: session.standby,
        };
        if !brain.standby {
            brain.open_threads();
        }
        brain
    }

    pub(super) fn send(&self, cue: CueId, thought: Thought) {
        // The channel holds many answers; a full one means that nobody listens any more.
        if self.thoughts.try_send((cue, thought)).is_err() {
            tracing::debug!("a thought had no listener");
        }
    }

    /// Says a fixed phrase, sentence by sentence.
    pub(super) fn say_phrase(&mut self, cue: CueId, text: &str, kind: SpeechKind) {
        for sentence in tongue::sentences(text) {
            let text = sentence.trim().to_owned();
            if kind != SpeechKind::Filler {
                self.history.say(&text);
            }
            self.send(cue, Thought::Say { text, kind });
        }
    }

    pub(super) fn finish(&self, cue: CueId, expects: Expectation) {
        self.send(cue, Thought::Expect(expects));
        self.send(cue, Thought::Done);
    }

    fn nudge(&mut self, cue: CueId, nudge: u8) {
        let which = usize::from(nudge).saturating_sub(1);
        let phrase = self
            .script
            .phrase(|lines| lines.still_there.get(which % lines.still_there.len()));
        let question = self.history.question().map(str::to_owned);
        self.history.settle();
        for text in phrase.into_iter().chain(question) {
            self.say_phrase(cue, &text, SpeechKind::Nudge);
        }
        self.finish(cue, self.expected);
    }

    /// A few words for a wait: what fits depends on what is waited for.
    fn bridge(&mut self, cue: CueId) {
        let checks = self.turn.as_ref().is_some_and(|turn| !turn.tools.is_empty()) || !self.late.is_empty();
        let words = self.turn.as_ref().map_or("", |turn| turn.words.as_str());
        let asks = is_question(words, self.assistant.language);
        let dictated = matches!(
            self.expected,
            Expectation::Email | Expectation::Phone | Expectation::Spelled | Expectation::Digits
        );
        let which = self.fillers;
        self.fillers += 1;
        let phrase = self.script.phrase(|lines| match (checks, dictated && !asks) {
            (true, _) => lines.checking.as_ref(),
            (false, true) => lines.noting.as_ref(),
            (false, false) => lines.filler.get(which % lines.filler.len()),
        });
        if let Some(text) = phrase {
            self.say_phrase(cue, &text, SpeechKind::Filler);
        }
        self.send(cue, Thought::Done);
    }

    fn not_understood(&mut self, cue: CueId) {
        let which = self.lost;
        self.lost += 1;
        let phrase = self.script.phrase(|lines| lines.lost.get(which % lines.lost.len()));
        let question = self.history.question().map(str::to_owned);
        self.history.begin(cue, None);
        for text in phrase.into_iter().chain(question) {
            self.say_phrase(cue, &text, SpeechKind::Answer);
        }
        self.finish(cue, self.expected);
    }

    /// Goes on after a break: apologises in a word, then answers, goes on, or asks again.
    fn resume(&mut self, cue: CueId, words: &str, why: Resumption) {
        let notes = prompt::notes(self.assistant.language);
        let left = self.history.unheard();
        let question = self.history.question().map(str::to_owned);
        self.history.begin(cue, None);
        let nobody = why == Resumption::NobodyAnswered;
        let phrase = self.script.phrase(|lines| {
            if nobody {
                lines.transfer_failed.as_ref()
            } else {
                lines.resumed.as_ref()
            }
        });
        if let Some(text) = phrase {
            self.say_phrase(cue, &text, SpeechKind::Answer);
        }
        // "Ajá" over an answer that was cut asks for the rest of that answer.
        let listened = !left.is_empty() && listening::is_backchannel(words, self.assistant.language);
        if nobody {
            self.history.caller(notes.nobody_answered);
            self.begin_turn(cue, words, None);
        } else if !words.is_empty() && !listened {
            self.history.caller(words);
            self.begin_turn(cue, words, None);
        } else {
            let again = if left.is_empty() {
                question.into_iter().collect()
            } else {
                left
            };
            for text in again {
                self.say_phrase(cue, &text, SpeechKind::Answer);
            }
            self.finish(cue, self.expected);
        }
    }

    fn take_turn(&mut self, cue: CueId, text: &str, revises: Option<CueId>) {
        let context = ear::Context {
            expectation: Expectation::Open,
            language: self.assistant.language,
            country: ear::Country::from_iso(&self.assistant.country).unwrap_or_default(),
        };
        if ear::read_in(text, context).usted {
            self.script.be_formal();
        }
        self.lost = 0;
        self.history.begin(cue, revises);
        self.history.caller(text);
        // The dialogue has waited for the rest of these words.
        let waited = self.waited.take().is_some_and(|earlier| revises == Some(earlier));
        let note = waited.then(|| prompt::notes(self.assistant.language).waited);
        if self.adopt_ahead(cue, text, note) {
            return;
        }
        self.begin_turn(cue, text, note);
    }

    /// What the whole brain waits for: reports, tools, deadlines. Cancel safe: nothing is taken before it is handled.
    async fn wait(&mut self) {
        let deadline = self.next_deadline();
        let wait = deadline.map(|at| at.saturating_sub(self.clock.elapsed()));
        let tools = self.turn.as_mut().map(|turn| &mut turn.tools);
        let tool = async {
            match tools {
                Some(tools) if !tools.is_empty() => tools.next().await,
                _ => std::future::pending().await,
            }
        };
        enum Came {
            Report(Report),
            Tool(String, crate::brain::tools::ToolOutcome),
            Late(String, crate::brain::tools::ToolOutcome),
            Time,
        }
        let came = tokio::select! {
            Some(report) = self.reports.recv() => Came::Report(report),
            Some((id, outcome)) = tool => Came::Tool(id, outcome),
            Some((id, outcome)) = self.late.next(), if !self.late.is_empty() => Came::Late(id, outcome),
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Came::Time,
        };
        match came {
            Came::Report(report) => self.on_report(report),
            Came::Tool(id, outcome) => self.on_outcome(id, outcome),
            Came::Late(id, outcome) => self.on_late_outcome(id, outcome),
            Came::Time => self.on_time(),
        }
    }

    pub(super) fn opened(&mut self, link: usize, thread: Option<Thread>) {
        let threads = self.threads.entry(link).or_default();
        threads.opening = false;
        threads.spare = thread;
    }

    /// Makes conversations ahead with the service that will be asked first, so that no turn waits for one.
    pub(super) fn open_threads(&mut self) {
        let Some(link) = self.models.available().first().copied() else {
            return;
        };
        let Some(model) = self.models.get(link).filter(|model| model.keeps_threads()).cloned() else {
            return;
        };
        let threads = self.threads.entry(link).or_default();
        if threads.spare.is_some() || threads.opening {
            return;
        }
        threads.opening = true;
        let (reporter, instructions) = (self.reporter.clone(), self.instructions.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = reporter.closed() => {}
                made = model.open_thread(&instructions) => {
                    let news = News::Opened { link, thread: made.ok() };
                    let _ = reporter.send(Report { attempt: AttemptId(0), news }).await;
                }
            }
        });
    }
}

impl Brain for LlmBrain {
    fn think(&mut self, cue: CueId, about: Cue) {
        if !matches!(about, Cue::Filler) {
            self.abandon_turn();
        }
        // While nobody else thinks, the script goes on as if it always had.
        let alone = self.apologised && self.models.available().is_empty();
        if self.lets_go(cue, &about) {
            return;
        }
        match about {
            Cue::Filler => self.bridge(cue),
            Cue::Opening | Cue::Closing(_) => self.ask_script(cue, about),
            about if alone => self.ask_script(cue, about),
            Cue::Silence { nudge } => self.nudge(cue, nudge),
            Cue::NotUnderstood => self.not_understood(cue),
            Cue::Resumed { words, why } => self.resume(cue, &words, why),
            Cue::Digits(digits) => {
                self.toolbox.pressed(&digits);
                let pressed = prompt::notes(self.assistant.language).pressed;
                self.history.begin(cue, None);
                self.history.caller(&format!("{pressed} {digits}]"));
                self.begin_turn(cue, &digits, None);
            }
            Cue::Turn { text, revises, .. } => self.take_turn(cue, &text, revises),
        }
    }

    fn prepare(&mut self, turn: TurnId, text: &str, revises: Option<CueId>) {
        /// Answers ahead that one turn of the caller may cost.
        const MOST: u8 = 3;
        if self.turn.is_some() || !self.late.is_empty() {
            return;
        }
        let mut history = self.history.as_if(revises);
        history.caller(text);
        let items = history.items(prompt::notes(self.assistant.language).cut);
        if self
            .ahead
            .as_ref()
            .is_some_and(|ahead| ahead.turn == turn && ahead.fits(&items))
        {
            return;
        }
        self.drop_ahead();
        if self.prepared.0 != turn {
            self.prepared = (turn, 0);
        }
        if self.prepared.1 == MOST {
            return;
        }
        self.prepared.1 += 1;
        self.think_ahead(turn, items);
    }

    fn forget(&mut self, cue: CueId) {
        if self.turn.as_ref().is_some_and(|turn| turn.cue == cue) {
            self.abandon_turn();
            self.open_threads();
        }
    }

    fn heard(&mut self, entry: &Entry) {
        self.history.heard(entry);
        if self.standby && entry.speaker == Speaker::Caller {
            self.history.caller(&entry.text);
        }
        self.toolbox.heard(entry);
        self.script.heard(entry);
        if self.scripted && !self.apologised && entry.speaker == Speaker::Assistant {
            let apology = self.script.phrase(|lines| lines.took_over.as_ref());
            let text = entry.text.trim();
            let whole = !text.is_empty() && entry.unheard.is_none();
            self.apologised = whole && apology.is_some_and(|apology| apology.starts_with(text));
        }
    }

    fn refuses_calls(&self) -> bool {
        self.refused.is_some()
    }

    fn lead(&self) -> LeadDraft {
        if self.scripted {
            self.script.lead()
        } else {
            self.toolbox.lead()
        }
    }

    fn memory(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(Memory {
            history: Cow::Borrowed(&self.history),
            toolbox: self.toolbox.memory()?,
            script: self.script.memory()?,
            scripted: self.scripted,
            refuses_calls: self.refuses_calls(),
            attempts: self.attempts,
        })
    }

    fn recall(&mut self, memory: Value) -> Result<(), serde_json::Error> {
        let memory: Memory<'static> = serde_json::from_value(memory)?;
        self.script.recall(memory.script)?;
        self.toolbox.recall(memory.toolbox)?;
        self.history = memory.history.into_owned();
        self.scripted = memory.scripted;
        self.apologised = memory.scripted;
        self.scripted_turns = memory.scripted;
        // No cue has this number: they count from 1.
        self.refused = memory.refuses_calls.then_some(CueId(0));
        self.attempts = memory.attempts;
        let question = self.history.question().unwrap_or_default();
        self.expected = expect::expected(question, &self.toolbox.lead());
        Ok(())
    }

    fn adopt(&mut self, lead: LeadDraft, asked: Expectation) {
        self.expected = asked;
        if std::mem::take(&mut self.standby) {
            self.history.leave_open();
        }
        self.toolbox.adopt(lead);
        self.scripted = false;
        self.apologised = false;
        self.scripted_turns = false;
        self.open_threads();
    }

    fn answered_for(&mut self, text: &str) {
        // On standby it has the line already.
        if !self.standby && !text.trim().is_empty() {
            self.history.caller(text.trim());
        }
    }

    fn passed_over(&mut self) {
        self.script.passed_over();
    }

    fn attend(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.wait())
    }
}

impl Drop for LlmBrain {
    fn drop(&mut self) {
        for sent in self.sent.values() {
            sent.task.abort();
        }
    }
}
