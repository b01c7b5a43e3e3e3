//! A call's status callbacks: which events are told, and how disorderly the network delivers them.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use talia_twilio::CallStatus;
use tokio::task::JoinSet;

use crate::{
    fields::{Fields, pairs},
    outcome::SentStatus,
    settings::{CarrierSettings, StatusOrder, StatusPlan},
    twiml::Target,
    wall_clock::rfc2822,
    webhook::{Webhooks, new_token},
};

/// Twilio's debugger code for a status callback that wasn't taken; the call isn't touched.
pub(crate) const FAILED: u16 = 15_003;

/// Which events of a call are told, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscription {
    pub(crate) target: Option<Target>,
    /// `initiated`, `ringing`, `answered`; the terminal one is always told.
    pub(crate) initiated: bool,
    pub(crate) ringing: bool,
    pub(crate) answered: bool,
    /// Whether callbacks are numbered and dated, as those of subscribed events are.
    pub(crate) numbered: bool,
}

impl Subscription {
    /// What a number's own status callback hears.
    pub(crate) fn of_number(target: Option<Target>, progress: bool) -> Self {
        Self {
            target,
            initiated: false,
            ringing: progress,
            answered: progress,
            numbered: progress,
        }
    }

    /// Named events, as REST and `<Dial>` subscribe to them; none for a word that is no event.
    pub(crate) fn of_events<'a>(target: Option<Target>, events: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut subscription = Self {
            target,
            numbered: true,
            ..Self::default()
        };
        for event in events {
            match event {
                "initiated" => subscription.initiated = true,
                "ringing" => subscription.ringing = true,
                "answered" => subscription.answered = true,
                "completed" => {}
                _ => return None,
            }
        }
        Some(subscription)
    }

    fn wants(&self, status: CallStatus) -> bool {
        match status {
            CallStatus::Queued => false,
            CallStatus::Initiated => self.initiated,
            CallStatus::Ringing => self.ringing,
            CallStatus::InProgress => self.answered,
            _ => true,
        }
    }

    /// How many callbacks come before the terminal one.
    fn before_end(&self) -> u64 {
        u64::from(self.initiated) + u64::from(self.ringing) + u64::from(self.answered)
    }
}

/// What is known when a callback is written: status, seconds from the answer, wall time.
pub(crate) type Moment = (CallStatus, u64, Timestamp);

type Told = (SentStatus, Option<String>);

#[derive(Debug, Clone)]
struct Callback {
    status: CallStatus,
    fields: Fields,
    token: String,
}

/// The callbacks of one call.
#[derive(Debug)]
pub(crate) struct StatusCallbacks {
    subscription: Subscription,
    plan: StatusPlan,
    random: StdRng,
    sent: Vec<SentStatus>,
    failed: Vec<String>,
    /// To be sent in this order.
    waiting: VecDeque<Callback>,
    /// To be sent when the call is over.
    held: Vec<Callback>,
    on_way: JoinSet<Told>,
    sequence: u64,
    end_told: bool,
}

impl StatusCallbacks {
    pub(crate) fn new(subscription: Subscription, plan: StatusPlan) -> Self {
        Self {
            subscription,
            plan,
            random: StdRng::seed_from_u64(plan.seed),
            sent: Vec::new(),
            failed: Vec::new(),
            waiting: VecDeque::new(),
            held: Vec::new(),
            on_way: JoinSet::new(),
            sequence: 0,
            end_told: false,
        }
    }

    /// Writes a callback, if it is subscribed to and the network doesn't lose it.
    pub(crate) fn write(&mut self, mut fields: Fields, (status, seconds, now): Moment) {
        let wanted = self.subscription.target.is_some() && self.subscription.wants(status);
        if !wanted || (status.is_terminal() && self.end_told) {
            return;
        }
        let mut number = self.sequence;
        if status.is_terminal() {
            self.end_told = true;
            number = self.subscription.before_end().max(number);
            fields.extend(pairs([
                ("CallDuration", seconds.to_string().as_str()),
                ("Duration", seconds.div_ceil(60).to_string().as_str()),
            ]));
        } else {
            self.sequence += 1;
        }
        if self.subscription.numbered {
            fields.extend(pairs([
                ("SequenceNumber", number.to_string().as_str()),
                ("Timestamp", &rfc2822(now)),
                ("CallbackSource", "call-progress-events"),
            ]));
        }
        let mut token = new_token();
        for copy in 0..=self.plan.duplicates {
            if copy > 0 && !self.plan.retries {
                token = new_token();
            }
            if self.random.random_range(0..100) < self.plan.drop_percent {
                continue;
            }
            let callback = Callback {
                status,
                fields: fields.clone(),
                token: token.clone(),
            };
            match self.plan.order {
                StatusOrder::InOrder => self.waiting.push_back(callback),
                StatusOrder::Reversed | StatusOrder::Permutation(_) => self.held.push(callback),
            }
        }
    }

    /// Sends what is due, and waits for the answers.
    pub(crate) async fn deliver(&mut self, webhooks: &Webhooks, settings: &CarrierSettings) {
        if self.plan.delay_ms > 0 {
            self.start(webhooks, settings);
            return;
        }
        while let Some(callback) = self.waiting.pop_front() {
            if let Some(target) = self.subscription.target.clone() {
                let told = post(webhooks.clone(), settings.clone(), target, callback, 0).await;
                self.take(told);
            }
        }
    }

    /// Sends what is due beside the call: one after the other, or each after its own delay.
    pub(crate) fn start(&mut self, webhooks: &Webhooks, settings: &CarrierSettings) {
        while let Some(told) = self.on_way.try_join_next() {
            self.take_joined(told);
        }
        while self.plan.delay_ms > 0 || self.on_way.is_empty() {
            let Some(callback) = self.waiting.pop_front() else {
                return;
            };
            let Some(target) = self.subscription.target.clone() else {
                return;
            };
            let delay_ms = self.random.random_range(0..=self.plan.delay_ms);
            let (webhooks, settings) = (webhooks.clone(), settings.clone());
            self.on_way.spawn(post(webhooks, settings, target, callback, delay_ms));
        }
    }

    /// Sends everything that is left. Returns what was sent, in that order, and why some weren't taken.
    pub(crate) async fn finish(
        &mut self,
        webhooks: &Webhooks,
        settings: &CarrierSettings,
    ) -> (Vec<SentStatus>, Vec<String>) {
        loop {
            self.start(webhooks, settings);
            let Some(told) = self.on_way.join_next().await else {
                break;
            };
            self.take_joined(told);
        }
        let held = std::mem::take(&mut self.held);
        self.waiting = match self.plan.order {
            StatusOrder::InOrder => held.into(),
            StatusOrder::Reversed => held.into_iter().rev().collect(),
            StatusOrder::Permutation(number) => permuted(held, number).into(),
        };
        while let Some(callback) = self.waiting.pop_front() {
            if let Some(target) = self.subscription.target.clone() {
                let told = post(webhooks.clone(), settings.clone(), target, callback, 0).await;
                self.take(told);
            }
        }
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.failed))
    }

    /// Why callbacks weren't taken since the last look.
    pub(crate) fn failures(&mut self) -> Vec<String> {
        std::mem::take(&mut self.failed)
    }

    fn take_joined(&mut self, told: Result<Told, tokio::task::JoinError>) {
        match told {
            Ok(told) => self.take(told),
            Err(error) => self.failed.push(error.to_string()),
        }
    }

    fn take(&mut self, (sent, failed): Told) {
        self.sent.push(sent);
        self.failed.extend(failed);
    }
}

async fn post(
    webhooks: Webhooks,
    settings: CarrierSettings,
    target: Target,
    callback: Callback,
    delay_ms: u64,
) -> Told {
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let sent = webhooks
        .send_as(&settings, &target, &callback.fields, &callback.token)
        .await;
    let (answer, failed) = match sent {
        Ok(reply) => (Some(reply.status), None),
        Err(fault) => (fault.status, Some(fault.detail)),
    };
    let status = callback.status;
    (SentStatus { status, answer }, failed)
}

/// One of the orders of some things, by its number: 0 is the order that they have, n! - 1 the reverse.
fn permuted<T>(mut things: Vec<T>, number: u64) -> Vec<T> {
    let mut number = number;
    let mut picks = Vec::new();
    for base in 1..=things.len() as u64 {
        picks.push((number % base) as usize);
        number /= base;
    }
    // The last digit chooses among all, the first among the one that is left.
    picks.into_iter().rev().map(|pick| things.remove(pick)).collect()
}
