//! A call's status callbacks: which events are told, and how disorderly the network delivers them.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use talia_twilio::CallStatus;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    fields::{Fields, pairs},
    outcome::SentStatus,
    settings::{CarrierSettings, StatusOrder},
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

/// What was sent, in that order, and why some weren't taken.
pub(crate) type Posted = (Vec<SentStatus>, Vec<String>);

#[derive(Debug, Clone)]
struct Callback {
    status: CallStatus,
    fields: Fields,
    token: String,
}

#[derive(Debug)]
enum Letter {
    /// To be sent after so many milliseconds; without a delay the next one waits for its answer.
    Post(Callback, u64),
    /// Everything before it has been answered.
    Answered(oneshot::Sender<()>),
}

/// Callbacks that may wait for a slow server.
const QUEUE: usize = 64;

/// The callbacks of one call. They are sent beside it: a server that is slow to take them doesn't hold the call.
pub(crate) struct StatusCallbacks {
    subscription: Subscription,
    settings: Arc<CarrierSettings>,
    webhooks: Webhooks,
    random: StdRng,
    /// To be sent when the call is over.
    held: Vec<Callback>,
    sequence: u64,
    end_told: bool,
    postman: Option<(mpsc::Sender<Letter>, JoinHandle<Posted>)>,
    lost: Vec<String>,
}

impl StatusCallbacks {
    pub(crate) fn new(subscription: Subscription, settings: Arc<CarrierSettings>, webhooks: Webhooks) -> Self {
        Self {
            subscription,
            random: StdRng::seed_from_u64(settings.status.seed),
            settings,
            webhooks,
            held: Vec::new(),
            sequence: 0,
            end_told: false,
            postman: None,
            lost: Vec::new(),
        }
    }

    /// Writes a callback and sends it, if it is subscribed to and the network neither loses nor holds it.
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
        let plan = self.settings.status;
        let mut token = new_token();
        for copy in 0..=plan.duplicates {
            if copy > 0 && !plan.retries {
                token = new_token();
            }
            if self.random.random_range(0..100) < plan.drop_percent {
                continue;
            }
            let callback = Callback {
                status,
                fields: fields.clone(),
                token: token.clone(),
            };
            if plan.order == StatusOrder::InOrder {
                let delay_ms = self.random.random_range(0..=plan.delay_ms);
                self.send(Letter::Post(callback, delay_ms));
            } else {
                self.held.push(callback);
            }
        }
    }

    fn send(&mut self, letter: Letter) {
        let Some(target) = self.subscription.target.clone() else {
            return;
        };
        let (letters, _) = self.postman.get_or_insert_with(|| {
            let (sender, letters) = mpsc::channel(QUEUE);
            let work = deliver(self.webhooks.clone(), Arc::clone(&self.settings), target, letters);
            (sender, tokio::spawn(work))
        });
        if letters.try_send(letter).is_err() {
            self.lost.push("the server took no callback for too long".to_owned());
        }
    }

    /// Waits until everything that isn't delayed has been answered.
    pub(crate) async fn answered(&mut self) {
        if self.postman.is_some() {
            let (sender, answered) = oneshot::channel();
            self.send(Letter::Answered(sender));
            // Without an answer there is no postman any more.
            drop(answered.await);
        }
    }

    /// Sends everything that is left, and waits for it.
    pub(crate) async fn finish(&mut self) -> Posted {
        let held = std::mem::take(&mut self.held);
        let left = match self.settings.status.order {
            StatusOrder::InOrder => held,
            StatusOrder::Reversed => held.into_iter().rev().collect(),
            StatusOrder::Permutation(number) => permuted(held, number),
        };
        for callback in left {
            self.answered().await;
            self.send(Letter::Post(callback, 0));
        }
        let mut lost = std::mem::take(&mut self.lost);
        let Some((letters, work)) = self.postman.take() else {
            return (Vec::new(), lost);
        };
        drop(letters);
        let (sent, failed) = work.await.unwrap_or_else(|error| (Vec::new(), vec![error.to_string()]));
        lost.extend(failed);
        (sent, lost)
    }
}

/// Sends letters until there are no more.
async fn deliver(
    webhooks: Webhooks,
    settings: Arc<CarrierSettings>,
    target: Target,
    mut letters: mpsc::Receiver<Letter>,
) -> Posted {
    let mut late = JoinSet::new();
    let (mut sent, mut failed) = Posted::default();
    while let Some(letter) = letters.recv().await {
        match letter {
            Letter::Answered(sender) => drop(sender.send(())),
            Letter::Post(callback, 0) => {
                let (status, reason) = post(&webhooks, &settings, &target, callback).await;
                sent.push(status);
                failed.extend(reason);
            }
            Letter::Post(callback, delay_ms) => {
                let (webhooks, settings, target) = (webhooks.clone(), Arc::clone(&settings), target.clone());
                late.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                    post(&webhooks, &settings, &target, callback).await
                });
            }
        }
    }
    while let Some(told) = late.join_next().await {
        match told {
            Ok((status, reason)) => {
                sent.push(status);
                failed.extend(reason);
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    (sent, failed)
}

async fn post(
    webhooks: &Webhooks,
    settings: &CarrierSettings,
    target: &Target,
    callback: Callback,
) -> (SentStatus, Option<String>) {
    let Callback { status, fields, token } = callback;
    let (answer, failed) = match webhooks.send_as(settings, target, &fields, &token).await {
        Ok(reply) => (Some(reply.status), None),
        Err(fault) => (fault.status, Some(fault.detail)),
    };
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
