//! The carrier: rings a server's number with a scripted caller, and knows which calls are live.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use talia_twilio::CallSid;
use tokio::sync::mpsc;

use crate::{
    call::{Call, Control},
    caller::LiveInput,
    events::CallEvent,
    lines::PreparedScript,
    listener::Listener,
    outcome::CallOutcome,
    settings::CarrierSettings,
    tamper::Tamper,
    webhook::Webhooks,
};

/// Calls whose end is remembered, to tell "over" from "unknown".
const REMEMBERED: usize = 10_000;

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
    /// How many more times the voice webhook is delivered.
    pub voice_copies: u32,
    /// When the caller hangs up whatever is going on, in milliseconds since the voice webhook was sent.
    pub hang_up_at_ms: Option<u64>,
    /// What the carrier does that no honest one does.
    pub tampers: Vec<Tamper>,
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
    /// The call is over (21220).
    #[error("the call is not in progress")]
    Over,
    /// Updates come faster than the call takes them.
    #[error("too many updates")]
    Busy,
}

#[derive(Default)]
struct Register {
    live: HashMap<CallSid, mpsc::Sender<Control>>,
    over: VecDeque<CallSid>,
}

/// A carrier with one account; clones are the same carrier.
#[derive(Clone)]
pub struct Carrier {
    settings: Arc<CarrierSettings>,
    webhooks: Webhooks,
    register: Arc<Mutex<Register>>,
}

impl Carrier {
    /// A carrier; the error is that of its HTTP client.
    pub fn new(settings: CarrierSettings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            settings: Arc::new(settings),
            webhooks: Webhooks::new()?,
            register: Arc::default(),
        })
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
        let sid = CallSid::from_bits(random_bits());
        let (control_sender, control) = mpsc::channel(4);
        self.with_register(|register| register.live.insert(sid.clone(), control_sender));
        // Also when the caller of this function gives up.
        let _leave = Leave {
            carrier: self,
            sid: sid.clone(),
        };
        let call = Call::new(Arc::clone(&self.settings), self.webhooks.clone(), sid, plan, control);
        Ok(call.run().await)
    }

    /// Changes a live call, as Twilio's REST API does.
    pub fn update(&self, sid: &str, control: Control) -> Result<(), UpdateError> {
        self.with_register(|register| match register.live.get(sid) {
            Some(sender) => sender.try_send(control).map_err(|_| UpdateError::Busy),
            None if register.over.iter().any(|over| over.as_str() == sid) => Err(UpdateError::Over),
            None => Err(UpdateError::Unknown),
        })
    }

    /// The calls that are live.
    pub fn live_calls(&self) -> Vec<CallSid> {
        self.with_register(|register| register.live.keys().cloned().collect())
    }

    fn with_register<R>(&self, work: impl FnOnce(&mut Register) -> R) -> R {
        work(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Leave<'a> {
    carrier: &'a Carrier,
    sid: CallSid,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.carrier.with_register(|register| {
            register.live.remove(&self.sid);
            if register.over.len() == REMEMBERED {
                register.over.pop_front();
            }
            register.over.push_back(self.sid.clone());
        });
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
