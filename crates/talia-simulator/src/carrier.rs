//! The carrier: rings a server's number with a scripted caller, rings whom the server calls, and knows every call.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use talia_twilio::{CallSid, CallStatus};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    account::Account,
    call::{Beginning, Call, Control, Means},
    caller::LiveInput,
    cut::Cut,
    events::CallEvent,
    lines::PreparedScript,
    listener::Listener,
    outbound::OutboundPlan,
    outcome::CallOutcome,
    people::{PersonPlan, PhoneBook},
    records::{CallRecord, Direction, Record},
    register::{Entry, Register},
    settings::CarrierSettings,
    speaker::Speaker,
    status::Subscription,
    tamper::Tamper,
    twiml::Target,
    wall_clock::WallClock,
    webhook::{Method, Webhooks},
};

/// One call to be made.
pub struct CallPlan {
    /// The caller's number, or a word such as `anonymous`.
    pub from: String,
    /// The number that is called.
    pub to: String,
    /// What the caller does.
    pub script: Arc<PreparedScript>,
    /// How the caller understands the assistant.
    pub listener: Option<Arc<dyn Listener>>,
    /// Who watches the call.
    pub observer: Option<mpsc::Sender<CallEvent>>,
    /// Lines from outside, for a `live` step.
    pub live: Option<mpsc::Receiver<LiveInput>>,
    /// More form fields, in every request of the call (`StirVerstat`, `CallToken`, …).
    pub extra_fields: Vec<(String, String)>,
    /// How many more times the voice webhook is delivered: the first copy, the third and so on with the idempotency token
    /// of the original, as a retry has it; the others with one of their own.
    pub voice_copies: u32,
    /// When the caller hangs up whatever is going on, in milliseconds since the voice webhook was sent.
    pub hang_up_at_ms: Option<u64>,
    /// What the carrier does that no honest one does.
    pub tampers: Vec<Tamper>,
    /// When the media socket is cut.
    pub cuts: Vec<Cut>,
}

impl CallPlan {
    /// A call of a script.
    pub fn new(from: impl Into<String>, to: impl Into<String>, script: Arc<PreparedScript>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            script,
            listener: None,
            observer: None,
            live: None,
            extra_fields: Vec::new(),
            voice_copies: 0,
            hang_up_at_ms: None,
            tampers: Vec::new(),
            cuts: Vec::new(),
        }
    }
}

/// A call couldn't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The script goes by words, and nobody listens.
    #[error("the script goes by what the assistant says, so it needs a listener")]
    NeedsListener,
}

/// A call couldn't be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// No such call.
    #[error("there is no such call")]
    Unknown,
    /// The call is over, or has no document yet that could be replaced (21220).
    #[error("the call is not in progress")]
    Over,
    /// The call is somebody's whom a `<Dial>` rang: it can be ended, but not given another document here.
    #[error("a dialled leg can't be redirected in the simulator")]
    Leg,
    /// Updates come faster than the call takes them.
    #[error("too many updates")]
    Busy,
}

/// A carrier with one account; clones are the same carrier.
#[derive(Clone)]
pub struct Carrier {
    settings: Arc<CarrierSettings>,
    webhooks: Webhooks,
    clock: WallClock,
    register: Arc<Mutex<Register>>,
    people: Arc<Mutex<PhoneBook>>,
    speaker: Option<Arc<dyn Speaker>>,
    account: Account,
}

impl Carrier {
    /// A carrier; the error is that of its HTTP client.
    pub fn new(settings: CarrierSettings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            settings: Arc::new(settings),
            webhooks: Webhooks::new()?,
            clock: WallClock::start(),
            register: Arc::default(),
            people: Arc::default(),
            speaker: None,
            account: Account::default(),
        })
    }

    /// The voice of `<Say>`; without one it is heard as syllables whose length follows the text.
    #[must_use]
    pub fn with_speaker(mut self, speaker: Arc<dyn Speaker>) -> Self {
        self.speaker = Some(speaker);
        self
    }

    pub(crate) fn speaker(&self) -> Option<Arc<dyn Speaker>> {
        self.speaker.clone()
    }

    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    pub(crate) fn shared_settings(&self) -> Arc<CarrierSettings> {
        Arc::clone(&self.settings)
    }

    /// The account's numbers and applications.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Says who is reached at a number that the server rings, by REST or by `<Dial>`.
    pub fn put_person(&self, number: &str, person: PersonPlan) {
        self.with_people(|people| people.put(Some(number), person));
    }

    /// Says who is reached at every number without a person of its own.
    pub fn put_default_person(&self, person: PersonPlan) {
        self.with_people(|people| people.put(None, person));
    }

    pub(crate) fn person(&self, number: &str) -> PersonPlan {
        self.with_people(|people| people.find(number))
    }

    fn with_people<R>(&self, work: impl FnOnce(&mut PhoneBook) -> R) -> R {
        work(&mut self.people.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The settings.
    pub fn settings(&self) -> &CarrierSettings {
        &self.settings
    }

    /// Rings, and stays until the call is over.
    pub async fn dial(&self, plan: CallPlan) -> Result<CallOutcome, DialError> {
        if plan.listener.is_none() && plan.script.script().needs_listener() {
            return Err(DialError::NeedsListener);
        }
        let beginning = self.set_up_of(&plan.to);
        let known = self.record(Direction::Inbound, (&plan.from, &plan.to));
        let (means, _leave) = self.enter(known);
        Ok(Call::new(means, plan, &beginning).run(beginning).await)
    }

    /// What is configured for a number: at the account, where it is one of its numbers; else in the settings.
    fn set_up_of(&self, number: &str) -> Beginning {
        let post = |url: &String| Target {
            url: url.clone(),
            method: Method::Post,
        };
        let settings = &self.settings;
        let (voice, fallback, status) = self.account.set_up_of(number).unwrap_or_else(|| {
            (
                post(&settings.voice_url),
                settings.fallback_url.as_ref().map(post),
                settings.status_url.as_ref().map(post),
            )
        });
        Beginning::Inbound {
            voice,
            fallback,
            status: Subscription::of_number(status, settings.status.progress),
        }
    }

    /// Makes a call that the REST API asked for; it runs by itself. Returns what is known of it at once.
    pub(crate) fn call_out(&self, (from, to): (&str, &str), mut plan: OutboundPlan) -> CallRecord {
        let now = Instant::now();
        let interval = Duration::from_millis(self.settings.call_interval_ms);
        plan.queue_ms = self.with_register(|register| register.queue(now, interval)).as_millis() as u64;
        let mut known = self.record(Direction::OutboundApi, (from, to));
        known.queue_ms = plan.queue_ms;
        let (means, leave) = self.enter(known);
        let known = means.record.read();
        let person = &plan.person;
        let mut callee = CallPlan::new(from, to, Arc::clone(&person.script));
        callee.listener.clone_from(&person.listener);
        callee.observer.clone_from(&person.observer);
        callee.cuts.clone_from(&person.cuts);
        let beginning = Beginning::Outbound(Box::new(plan));
        let call = Call::new(means, callee, &beginning);
        tokio::spawn(async move {
            leave.keep(call.run(beginning).await);
        });
        known
    }

    /// Enters the call of somebody whom a live call dials.
    pub(crate) fn enter_leg(&self, parent: &CallSid, ends: (&str, &str)) -> (Record, mpsc::Receiver<Control>, Leave) {
        let mut known = self.record(Direction::OutboundDial, ends);
        known.parent = Some(parent.clone());
        let (means, leave) = self.enter(known);
        (means.record, means.control, leave)
    }

    fn record(&self, direction: Direction, ends: (&str, &str)) -> CallRecord {
        let sid = CallSid::from_bits(random_bits());
        let mut known = CallRecord::new(sid, direction, ends, self.clock.now());
        if direction == Direction::Inbound {
            known.status = CallStatus::Ringing;
        }
        known
    }

    /// Enters a new call into the register.
    fn enter(&self, known: CallRecord) -> (Means, Leave) {
        let sid = known.sid.clone();
        let record = Record::new(known, self.clock);
        let (sender, control) = mpsc::channel(4);
        let (over, outcome) = watch::channel(None);
        let entry = Entry {
            record: record.clone(),
            control: Some(sender),
            outcome,
        };
        self.with_register(|register| register.enter(sid.clone(), entry));
        let means = Means {
            carrier: self.clone(),
            record,
            control,
        };
        let leave = Leave {
            carrier: self.clone(),
            sid,
            over,
        };
        (means, leave)
    }

    /// Changes a live call, as Twilio's REST API does.
    pub fn update(&self, sid: &str, control: Control) -> Result<(), UpdateError> {
        self.with_register(|register| {
            let entry = register.get(sid).ok_or(UpdateError::Unknown)?;
            let sender = entry.control.as_ref().ok_or(UpdateError::Over)?;
            let known = entry.record.read();
            let redirects = matches!(control, Control::Twiml(_) | Control::Url(_));
            if redirects && known.direction == Direction::OutboundDial {
                return Err(UpdateError::Leg);
            }
            match (&control, known.status) {
                // Too late to call it off: the call goes on.
                (Control::Cancel, CallStatus::InProgress) => return Ok(()),
                (_, status) if redirects && status != CallStatus::InProgress => return Err(UpdateError::Over),
                _ => {}
            }
            sender.try_send(control).map_err(|_| UpdateError::Busy)
        })
    }

    /// Cuts the media socket of a live call, as a network does: without a closing frame when it is abrupt. A call that
    /// has no stream at this moment isn't touched.
    pub fn cut(&self, sid: &str, abrupt: bool) -> Result<(), UpdateError> {
        self.update(sid, Control::CutSocket { abrupt })
    }

    /// What is known of a call.
    pub fn call(&self, sid: &str) -> Option<CallRecord> {
        self.with_register(|register| register.get(sid).map(|entry| entry.record.read()))
    }

    /// Every call that is remembered, the first first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.with_register(|register| register.records())
    }

    /// Waits until a call is over that the REST API made, and tells how it was; none for one that isn't remembered.
    pub async fn outcome(&self, sid: &str) -> Option<Arc<CallOutcome>> {
        let mut outcome = self.with_register(|register| register.get(sid).map(|entry| entry.outcome.clone()))?;
        outcome.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// The calls that are live.
    pub fn live_calls(&self) -> Vec<CallSid> {
        self.with_register(|register| register.live())
    }

    fn with_register<R>(&self, work: impl FnOnce(&mut Register) -> R) -> R {
        work(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Marks a call as over, also when whoever waits for it gives up.
pub(crate) struct Leave {
    carrier: Carrier,
    sid: CallSid,
    over: watch::Sender<Option<Arc<CallOutcome>>>,
}

impl Leave {
    /// The call is over now.
    pub(crate) fn now(&self) {
        self.carrier.with_register(|register| register.leave(&self.sid));
    }

    /// Keeps the outcome of a call that nobody waits for.
    fn keep(&self, outcome: CallOutcome) {
        self.now();
        self.over.send_replace(Some(Arc::new(outcome)));
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.now();
    }
}

/// Random bits for an identifier.
pub(crate) fn random_bits() -> u128 {
    let mut bytes = [0; 16];
    // Without random numbers from the system no identifier is unique, and no call can be made.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    u128::from_le_bytes(bytes)
}

/// Random hexadecimal digits, two for each byte (at most 16 bytes).
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut text = format!("{:032x}", random_bits());
    text.truncate(bytes * 2);
    text
}
