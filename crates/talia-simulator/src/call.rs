//! One call: fetches documents, executes their verbs in order, tells the status, until somebody ends it.

use std::{sync::Arc, time::Duration};

use talia_twilio::{
    CallSid, CallStatus, StreamSid,
    error_codes::{SCHEMA_VALIDATION_WARNING, StreamCode},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    assistant_ear::AssistantEar,
    caller::{Caller, LiveInput, ScriptFault},
    carrier::CallPlan,
    events::{EndedBy, Journal, Purpose, What},
    fields,
    line::VoicePath,
    listener::{Listener, ListenerFault},
    measure::Stopwatch,
    media_socket::{MediaSocket, StreamFault},
    outcome::{CallOutcome, Warning},
    recording::Recording,
    script::LineConditions,
    settings::{CarrierSettings, FallThrough},
    status::StatusCallbacks,
    stream::{Stream, StreamEnd},
    twiml::{self, Document, StreamNoun, Target, Verb},
    webhook::{Method, Reply, WebhookFault, Webhooks},
};

/// Documents in one call; more would be a redirect that leads in a circle.
const MAX_DOCUMENTS: usize = 200;
/// Twilio's code for too many redirects.
const TOO_MANY_DOCUMENTS: u16 = 11_215;
/// Warnings that one call keeps.
const MAX_WARNINGS: usize = 200;

/// A REST update of a live call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// `Status=completed`.
    Complete,
    /// `Twiml=…`.
    Twiml(String),
    /// `Url=…`.
    Url(Target),
}

/// What a verb leads to.
enum Flow {
    /// The next verb.
    Next,
    /// Another document.
    Fetch(Purpose, Target, Vec<(String, String)>),
    /// A document that came with the update.
    Inline(String),
    /// The end.
    End(EndedBy),
}

/// The state of a live call; one task owns it.
pub(crate) struct Call {
    pub(crate) settings: Arc<CarrierSettings>,
    pub(crate) sid: CallSid,
    pub(crate) control: mpsc::Receiver<Control>,
    pub(crate) caller: Caller,
    pub(crate) ear: AssistantEar,
    pub(crate) voice_path: VoicePath,
    pub(crate) conditions: LineConditions,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) journal: Journal,
    pub(crate) recording: Recording,
    pub(crate) live: Option<mpsc::Receiver<LiveInput>>,
    pub(crate) understood: mpsc::Receiver<(u64, Result<String, ListenerFault>)>,
    pub(crate) speech_began_ms: u64,
    pub(crate) drop_abruptly: bool,
    pub(crate) script_fault: Option<ScriptFault>,
    pub(crate) listener_faults: Vec<String>,
    pub(crate) unsent_messages: u64,
    webhooks: Webhooks,
    understood_sender: mpsc::Sender<(u64, Result<String, ListenerFault>)>,
    listener: Option<Arc<dyn Listener>>,
    listening: JoinSet<()>,
    status_callbacks: StatusCallbacks,
    warnings: Vec<Warning>,
    base_fields: fields::CallFields,
    status: CallStatus,
    origin: Instant,
    voice_copies: u32,
}

impl Call {
    pub(crate) fn new(
        settings: Arc<CarrierSettings>,
        webhooks: Webhooks,
        sid: CallSid,
        plan: CallPlan,
        control: mpsc::Receiver<Control>,
    ) -> Self {
        let (understood_sender, understood) = mpsc::channel(4);
        let conditions = plan.script.script.line.clone();
        Self {
            base_fields: fields::CallFields::new(&settings.account_sid, &sid, &plan),
            caller: Caller::new(Arc::clone(&plan.script)),
            voice_path: VoicePath::new(&conditions, plan.script.speech_dbfs),
            conditions,
            ear: AssistantEar::default(),
            stopwatch: Stopwatch::default(),
            journal: Journal::new(plan.observer),
            recording: Recording::default(),
            live: plan.live,
            understood,
            understood_sender,
            speech_began_ms: 0,
            drop_abruptly: false,
            script_fault: None,
            listener_faults: Vec::new(),
            unsent_messages: 0,
            webhooks,
            listener: plan.listener,
            listening: JoinSet::new(),
            status_callbacks: StatusCallbacks::default(),
            warnings: Vec::new(),
            status: CallStatus::Ringing,
            origin: Instant::now(),
            voice_copies: plan.voice_copies,
            settings,
            sid,
            control,
        }
    }

    /// Runs the call from its first ring to its last status callback.
    pub(crate) async fn run(mut self) -> CallOutcome {
        self.tell_status(CallStatus::Ringing).await;
        let voice = Target {
            url: self.settings.voice_url.clone(),
            method: Method::Post,
        };
        let mut flow = Flow::Fetch(Purpose::Voice, voice, Vec::new());
        let mut documents = 0;
        let ended_by = loop {
            documents += 1;
            let document = match flow {
                Flow::End(by) => break by,
                _ if documents > MAX_DOCUMENTS => break EndedBy::ApplicationError(TOO_MANY_DOCUMENTS),
                Flow::Next => break EndedBy::Document,
                Flow::Inline(text) => {
                    let base = self.settings.voice_url.clone();
                    self.read(text.as_bytes(), &base)
                }
                Flow::Fetch(purpose, target, extra) => self.fetch(purpose, &target, &extra).await,
            };
            flow = match document {
                Ok(document) => self.execute(document).await,
                Err(code) => Flow::End(EndedBy::ApplicationError(code)),
            };
        };
        self.finish(ended_by).await
    }

    async fn finish(mut self, ended_by: EndedBy) -> CallOutcome {
        self.log(What::End { by: ended_by });
        self.listening.shutdown().await;
        let duration_ms = self.now_ms();
        if !self.status.is_terminal() {
            self.tell_status(CallStatus::Completed).await;
        }
        let mut callbacks = std::mem::take(&mut self.status_callbacks);
        let failed = callbacks.flush(&self.webhooks, &self.settings).await;
        for detail in failed {
            self.warn(crate::status::FAILED, &detail);
        }
        let (log, missed_events) = self.journal.finish();
        CallOutcome {
            call_sid: self.sid,
            log,
            recording: self.recording,
            statuses: callbacks.sent,
            measurements: self.stopwatch.figures,
            warnings: self.warnings,
            ended_by,
            status: self.status,
            duration_ms,
            script_fault: self.script_fault,
            listener_faults: self.listener_faults,
            unsent_messages: self.unsent_messages,
            missed_events,
        }
    }

    /// Milliseconds since the voice webhook was sent.
    pub(crate) fn now_ms(&self) -> u64 {
        (Instant::now() - self.origin).as_millis() as u64
    }

    pub(crate) fn log(&mut self, what: What) {
        let now_ms = self.now_ms();
        self.journal.write(now_ms, what);
    }

    /// Writes what Twilio's debugger would show.
    pub(crate) fn warn(&mut self, code: u16, detail: &str) {
        if self.warnings.len() == MAX_WARNINGS {
            return;
        }
        let detail = detail.to_owned();
        self.warnings.push(Warning {
            code,
            detail: detail.clone(),
        });
        self.log(What::Warning { code, detail });
    }

    /// Has the assistant's turn transcribed beside the call.
    pub(crate) fn listen(&mut self, request: u64) {
        let Some(listener) = self.listener.clone() else { return };
        let samples = self.ear.turn().to_vec();
        let sender = self.understood_sender.clone();
        self.listening.spawn(async move {
            let result = listener.transcribe(samples).await;
            // The call may be over: then nobody asks any more.
            drop(sender.send((request, result)).await);
        });
        while self.listening.try_join_next().is_some() {}
    }

    async fn tell_status(&mut self, status: CallStatus) {
        self.status = status;
        let seconds = self.now_ms().div_ceil(1_000);
        let fields = self.base_fields.with_status(status);
        let mut callbacks = std::mem::take(&mut self.status_callbacks);
        let failed = callbacks.tell(&self.webhooks, &self.settings, fields, (status, seconds)).await;
        self.status_callbacks = callbacks;
        for detail in failed {
            self.warn(crate::status::FAILED, &detail);
        }
    }

    /// Requests a document; on failure the Fallback URL's. The error is Twilio's code.
    async fn fetch(&mut self, purpose: Purpose, target: &Target, extra: &[(String, String)]) -> Result<Document, u16> {
        match self.fetch_once(purpose, target, extra).await {
            Ok(document) => Ok(document),
            Err(code) if purpose == Purpose::Fallback => Err(code),
            Err(code) => {
                let Some(url) = self.settings.fallback_url.clone() else {
                    return Err(code);
                };
                let fallback = Target {
                    url,
                    method: Method::Post,
                };
                let mut extra = extra.to_vec();
                extra.push(("ErrorCode".to_owned(), code.to_string()));
                extra.push(("ErrorUrl".to_owned(), target.url.clone()));
                self.fetch_once(Purpose::Fallback, &fallback, &extra).await
            }
        }
    }

    async fn fetch_once(&mut self, purpose: Purpose, target: &Target, extra: &[(String, String)]) -> Result<Document, u16> {
        let mut fields = self.base_fields.with_status(self.status);
        fields.extend_from_slice(extra);
        let copies = if purpose == Purpose::Voice { self.voice_copies } else { 0 };
        let mut reply = self.request(purpose, target, &fields).await;
        for _ in 0..copies {
            // The carrier hears the last answer of a doubled request.
            reply = self.request(purpose, target, &fields).await;
        }
        let reply = match reply {
            Ok(reply) => reply,
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                return Err(fault.code);
            }
        };
        if let Err(fault) = twiml::check_content_type(reply.content_type.as_deref()) {
            self.warn(fault.code, &fault.detail);
            return Err(fault.code);
        }
        self.read(&reply.body, &reply.url)
    }

    async fn request(
        &mut self,
        purpose: Purpose,
        target: &Target,
        fields: &[(String, String)],
    ) -> Result<Reply, WebhookFault> {
        let before = Instant::now();
        let result = self.webhooks.send(&self.settings, target.method, &target.url, fields).await;
        let took_ms = (Instant::now() - before).as_secs_f64() * 1_000.0;
        let status = result.as_ref().map_or_else(|fault| fault.status, |reply| Some(reply.status));
        if purpose == Purpose::Voice {
            self.stopwatch.figures.webhook_ms.get_or_insert(took_ms);
        }
        self.log(What::Webhook {
            purpose,
            status,
            took_ms,
        });
        result
    }

    fn read(&mut self, body: &[u8], url: &str) -> Result<Document, u16> {
        match twiml::parse(body, url) {
            Ok(document) => {
                for warning in &document.warnings {
                    self.warn(SCHEMA_VALIDATION_WARNING, warning);
                }
                let verbs = document.verbs.iter().map(|verb| verb.name().to_owned()).collect();
                self.log(What::Twiml { verbs });
                Ok(document)
            }
            Err(fault) => {
                self.warn(fault.code, &fault.detail);
                Err(fault.code)
            }
        }
    }

    async fn execute(&mut self, document: Document) -> Flow {
        for (index, verb) in document.verbs.iter().enumerate() {
            self.log(What::Verb {
                name: verb.name().to_owned(),
                text: match verb {
                    Verb::Say { text } => Some(text.clone()),
                    _ => None,
                },
            });
            if let Verb::Reject { reason } = verb {
                if index == 0 && self.status == CallStatus::Ringing {
                    let busy = reason == "busy";
                    self.tell_status(if busy { CallStatus::Busy } else { CallStatus::NoAnswer }).await;
                    return Flow::End(EndedBy::Rejected);
                }
                self.warn(SCHEMA_VALIDATION_WARNING, "<Reject> isn't the first verb");
                continue;
            }
            if self.status == CallStatus::Ringing && !matches!(verb, Verb::Redirect(_)) {
                self.tell_status(CallStatus::InProgress).await;
            }
            let flow = self.verb(verb, &document.url).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
        }
        Flow::End(EndedBy::Document)
    }

    async fn verb(&mut self, verb: &Verb, base: &str) -> Flow {
        let target = |target: &Target| Target {
            url: twiml::resolve(base, &target.url),
            method: target.method,
        };
        match verb {
            Verb::Connect { action, stream } => {
                let action = action.as_ref().map(target);
                self.connect(stream, base, action).await
            }
            Verb::Say { text } => self.pass(text.chars().count() as u64 * self.settings.say_ms_per_char).await,
            Verb::Pause { length_s } => self.pass(length_s * 1_000).await,
            Verb::Redirect(to) => Flow::Fetch(Purpose::Document, target(to), Vec::new()),
            Verb::Dial { action, .. } => {
                let answer = self.settings.dial_answer.clone();
                match self.pass(answer.lasts_ms).await {
                    Flow::Next => {}
                    other => return other,
                }
                let Some(action) = action else { return Flow::Next };
                let extra = fields::dial(&answer);
                Flow::Fetch(Purpose::Action, target(action), extra)
            }
            // `Reject` behind the first verb was warned of already.
            Verb::Hangup | Verb::Reject { .. } => Flow::End(EndedBy::Document),
        }
    }

    /// Lets time pass, unless an update or the time limit comes first.
    async fn pass(&mut self, ms: u64) -> Flow {
        let limit = self.origin + Duration::from_millis(self.settings.max_call_ms);
        let waited = timeout_at(limit, async {
            tokio::select! {
                biased;
                Some(control) = self.control.recv() => Some(control),
                () = sleep(Duration::from_millis(ms)) => None,
            }
        });
        match waited.await {
            Err(_) => Flow::End(EndedBy::TimeLimit),
            Ok(None) => Flow::Next,
            Ok(Some(control)) => self.controlled(control),
        }
    }

    fn controlled(&mut self, control: Control) -> Flow {
        self.log(What::RestUpdate);
        match control {
            Control::Complete => Flow::End(EndedBy::Rest),
            Control::Twiml(text) => Flow::Inline(text),
            Control::Url(target) => Flow::Fetch(Purpose::Document, target, Vec::new()),
        }
    }

    /// `<Connect><Stream>`: the call is the server's until the stream ends.
    async fn connect(&mut self, noun: &StreamNoun, base: &str, action: Option<Target>) -> Flow {
        let stream_sid = StreamSid::from_bits(crate::carrier::random_bits());
        let end = match self.open(noun, base).await {
            Ok((socket, handshake_ms)) => {
                self.stopwatch.figures.handshake_ms.push(handshake_ms);
                self.log(What::StreamStart {
                    stream_sid: stream_sid.as_str().to_owned(),
                    handshake_ms,
                });
                self.tell_stream(noun, &stream_sid, ("stream-started", None)).await;
                Ok(Stream::start(self, socket, stream_sid.clone(), noun).run().await)
            }
            Err(fault) => Err(fault),
        };
        let error = match &end {
            Err(fault) => Some((fault.code, fault.detail.clone())),
            Ok(StreamEnd::Server(code, _)) => Some((*code, "the server ended the stream".to_owned())),
            Ok(StreamEnd::Dropped) => Some((StreamCode::BrokenPipe, "the connection broke".to_owned())),
            Ok(_) => None,
        };
        if let Some((code, detail)) = &error {
            self.warn(code.code(), detail);
        }
        // A close by the server is logged as an error, but its callback says that the stream has stopped.
        let failed = error.filter(|(code, _)| *code != StreamCode::ClosedByServer);
        let event = match &failed {
            Some((code, detail)) => ("stream-error", Some(format!("{code}: {detail}"))),
            None => ("stream-stopped", None),
        };
        self.tell_stream(noun, &stream_sid, event).await;
        match end {
            Ok(StreamEnd::CallerHungUp) => return Flow::End(EndedBy::Caller),
            Ok(StreamEnd::TimeLimit) => return Flow::End(EndedBy::TimeLimit),
            Ok(StreamEnd::Rest(control)) => return self.controlled(control),
            Ok(StreamEnd::Server(..) | StreamEnd::Dropped) | Err(_) => {}
        }
        match action {
            Some(action) if failed.is_none() || self.settings.fall_through == FallThrough::Action => {
                Flow::Fetch(Purpose::Action, action, Vec::new())
            }
            _ => Flow::Next,
        }
    }

    async fn open(&mut self, noun: &StreamNoun, base: &str) -> Result<(MediaSocket, f64), StreamFault> {
        if noun.track.as_deref().is_some_and(|track| track != "inbound_track") {
            return Err(StreamFault {
                code: StreamCode::InvalidTrack,
                detail: "a two-way stream has the inbound track only".to_owned(),
            });
        }
        for (name, value) in &noun.parameters {
            if name.chars().count() + value.chars().count() >= 500 {
                self.warn(SCHEMA_VALIDATION_WARNING, "a <Parameter> of 500 characters or more");
            }
        }
        let mut url = twiml::resolve(base, &noun.url);
        if !noun.url.contains("://") {
            // A relative URL keeps the document's host; its scheme is the stream's own.
            url = url.replacen("https://", "wss://", 1);
        }
        if let Some((before, _)) = url.split_once('?') {
            url = before.to_owned();
            self.warn(StreamCode::Handshake.code(), "the stream's query string was stripped");
        }
        let before = Instant::now();
        let socket = MediaSocket::connect(&self.settings, &url).await?;
        Ok((socket, (Instant::now() - before).as_secs_f64() * 1_000.0))
    }

    async fn tell_stream(&mut self, noun: &StreamNoun, sid: &StreamSid, event: (&'static str, Option<String>)) {
        let Some(url) = noun.status_callback.clone() else { return };
        let fields = fields::stream_status(&self.settings.account_sid, &self.sid, (sid, noun.name.as_deref()), event);
        let target = Target {
            url,
            method: noun.status_method,
        };
        if let Err(fault) = self.request(Purpose::StreamStatus, &target, &fields).await {
            self.warn(fault.code, &fault.detail);
        }
    }
}
