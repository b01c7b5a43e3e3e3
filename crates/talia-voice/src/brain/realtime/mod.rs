//! Speech to speech: a brain that hears and speaks by itself, through `OpenAI`'s Realtime API (general availability).
//!
//! It takes the caller's μ-law as it comes and gives μ-law back; the dialogue decides when a turn is over, what was heard
//! and what is cut, as with any other brain. The disclosure, the greeting, fillers, nudges and goodbyes are said by the
//! ordinary mouth; the model is told of them. The rest of the chain stands behind it, with the lead and the words that are
//! known.

mod answering;
mod events;
mod expectation;
mod hearing;
pub mod messages;
mod prompt;
mod recovery;
mod wire;

pub use wire::WireEvent;

use self::answering::{Answer, Asked, Call, Held, Spoken};
use self::events::Event;
use self::hearing::Hearing;
use self::recovery::Dictation;
use self::wire::Wire;
use super::script::Assistant;
use super::tools::{ToolOutcome, ToolSpec, Toolbox};
use super::{Brain, LeadDraft, Sensed, Senses, Thought};
use crate::clock::Clock;
use crate::config::{Provider, TurnDetection};
use crate::providers::{Fault, FaultClass, Target, Watch};
use crate::telemetry::Metrics;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{
    Cue, CueId, Entry, JobId, Resumption, Speaker, SpeechKind, TranscriptionPurpose, TurnId, UtteranceId,
};
use talia_spanish::{Language, ear};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Lines of the conversation that a new session is told.
const HISTORY: usize = 80;

/// Something that the brain waited for.
#[derive(Debug)]
pub enum Wake {
    /// The service; the number is the connection's.
    Wire(u32, WireEvent),
    /// A tool has done what it can.
    Tool {
        cue: CueId,
        id: String,
        outcome: ToolOutcome,
    },
    /// The call's own ears have written something down; empty when they couldn't.
    Dictated(String),
}

/// A line of the conversation, as a new session is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Caller(String),
    /// What the caller heard of us.
    Assistant(String),
    Call {
        id: String,
        name: String,
        arguments: String,
        output: String,
    },
}

/// All that is needed to go on in another process.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    history: Vec<Line>,
    tools: serde_json::Value,
    rest: serde_json::Value,
    given_up: bool,
}

/// What every session of the call is set up with.
#[derive(Debug)]
struct Setup {
    voice: String,
    instructions: String,
    turn_detection: TurnDetection,
    language: Language,
}

impl Setup {
    fn message(&self, tools: &[ToolSpec]) -> serde_json::Value {
        messages::session(&messages::Setup {
            voice: &self.voice,
            instructions: &self.instructions,
            turn_detection: self.turn_detection,
            language: self.language,
            tools,
        })
    }
}

/// What a brain of one call is made of.
pub struct Parts {
    /// The engine.
    pub provider: Provider,
    /// Its health.
    pub watch: Watch,
    /// The only source of time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The conversation's file.
    pub assistant: Arc<Assistant>,
    /// What the model may do.
    pub tools: Box<dyn Toolbox>,
    /// Who thinks when the service doesn't.
    pub rest: Box<dyn Brain>,
    /// Tasks of the call.
    pub tasks: TaskTracker,
}

/// The speech-to-speech brain of one call.
pub struct RealtimeBrain {
    setup: Setup,
    target: Target,
    assistant: Arc<Assistant>,
    watch: Watch,
    clock: Clock,
    metrics: Arc<Metrics>,
    tools: Box<dyn Toolbox>,
    rest: Box<dyn Brain>,
    tasks: TaskTracker,
    wakes: mpsc::Sender<Wake>,
    /// The session's connection, open or opening.
    wire: Option<Wire>,
    /// Counts the sessions.
    connection: u32,
    /// When a new session is due, because this one will expire.
    renew_at: Option<Duration>,
    /// When a lost session that nobody waits for is begun again.
    retry_at: Option<Duration>,
    retries: u32,
    hearing: Hearing,
    asked: Option<Asked>,
    answer: Option<Answer>,
    /// An answer is asked for when the present one has ended.
    create_next: bool,
    calls: Vec<Call>,
    /// Tools that wait until the words of the turn are written down: what a caller agreed to is read from them.
    held: Vec<Held>,
    /// A tool has ended the turn.
    ends_turn: bool,
    spoken: VecDeque<Spoken>,
    utterances: u32,
    seen: VecDeque<String>,
    history: VecDeque<Line>,
    sensed: VecDeque<Sensed>,
    fillers: usize,
    dictation: Dictation,
    /// The rest of the chain thinks, and the call's own ears and mouth hear and speak.
    given_up: bool,
    /// The caller has asked not to be called any more.
    refuses_calls: bool,
}

impl RealtimeBrain {
    /// A brain that begins its session at once, so that it is there when the caller has heard the disclosure. What it
    /// waits for comes by `wakes` and has to be handed to [`Senses::woken`].
    pub fn new(parts: Parts, wakes: mpsc::Sender<Wake>) -> Self {
        let account = &parts.provider.account;
        // Checked by the configuration: http:// on this machine only.
        let address = account.url.replacen("http", "ws", 1);
        let model = parts.provider.model.as_deref().unwrap_or_default();
        let key = account.key.as_ref().and_then(|key| {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            value.ok().map(|value| (AUTHORIZATION, value))
        });
        let mut brain = Self {
            target: Target {
                url: format!("{address}/v1/realtime?model={model}"),
                headers: key.into_iter().collect(),
            },
            setup: Setup {
                voice: parts.provider.voice.clone().unwrap_or_default(),
                instructions: prompt::instructions(&parts.assistant, parts.tools.facts()),
                turn_detection: parts.provider.turn_detection,
                language: parts.assistant.language,
            },
            assistant: parts.assistant,
            watch: parts.watch,
            clock: parts.clock,
            metrics: parts.metrics,
            tools: parts.tools,
            rest: parts.rest,
            tasks: parts.tasks,
            wakes,
            wire: None,
            connection: 0,
            renew_at: None,
            retry_at: None,
            retries: 0,
            hearing: Hearing::default(),
            asked: None,
            answer: None,
            create_next: false,
            calls: Vec::new(),
            held: Vec::new(),
            ends_turn: false,
            spoken: VecDeque::new(),
            utterances: 0,
            seen: VecDeque::new(),
            history: VecDeque::new(),
            sensed: VecDeque::new(),
            fillers: 0,
            dictation: Dictation::default(),
            given_up: false,
            refuses_calls: false,
        };
        if brain.watch.is_available() {
            brain.connect();
        } else {
            brain.give_up();
        }
        brain
    }

    fn send(&mut self, message: &serde_json::Value) {
        let Some(wire) = &self.wire else { return };
        if !wire.send(message) {
            // Noticed at the next deadline, or by the connection itself.
            tracing::debug!("a message to a speech-to-speech engine found no room");
        }
    }

    fn remember(&mut self, line: Line) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(line);
    }

    fn remember_call(&mut self, (id, name, arguments): (String, String, String), output: String) {
        self.remember(Line::Call {
            id,
            name,
            arguments,
            output,
        });
    }

    /// Has the model answer, after it was told this.
    fn ask(&mut self, cue: CueId, about: Cue, told: Option<(&str, String)>) {
        self.asked = None;
        self.dictation = Dictation::default();
        self.ends_turn = false;
        if self.wire.is_none() {
            self.connect();
        }
        if let Some((role, text)) = told {
            self.send(&messages::said(role, &text));
        }
        self.asked = Some(Asked::new(cue, about, self.clock.elapsed()));
        self.request();
    }

    /// Says a phrase of the assistant's file by the ordinary mouth.
    fn say(&mut self, cue: CueId, text: Option<String>, kind: SpeechKind) {
        let text = text.filter(|text| !text.is_empty());
        let thought = text.map(|text| Sensed::Thought(cue, Thought::Say { text, kind }));
        self.sensed.extend(thought);
    }

    fn on_event(&mut self, text: &str) {
        let Some(event) = events::read(text) else {
            self.metrics.provider_unknown_event(self.watch.name());
            return;
        };
        match event {
            Event::Session { session } => self.session_lasts(session.expires_at),
            Event::SpeechStarted {} => self.speech_started(),
            Event::SpeechStopped {} => self.speech_stopped(),
            Event::Committed { item_id } => self.committed(item_id),
            Event::Written { item_id, transcript } => self.written(&item_id, &transcript),
            Event::NotWritten { item_id } => self.written(&item_id, ""),
            Event::ResponseCreated { response } => self.response_created(&response),
            Event::Audio {
                event_id,
                response_id,
                item_id,
                delta,
            } => {
                if !self.is_repeated(&event_id) {
                    self.audio_came(&response_id, &item_id, &delta);
                }
            }
            Event::Transcript {
                event_id,
                response_id,
                item_id,
                delta,
            } => {
                if !self.is_repeated(&event_id) {
                    self.text_came(&response_id, &item_id, delta);
                }
            }
            Event::ItemDone { response_id, item } => self.item_done(&response_id, item),
            Event::ResponseDone { response } => self.response_done(response),
            Event::Error { error } => self.on_error(&error),
            Event::Unused {} => {}
            Event::Other => self.metrics.provider_unknown_event(self.watch.name()),
        }
    }

    /// A new session is due after three quarters of this one's time.
    fn session_lasts(&mut self, expires_at: Option<i64>) {
        let Some(expires_at) = expires_at else { return };
        let left = expires_at.saturating_sub(self.clock.wall().as_second());
        if let Ok(left) = u64::try_from(left) {
            self.renew_at = Some(self.clock.elapsed() + Duration::from_secs(left) * 3 / 4);
        }
    }

    /// Most errors leave the session as it is.
    fn on_error(&mut self, error: &events::ServiceError) {
        let code = error.code.as_deref().unwrap_or_default();
        let commit = error.event_id.as_deref().and_then(|id| id.strip_prefix("commit-"));
        if let Some(commit) = commit.and_then(|number| number.parse().ok()) {
            self.commit_refused(commit);
            return;
        }
        match code {
            "session_expired" => self.broken(&Fault::transient("the session has expired")),
            "invalid_api_key" | "beta_api_shape_disabled" | "model_not_found" | "insufficient_quota" => {
                self.broken(&Fault::new(FaultClass::Terminal, "the service refuses us"));
            }
            _ => tracing::warn!(
                provider = self.watch.name(),
                error.kind = error.kind,
                error.code = code,
                "a speech-to-speech engine complains"
            ),
        }
    }
}

impl Brain for RealtimeBrain {
    fn think(&mut self, cue: CueId, about: Cue) {
        if let Cue::Digits(digits) = &about {
            self.tools.pressed(digits);
        }
        let spanish = self.setup.language == Language::Spanish;
        let note = prompt::notes(self.setup.language);
        let lines = self.assistant.lines.clone();
        match &about {
            _ if self.given_up => self.rest.think(cue, about),
            Cue::Opening | Cue::Closing(_) => self.rest.think(cue, about),
            Cue::Filler => {
                let which = self.fillers % lines.filler.len().max(1);
                self.fillers += 1;
                let text = lines.filler.get(which).map(|phrase| phrase.text(false).to_owned());
                self.say(cue, text, SpeechKind::Filler);
                self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
            }
            Cue::Silence { nudge } => {
                let which = usize::from(*nudge).saturating_sub(1) % lines.still_there.len().max(1);
                let text = lines.still_there.get(which).map(|phrase| phrase.text(false).to_owned());
                self.say(cue, text, SpeechKind::Nudge);
                self.sensed.push_back(Sensed::Thought(cue, Thought::Done));
            }
            Cue::Resumed {
                why: Resumption::NobodyAnswered,
                ..
            } => {
                self.rest.adopt(self.tools.lead());
                self.rest.think(cue, about);
            }
            Cue::Resumed { words, .. } => {
                // Words with a line of their own are known to the session.
                let told = if self.last_words().is_some() {
                    String::new()
                } else {
                    words.trim().to_owned()
                };
                let silent = words.trim().is_empty();
                let text = lines.resumed.as_ref().map(|phrase| phrase.text(false).to_owned());
                self.say(cue, text, SpeechKind::Answer);
                let told = if silent {
                    ("system", note.go_on.to_owned())
                } else {
                    ("user", told)
                };
                self.ask(cue, about, Some(told).filter(|(_, text)| !text.is_empty()));
            }
            Cue::Turn { .. } => self.ask(cue, about, None),
            Cue::NotUnderstood => self.ask(cue, about, Some(("system", note.not_understood.to_owned()))),
            Cue::Digits(digits) => {
                let verb = if spanish {
                    "Marcó en su teléfono"
                } else {
                    "They pressed on their phone"
                };
                let told = format!("[{verb}: {digits}]");
                self.ask(cue, about, Some(("user", told)));
            }
        }
    }

    fn forget(&mut self, cue: CueId) {
        if self.given_up {
            self.rest.forget(cue);
        }
        if self.asked.as_ref().is_some_and(|asked| asked.cue == cue) {
            self.asked = None;
            self.create_next = false;
        }
        if self.answer.as_ref().is_some_and(|answer| answer.is_for(cue)) {
            self.cancel();
        }
    }

    fn heard(&mut self, entry: &Entry) {
        self.tools.heard(entry);
        self.rest.heard(entry);
        if entry.speaker == Speaker::Caller {
            self.refuses_calls |= ear::refuses_calls(&entry.text);
            self.remember(Line::Caller(entry.text.clone()));
            return;
        }
        let mut untold = !entry.own_voice;
        if entry.own_voice {
            let connection = self.connection;
            if let Some(spoken) = self.spoken.iter_mut().find(|spoken| !spoken.concluded) {
                spoken.concluded = true;
                untold = spoken.connection != connection && !spoken.told;
            }
        }
        if !entry.text.is_empty() {
            self.remember(Line::Assistant(entry.text.clone()));
            if untold {
                self.send(&messages::said("assistant", &entry.text));
            }
        }
    }

    fn refuses_calls(&self) -> bool {
        self.refuses_calls || self.rest.refuses_calls()
    }

    fn lead(&self) -> LeadDraft {
        if self.given_up {
            self.rest.lead()
        } else {
            self.tools.lead()
        }
    }

    fn memory(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(Memory {
            history: self.history.iter().cloned().collect(),
            tools: self.tools.memory()?,
            rest: self.rest.memory()?,
            given_up: self.given_up,
        })
    }

    fn recall(&mut self, memory: serde_json::Value) -> Result<(), serde_json::Error> {
        let memory: Memory = serde_json::from_value(memory)?;
        self.tools.recall(memory.tools)?;
        self.rest.recall(memory.rest)?;
        self.history = memory.history.into();
        if memory.given_up && !self.given_up {
            // What it knows by now is newer than what the tools know.
            let lead = self.rest.lead();
            self.tools.adopt(lead);
        }
        if !self.given_up {
            self.connect();
        }
        Ok(())
    }

    fn adopt(&mut self, lead: LeadDraft) {
        if self.given_up {
            self.rest.adopt(lead);
        } else {
            self.tools.adopt(lead);
        }
    }

    fn senses(&mut self) -> Option<&mut dyn Senses> {
        Some(self)
    }
}

impl Senses for RealtimeBrain {
    fn hear(&mut self, mulaw: &[u8]) {
        if !self.given_up {
            self.hear_frame(mulaw);
        }
    }

    fn turn_started(&mut self, turn: TurnId) {
        if !self.given_up {
            self.begin_turn(turn);
        }
    }

    fn turn_closed(&mut self, turn: TurnId, words_due: bool) {
        if !self.given_up {
            self.end_turn(turn, words_due);
        } else if words_due {
            self.sensed.push_back(Sensed::Words {
                turn,
                text: String::new(),
            });
        }
    }

    fn transcribe(&mut self, job: JobId, turn: TurnId, purpose: TranscriptionPurpose) -> bool {
        if !self.given_up {
            self.take_words(job, turn, purpose);
        }
        !self.given_up
    }

    fn predict_end_of_turn(&mut self, job: JobId) {
        if !self.given_up {
            self.take_end(job);
        }
    }

    fn cut(&mut self, utterance: UtteranceId, heard: Duration) {
        self.was_cut(utterance, heard);
    }

    fn woken(&mut self, wake: Wake) {
        match wake {
            Wake::Wire(connection, event) if connection == self.connection && !self.given_up => match event {
                WireEvent::Opened => {}
                WireEvent::Text(text) => self.on_event(&text),
                WireEvent::Lost(fault) => self.broken(&fault),
            },
            Wake::Wire(..) => {}
            Wake::Tool { cue, id, outcome } => self.tool_done(cue, &id, outcome),
            Wake::Dictated(text) => self.dictated(text),
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn tick(&mut self) {
        self.time_passed();
    }

    fn poll(&mut self) -> Option<Sensed> {
        if self.sensed.is_empty() {
            // All that was written down has its line by now.
            self.begin_held();
        }
        self.sensed.pop_front()
    }
}
