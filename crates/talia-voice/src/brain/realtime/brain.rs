//! The brain of one call: what it is made of, what it remembers, and what the service tells it.

use super::answering::{Answer, Asked, Call, Held, Spoken};
use super::events::{self, Event};
use super::hearing::Hearing;
use super::recovery::Dictation;
use super::refusal::Refusal;
use super::service::Service;
use super::wire::Wire;
use super::{Wake, messages};
use crate::brain::prompt::{self, Manner};
use crate::brain::script::{Assistant, Phrase};
use crate::brain::tools::{ToolSpec, Toolbox};
use crate::brain::{Brain, Sensed, Thought};
use crate::clock::Clock;
use crate::config::TurnDetection;
use crate::providers::{Fault, FaultClass, Target, Watch};
use crate::telemetry::Metrics;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{Cue, CueId, SpeechKind};
use talia_spanish::{Expectation, Language, ear};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Lines of the conversation that a new session is told.
const HISTORY: usize = 80;

/// A line of the conversation, as a new session is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
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

/// What every session of the call is set up with.
#[derive(Debug)]
pub(super) struct Setup {
    voice: String,
    instructions: Arc<str>,
    pub(super) turn_detection: TurnDetection,
    pub(super) language: Language,
}

impl Setup {
    pub(super) fn message(&self, tools: &[ToolSpec]) -> serde_json::Value {
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
    pub service: Service,
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
    /// E.164, where it is known.
    pub caller_number: Option<String>,
    /// Somebody is there for callers who want a person.
    pub person: bool,
    /// Tasks of the call.
    pub tasks: TaskTracker,
}

/// The speech-to-speech brain of one call.
pub struct RealtimeBrain {
    pub(super) setup: Setup,
    pub(super) target: Target,
    pub(super) assistant: Arc<Assistant>,
    pub(super) watch: Watch,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tools: Box<dyn Toolbox>,
    pub(super) rest: Box<dyn Brain>,
    pub(super) tasks: TaskTracker,
    pub(super) wakes: mpsc::Sender<Wake>,
    /// The session's connection, open or opening.
    pub(super) wire: Option<Wire>,
    /// Counts the sessions.
    pub(super) connection: u32,
    /// When a new session is due, because this one will expire.
    pub(super) renew_at: Option<Duration>,
    /// When a lost session that nobody waits for is begun again.
    pub(super) retry_at: Option<Duration>,
    pub(super) retries: u32,
    pub(super) hearing: Hearing,
    pub(super) asked: Option<Asked>,
    pub(super) answer: Option<Answer>,
    /// An answer is asked for when the present one has ended.
    pub(super) create_next: bool,
    pub(super) calls: Vec<Call>,
    /// Tools that wait until the words of the turn are written down: what a caller agreed to is read from them.
    pub(super) held: Vec<Held>,
    /// A tool has ended the turn.
    pub(super) ends_turn: bool,
    pub(super) spoken: VecDeque<Spoken>,
    pub(super) utterances: u32,
    pub(super) seen: VecDeque<String>,
    pub(super) history: VecDeque<Line>,
    pub(super) sensed: VecDeque<Sensed>,
    pub(super) fillers: usize,
    pub(super) dictation: Dictation,
    /// The rest of the chain thinks, and the call's own ears and mouth hear and speak.
    pub(super) given_up: bool,
    /// What our last question asks for.
    pub(super) expected: Expectation,
    /// The caller is addressed as *usted*.
    pub(super) usted: bool,
    pub(super) caller_number: Option<String>,
    pub(super) refusal: Refusal,
    /// What the caller said to somebody else who asked before the service did.
    pub(super) answered: Vec<String>,
}

impl RealtimeBrain {
    /// A brain that begins its session at once, so that it is there when the caller has heard the disclosure. What it
    /// waits for comes by `wakes` and has to be handed to [`Senses::woken`].
    pub fn new(parts: Parts, wakes: mpsc::Sender<Wake>) -> Self {
        let available = parts.service.is_available();
        let facts = parts.tools.facts();
        let mut brain = Self {
            target: parts.service.target().clone(),
            setup: Setup {
                voice: parts.service.voice().to_owned(),
                instructions: prompt::instructions(&parts.assistant, facts, parts.person, Manner::Voice),
                turn_detection: parts.service.turn_detection(),
                language: parts.assistant.language,
            },
            assistant: parts.assistant,
            watch: parts.service.watch().clone(),
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
            expected: Expectation::default(),
            usted: false,
            caller_number: parts.caller_number,
            refusal: Refusal::default(),
            answered: Vec::new(),
        };
        if available {
            brain.connect();
        } else {
            brain.give_up();
        }
        brain
    }

    pub(super) fn send(&mut self, message: &serde_json::Value) {
        let Some(wire) = &self.wire else { return };
        if !wire.send(message) {
            // Noticed at the next deadline, or by the connection itself.
            tracing::debug!("a message to a speech-to-speech engine found no room");
        }
    }

    pub(super) fn remember(&mut self, line: Line) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(line);
    }

    pub(super) fn remember_call(&mut self, (id, name, arguments): (String, String, String), output: String) {
        self.remember(Line::Call {
            id,
            name,
            arguments,
            output,
        });
    }

    /// Has the model answer, after it was told this.
    pub(super) fn ask(&mut self, cue: CueId, about: Cue, told: Option<(&str, String)>) {
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

    /// A phrase of the assistant's file, as the caller is addressed.
    pub(super) fn phrase(&self, phrase: &Phrase) -> String {
        prompt::filled(&self.assistant, phrase.text(self.usted))
    }

    pub(super) fn says_usted(&self, text: &str) -> bool {
        let context = ear::Context {
            expectation: Expectation::Open,
            language: self.setup.language,
            country: ear::Country::from_iso(&self.assistant.country).unwrap_or_default(),
        };
        ear::read_in(text, context).usted
    }

    /// Says a phrase of the assistant's file by the ordinary mouth.
    pub(super) fn say(&mut self, cue: CueId, text: Option<String>, kind: SpeechKind) {
        let text = text.filter(|text| !text.is_empty());
        let thought = text.map(|text| Sensed::Thought(cue, Thought::Say { text, kind }));
        self.sensed.extend(thought);
    }

    pub(super) fn on_event(&mut self, text: &str) {
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
            Event::Audio(delta) => self.audio_came(&delta),
            Event::Transcript(delta) => self.text_came(delta),
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
