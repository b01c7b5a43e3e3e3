//! The leg of a `<Dial>`: the person who is rung, the callbacks of that call, and what was heard at that end.

use std::{collections::VecDeque, sync::Arc};

use talia_audio::frame::MulawFrame;
use talia_twilio::{CallSid, CallStatus};
use tokio::sync::mpsc;

use crate::{
    call::{Call, Control},
    caller::{Act, SpeechKind},
    carrier::Leave,
    events::{Journal, Side, What},
    fields::CallFields,
    outcome::DialledLeg,
    passing::{Frame, SILENCE},
    people::{Pickup, RING_SETUP_MS},
    phone::Phone,
    recording::Recording,
    records::Record,
    status::{StatusCallbacks, Subscription},
    twiml::{DialNoun, Target},
};

/// A person who is rung. Times are those of the call that dials.
pub(crate) struct Leg {
    pub(crate) sid: CallSid,
    pub(crate) status: CallStatus,
    pub(crate) whisper: Option<Target>,
    pub(crate) fields: CallFields,
    pub(crate) keys: VecDeque<char>,
    pub(crate) joined_ms: Option<u64>,
    to: String,
    pickup: Pickup,
    phone: Phone,
    record: Record,
    callbacks: StatusCallbacks,
    control: mpsc::Receiver<Control>,
    leave: Leave,
    recording: Recording,
    keep_audio: bool,
    heard: Vec<String>,
    began_ms: u64,
    answered_ms: Option<u64>,
    ended_ms: Option<u64>,
    sip: Option<u16>,
    left: bool,
}

impl Leg {
    pub(crate) fn new(call: &Call, noun: &DialNoun, (from, base): (&str, &str), began_ms: u64) -> Self {
        let (record, control, leave) = call.carrier.enter_leg(&call.sid, (from, &noun.to));
        let known = record.read();
        let person = call.carrier.person(&noun.to);
        let events = noun.status_events.iter().map(String::as_str);
        let target = noun.status_callback.as_ref().map(|target| target.from(base));
        // A word that is no event subscribes to nothing.
        let subscription = Subscription::of_events(target, events).unwrap_or_default();
        let settings = &call.settings;
        let mut leg = Self {
            fields: CallFields::new(&settings.account_sid, &known, &[]),
            sid: known.sid,
            status: CallStatus::Queued,
            whisper: noun.whisper.as_ref().map(|target| target.from(base)),
            keys: VecDeque::new(),
            joined_ms: None,
            to: noun.to.clone(),
            pickup: person.pickup,
            phone: Phone::new(&person.script, person.listener, None),
            record,
            callbacks: StatusCallbacks::new(subscription, Arc::clone(settings), call.webhooks.clone()),
            control,
            leave,
            recording: Recording::default(),
            keep_audio: settings.keep_audio,
            heard: Vec::new(),
            began_ms,
            answered_ms: None,
            ended_ms: None,
            sip: None,
            left: false,
        };
        leg.reach(CallStatus::Initiated, began_ms);
        leg
    }

    /// Goes on ringing up to `call_ms`.
    pub(crate) fn ring(&mut self, call_ms: u64, timeout_ms: u64) {
        let rung_ms = call_ms.saturating_sub(self.began_ms);
        if self.called_off() {
            return self.end(CallStatus::Canceled, call_ms);
        }
        match (self.status, self.pickup) {
            (CallStatus::Initiated, _) if rung_ms < RING_SETUP_MS => {}
            (CallStatus::Initiated, Pickup::Busy) => self.refuse(CallStatus::Busy, 486, call_ms),
            (CallStatus::Initiated, Pickup::Failed { sip }) => self.refuse(CallStatus::Failed, sip, call_ms),
            (CallStatus::Initiated, _) => self.reach(CallStatus::Ringing, call_ms),
            (CallStatus::Ringing, Pickup::Answers { after_ms } | Pickup::Machine { after_ms, .. })
                if rung_ms >= RING_SETUP_MS + after_ms =>
            {
                self.answered_ms = Some(call_ms);
                self.reach(CallStatus::InProgress, call_ms);
            }
            (CallStatus::Ringing, _) if rung_ms >= timeout_ms => self.refuse(CallStatus::NoAnswer, 487, call_ms),
            _ => {}
        }
    }

    fn refuse(&mut self, status: CallStatus, sip: u16, call_ms: u64) {
        self.sip = Some(sip);
        self.end(status, call_ms);
    }

    /// Whether a REST update ends this leg; another document for it isn't supported.
    fn called_off(&mut self) -> bool {
        let mut off = false;
        while let Ok(control) = self.control.try_recv() {
            off |= matches!(control, Control::Complete | Control::Cancel);
        }
        off
    }

    /// Lives one frame: what the person says, and whether that person is gone.
    pub(crate) fn frame(&mut self, call_ms: u64, heard: &MulawFrame, journal: &mut Journal) -> Frame {
        self.heard.extend(self.phone.poll());
        self.left |= self.called_off();
        if self.left {
            return Frame {
                voice: SILENCE,
                left: true,
            };
        }
        self.phone.hear(heard, call_ms);
        let (voice, acts) = self.phone.speak(heard, call_ms);
        if self.keep_audio {
            let at_ms = call_ms - self.answered_ms.unwrap_or(call_ms);
            self.recording.push(at_ms, &voice, heard);
        }
        for act in acts {
            self.act(act, call_ms, journal);
        }
        Frame { voice, left: self.left }
    }

    fn act(&mut self, act: Act, call_ms: u64, journal: &mut Journal) {
        match act {
            Act::Began { kind, text } => {
                self.phone.speaks_since_ms = Some(call_ms);
                let what = What::SpeechBegin {
                    side: Side::Person,
                    kind: Some(kind),
                    text: Some(text),
                };
                journal.write(call_ms, what);
            }
            Act::Ended { kind } => {
                if matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
                    self.phone.new_turn();
                }
                let what = What::SpeechEnd {
                    side: Side::Person,
                    from_ms: self.phone.speaks_since_ms.take().unwrap_or(call_ms),
                    to_ms: call_ms.saturating_sub(20),
                };
                journal.write(call_ms, what);
            }
            Act::Listen { request } => self.phone.listen(request),
            Act::Press(key) => self.keys.push_back(key),
            Act::HangUp => self.left = true,
            Act::DropSocket { .. } => {}
            Act::Fault(fault) => self.phone.failed(fault),
        }
    }

    /// The leg is over, unless it was before.
    pub(crate) fn end(&mut self, status: CallStatus, call_ms: u64) {
        if !self.status.is_terminal() {
            self.ended_ms = Some(call_ms);
            self.reach(status, call_ms);
        }
    }

    /// How long it has lasted from its answer, in milliseconds.
    pub(crate) fn lasted_ms(&self) -> u64 {
        match (self.answered_ms, self.ended_ms) {
            (Some(answered), Some(ended)) => ended.saturating_sub(answered),
            _ => 0,
        }
    }

    fn reach(&mut self, status: CallStatus, call_ms: u64) {
        self.status = status;
        let lasted_ms = self.answered_ms.map_or(0, |answered| call_ms.saturating_sub(answered));
        let seconds = lasted_ms.div_ceil(1_000);
        self.record.reached(status, seconds);
        let mut fields = self.fields.with_status(status);
        if let Some(sip) = self.sip.filter(|_| status.is_terminal()) {
            fields.push(("SipResponseCode".to_owned(), sip.to_string()));
        }
        self.callbacks
            .write(fields, (status, seconds, self.record.clock().now()));
    }

    /// Tells what is left to be told.
    pub(crate) async fn finish(mut self) -> DialledLeg {
        self.leave.now();
        self.phone.silence().await;
        let (statuses, _) = self.callbacks.finish().await;
        DialledLeg {
            duration_ms: self.lasted_ms(),
            call_sid: self.sid,
            to: self.to,
            status: self.status,
            recording: self.recording,
            heard: self.heard,
            statuses,
            answered_ms: self.answered_ms,
            joined_ms: self.joined_ms,
            script_fault: self.phone.script_fault,
            listener_faults: self.phone.listener_faults,
        }
    }
}
