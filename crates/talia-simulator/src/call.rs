//! One call: executes the verbs of its documents in order and tells the status, until somebody ends it.

use std::{sync::Arc, time::Duration};

use talia_twilio::{CallSid, CallStatus, error_codes::SCHEMA_VALIDATION_WARNING};
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
    outbound::OutboundPlan,
    outcome::{CallOutcome, Warning},
    recording::Recording,
    records::Record,
    script::LineConditions,
    settings::CarrierSettings,
    status::{StatusCallbacks, Subscription},
    tamper::Tamper,
    twiml::{self, Document, Target, Verb},
    webhook::{Reply, WebhookFault, Webhooks},
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
    /// `Status=completed`: ends it, whatever it does.
    Complete,
    /// `Status=canceled`: ends it while it is queued or rings; a call in progress goes on.
    Cancel,
    /// `Twiml=…`.
    Twiml(String),
    /// `Url=…`.
    Url(Target),
}

/// What a verb leads to.
pub(crate) enum Flow {
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
    pub(crate) webhooks: Webhooks,
    understood_sender: mpsc::Sender<(u64, Result<String, ListenerFault>)>,
    listener: Option<Arc<dyn Listener>>,
    listening: JoinSet<()>,
    pub(crate) telling: JoinSet<(f64, Result<Reply, WebhookFault>)>,
    status_callbacks: StatusCallbacks,
    warnings: Vec<Warning>,
    pub(crate) base_fields: fields::CallFields,
    pub(crate) status: CallStatus,
    origin: Instant,
    pub(crate) voice_copies: u32,
    pub(crate) tampers: Vec<Tamper>,
    pub(crate) hang_up_at_ms: Option<u64>,
    /// Who makes documents where others fail.
    pub(crate) fallback: Option<Target>,
    /// When the call is cut, on its own clock.
    pub(crate) limit_at_ms: u64,
    /// When it was answered; an inbound call counts from its voice webhook.
    pub(crate) answered_ms: Option<u64>,
    pub(crate) sip_response: Option<u16>,
    pub(crate) record: Record,
    /// Asynchronous verdicts on their way.
    pub(crate) telling_verdict: JoinSet<Result<Reply, WebhookFault>>,
}

/// How a call begins.
pub(crate) enum Beginning {
    /// Somebody rings the server.
    Inbound {
        /// The number's Voice URL.
        voice: Target,
        fallback: Option<Target>,
        status: Subscription,
    },
    /// The REST API rings somebody.
    Outbound(Box<OutboundPlan>),
}

/// What the carrier gives to a call.
pub(crate) struct Means {
    pub(crate) settings: Arc<CarrierSettings>,
    pub(crate) webhooks: Webhooks,
    pub(crate) record: Record,
    pub(crate) control: mpsc::Receiver<Control>,
}

impl Call {
    pub(crate) fn new(means: Means, plan: CallPlan, beginning: &Beginning) -> Self {
        let Means {
            settings,
            webhooks,
            record,
            control,
        } = means;
        let known = record.read();
        let (fallback, subscription, answered_ms) = match beginning {
            Beginning::Inbound { fallback, status, .. } => (fallback.clone(), status.clone(), Some(0)),
            Beginning::Outbound(plan) => (plan.fallback.clone(), plan.status.clone(), None),
        };
        let (understood_sender, understood) = mpsc::channel(4);
        let conditions = plan.script.script.line.clone();
        let mut caller = Caller::new(Arc::clone(&plan.script));
        if plan.live.is_none() {
            caller.live(None);
        }
        Self {
            base_fields: fields::CallFields::new(&settings.account_sid, &known, &plan.extra_fields),
            caller,
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
            telling: JoinSet::new(),
            status_callbacks: StatusCallbacks::new(subscription),
            warnings: Vec::new(),
            status: known.status,
            origin: Instant::now(),
            voice_copies: plan.voice_copies,
            tampers: plan.tampers,
            hang_up_at_ms: plan.hang_up_at_ms,
            fallback,
            limit_at_ms: settings.max_call_ms,
            answered_ms,
            sip_response: None,
            telling_verdict: JoinSet::new(),
            sid: known.sid,
            settings,
            record,
            control,
        }
    }

    /// Runs the call from its first ring to its last status callback.
    pub(crate) async fn run(mut self, beginning: Beginning) -> CallOutcome {
        let mut flow = match beginning {
            Beginning::Inbound { voice, .. } => {
                self.tell_status(CallStatus::Ringing).await;
                Flow::Fetch(Purpose::Voice, voice, Vec::new())
            }
            Beginning::Outbound(plan) => self.ring(*plan).await,
        };
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
                // Twilio has the document, and nobody to play it to.
                _ if self.left() => Flow::End(EndedBy::Caller),
                Ok(document) => self.execute(document).await,
                Err(code) => Flow::End(EndedBy::ApplicationError(code)),
            };
        };
        self.finish(ended_by).await
    }

    async fn finish(mut self, ended_by: EndedBy) -> CallOutcome {
        self.log(What::End { by: ended_by });
        self.listening.shutdown().await;
        self.telling_verdict.shutdown().await;
        self.streams_told().await;
        let duration_ms = self.now_ms();
        if !self.status.is_terminal() {
            let called_off = matches!(ended_by, EndedBy::Caller | EndedBy::Rest);
            let last = if called_off && self.status != CallStatus::InProgress {
                CallStatus::Canceled
            } else {
                CallStatus::Completed
            };
            self.tell_status(last).await;
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

    /// Whether the plan's caller has hung up by now.
    pub(crate) fn left(&self) -> bool {
        self.hang_up_at_ms.is_some_and(|at_ms| self.now_ms() >= at_ms)
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

    pub(crate) async fn tell_status(&mut self, status: CallStatus) {
        let lasted_ms = self.answered_ms.map_or(0, |answered| self.now_ms() - answered);
        self.status = status;
        let seconds = lasted_ms.div_ceil(1_000);
        self.record.reached(status, seconds);
        let mut fields = self.base_fields.with_status(status);
        if let Some(sip) = self.sip_response.filter(|_| status.is_terminal()) {
            fields.push(("SipResponseCode".to_owned(), sip.to_string()));
        }
        let now = self.record.clock().now();
        let mut callbacks = std::mem::take(&mut self.status_callbacks);
        let failed = callbacks
            .tell(&self.webhooks, &self.settings, fields, (status, seconds, now))
            .await;
        self.status_callbacks = callbacks;
        for detail in failed {
            self.warn(crate::status::FAILED, &detail);
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
                    self.tell_status(if busy { CallStatus::Busy } else { CallStatus::NoAnswer })
                        .await;
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
            Verb::Say { text } => {
                self.pass(text.chars().count() as u64 * self.settings.say_ms_per_char)
                    .await
            }
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
    pub(crate) async fn pass(&mut self, ms: u64) -> Flow {
        let at = |ms| self.origin + Duration::from_millis(ms);
        let limit = at(self.limit_at_ms);
        let leaves = self.hang_up_at_ms.map(at);
        let waited = timeout_at(leaves.unwrap_or(limit).min(limit), async {
            tokio::select! {
                biased;
                Some(control) = self.control.recv() => Some(control),
                () = sleep(Duration::from_millis(ms)) => None,
            }
        });
        match waited.await {
            Err(_) if leaves.is_some_and(|leaves| leaves <= limit) => Flow::End(EndedBy::Caller),
            Err(_) => Flow::End(EndedBy::TimeLimit),
            Ok(None) => Flow::Next,
            Ok(Some(control)) => self.controlled(control),
        }
    }

    pub(crate) fn controlled(&mut self, control: Control) -> Flow {
        self.log(What::RestUpdate);
        match control {
            Control::Complete | Control::Cancel => Flow::End(EndedBy::Rest),
            Control::Twiml(text) => Flow::Inline(text),
            Control::Url(target) => Flow::Fetch(Purpose::Document, target, Vec::new()),
        }
    }
}
