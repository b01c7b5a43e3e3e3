//! One call: executes the verbs of its documents in order and tells the status, until somebody ends it.

use std::{collections::VecDeque, sync::Arc};

use talia_twilio::{CallSid, CallStatus};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    carrier::{CallPlan, Carrier},
    cut::Cut,
    events::{EndedBy, Journal, Purpose, What},
    fields,
    measure::Stopwatch,
    media_socket::MediaSocket,
    outbound::OutboundPlan,
    outcome::{CallOutcome, DialledLeg, Warning},
    phone::Phone,
    recording::Recording,
    records::Record,
    script::LineConditions,
    settings::CarrierSettings,
    speaker::Speaker,
    status::{StatusCallbacks, Subscription},
    tamper::Tamper,
    twiml::Target,
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
    /// No update at all: the network cuts the media socket.
    CutSocket {
        /// Without a closing frame.
        abrupt: bool,
    },
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
    pub(crate) phone: Phone,
    pub(crate) conditions: LineConditions,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) journal: Journal,
    pub(crate) recording: Recording,
    /// Keys that no verb has taken yet.
    pub(crate) keys: VecDeque<char>,
    /// The caller's script has hung up.
    pub(crate) hung_up: bool,
    /// Streams so far.
    pub(crate) streams: usize,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) speaker: Option<Arc<dyn Speaker>>,
    pub(crate) carrier: Carrier,
    /// The network's ringing, made when it is first heard.
    pub(crate) ring_tone: Option<Vec<i16>>,
    /// Legs that are over and have callbacks left to tell.
    pub(crate) leaving: JoinSet<DialledLeg>,
    pub(crate) drop_abruptly: bool,
    /// Sockets that broke without the server's seeing it.
    pub(crate) left_open: Vec<MediaSocket>,
    pub(crate) unsent_messages: u64,
    pub(crate) webhooks: Webhooks,
    pub(crate) telling: JoinSet<(f64, Result<Reply, WebhookFault>)>,
    callbacks: StatusCallbacks,
    warnings: Vec<Warning>,
    pub(crate) base_fields: fields::CallFields,
    pub(crate) status: CallStatus,
    pub(crate) origin: Instant,
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
    pub(crate) telling_verdict: JoinSet<Option<Result<Reply, WebhookFault>>>,
    /// The call is over.
    pub(crate) over: CancellationToken,
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
    pub(crate) carrier: Carrier,
    pub(crate) record: Record,
    pub(crate) control: mpsc::Receiver<Control>,
}

impl Call {
    pub(crate) fn new(means: Means, plan: CallPlan, beginning: &Beginning) -> Self {
        let Means {
            carrier,
            record,
            control,
        } = means;
        let settings = carrier.shared_settings();
        let known = record.read();
        let (fallback, subscription, answered_ms) = match beginning {
            Beginning::Inbound { fallback, status, .. } => (fallback.clone(), status.clone(), Some(0)),
            Beginning::Outbound(plan) => (plan.fallback.clone(), plan.status.clone(), None),
        };
        Self {
            base_fields: fields::CallFields::new(&settings.account_sid, &known, &plan.extra_fields),
            conditions: plan.script.script.line.clone(),
            phone: Phone::new(&plan.script, plan.listener, plan.live),
            stopwatch: Stopwatch::default(),
            journal: Journal::new(plan.observer),
            recording: Recording::default(),
            keys: VecDeque::new(),
            hung_up: false,
            streams: 0,
            cuts: plan.cuts,
            speaker: carrier.speaker(),
            ring_tone: None,
            leaving: JoinSet::new(),
            drop_abruptly: false,
            left_open: Vec::new(),
            unsent_messages: 0,
            webhooks: carrier.webhooks().clone(),
            telling: JoinSet::new(),
            callbacks: StatusCallbacks::new(subscription, Arc::clone(&settings), carrier.webhooks().clone()),
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
            over: CancellationToken::new(),
            sid: known.sid,
            carrier,
            settings,
            record,
            control,
        }
    }

    /// Runs the call from its first ring to its last status callback.
    pub(crate) async fn run(mut self, beginning: Beginning) -> CallOutcome {
        let mut flow = match beginning {
            Beginning::Inbound { voice, .. } => {
                if self.settings.status.end_first {
                    self.write_status(CallStatus::Completed, 0);
                }
                self.tell_status(CallStatus::Ringing);
                // Told before the voice webhook is asked; everything later is told beside the call.
                self.callbacks.answered().await;
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
        self.phone.silence().await;
        self.over.cancel();
        while let Some(told) = self.telling_verdict.join_next().await {
            if let Ok(Some(Err(fault))) = told {
                self.warn(crate::status::FAILED, &fault.detail);
            }
        }
        self.streams_told().await;
        let duration_ms = self.now_ms();
        if !self.status.is_terminal() {
            let called_off = matches!(ended_by, EndedBy::Caller | EndedBy::Rest);
            let last = if called_off && self.status != CallStatus::InProgress {
                CallStatus::Canceled
            } else {
                CallStatus::Completed
            };
            self.tell_status(last);
        }
        let (statuses, failed) = self.callbacks.finish().await;
        for detail in failed {
            self.warn(crate::status::FAILED, &detail);
        }
        let mut dialled = Vec::new();
        while let Some(leg) = self.leaving.join_next().await {
            dialled.extend(leg);
        }
        dialled.sort_by_key(|leg| leg.answered_ms);
        let (log, missed_events) = self.journal.finish();
        CallOutcome {
            call_sid: self.sid,
            log,
            recording: self.recording,
            dialled,
            statuses,
            measurements: self.stopwatch.figures,
            warnings: self.warnings,
            ended_by,
            status: self.status,
            duration_ms,
            script_fault: self.phone.script_fault,
            listener_faults: self.phone.listener_faults,
            unsent_messages: self.unsent_messages,
            missed_events,
        }
    }

    /// Whether the plan's caller has hung up by now.
    pub(crate) fn left(&self) -> bool {
        self.hung_up || self.hang_up_at_ms.is_some_and(|at_ms| self.now_ms() >= at_ms)
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

    pub(crate) fn tell_status(&mut self, status: CallStatus) {
        self.status = status;
        let lasted_ms = self.answered_ms.map_or(0, |answered| self.now_ms() - answered);
        let seconds = lasted_ms.div_ceil(1_000);
        self.record.reached(status, seconds);
        self.write_status(status, seconds);
    }

    fn write_status(&mut self, status: CallStatus, seconds: u64) {
        let mut fields = self.base_fields.with_status(status);
        if let Some(sip) = self.sip_response.filter(|_| status.is_terminal()) {
            fields.push(("SipResponseCode".to_owned(), sip.to_string()));
        }
        self.callbacks
            .write(fields, (status, seconds, self.record.clock().now()));
    }

    pub(crate) fn controlled(&mut self, control: Control) -> Flow {
        self.log(What::RestUpdate);
        match control {
            // There is no socket to cut.
            Control::CutSocket { .. } => Flow::Next,
            Control::Complete | Control::Cancel => Flow::End(EndedBy::Rest),
            Control::Twiml(text) => Flow::Inline(text),
            Control::Url(target) => Flow::Fetch(Purpose::Document, target, Vec::new()),
        }
    }
}
