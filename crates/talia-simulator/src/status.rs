//! The number's status callbacks: terminal only or progress too, once or doubled, in order or not.

use jiff::Timestamp;
use talia_twilio::CallStatus;

use crate::{
    fields::{Fields, pairs},
    outcome::SentStatus,
    settings::{CarrierSettings, StatusOrder},
    twiml::Target,
    wall_clock::rfc2822,
    webhook::Webhooks,
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

    fn wants(&self, status: CallStatus) -> bool {
        match status {
            CallStatus::Queued => false,
            CallStatus::Initiated => self.initiated,
            CallStatus::Ringing => self.ringing,
            CallStatus::InProgress => self.answered,
            _ => true,
        }
    }
}

/// The callbacks of one call.
#[derive(Debug, Default)]
pub(crate) struct StatusCallbacks {
    subscription: Subscription,
    pub(crate) sent: Vec<SentStatus>,
    held: Vec<(CallStatus, Fields)>,
    sequence: u64,
}

impl StatusCallbacks {
    pub(crate) fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            ..Self::default()
        }
    }

    /// Tells that the call has lasted some seconds and reached a status. Returns why it couldn't be told.
    pub(crate) async fn tell(
        &mut self,
        webhooks: &Webhooks,
        settings: &CarrierSettings,
        mut fields: Fields,
        (status, seconds, now): (CallStatus, u64, Timestamp),
    ) -> Vec<String> {
        let plan = settings.status;
        if self.subscription.target.is_none() || !self.subscription.wants(status) {
            return Vec::new();
        }
        if status.is_terminal() {
            fields.extend(pairs([
                ("CallDuration", seconds.to_string().as_str()),
                ("Duration", seconds.div_ceil(60).to_string().as_str()),
            ]));
        }
        if self.subscription.numbered {
            fields.extend(pairs([
                ("SequenceNumber", self.sequence.to_string().as_str()),
                ("Timestamp", &rfc2822(now)),
                ("CallbackSource", "call-progress-events"),
            ]));
            self.sequence += 1;
        }
        if plan.order == StatusOrder::Reversed {
            self.held.push((status, fields));
            return Vec::new();
        }
        self.send(webhooks, settings, status, &fields).await
    }

    /// Sends what was held back, the last first.
    pub(crate) async fn flush(&mut self, webhooks: &Webhooks, settings: &CarrierSettings) -> Vec<String> {
        let mut failed = Vec::new();
        while let Some((status, fields)) = self.held.pop() {
            failed.extend(self.send(webhooks, settings, status, &fields).await);
        }
        failed
    }

    async fn send(
        &mut self,
        webhooks: &Webhooks,
        settings: &CarrierSettings,
        status: CallStatus,
        fields: &Fields,
    ) -> Vec<String> {
        let Some(target) = self.subscription.target.clone() else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        for _ in 0..=settings.status.duplicates {
            let answer = match webhooks.send(settings, target.method, &target.url, fields).await {
                Ok(reply) => Some(reply.status),
                Err(fault) => {
                    failed.push(fault.detail);
                    fault.status
                }
            };
            self.sent.push(SentStatus { status, answer });
        }
        failed
    }
}
