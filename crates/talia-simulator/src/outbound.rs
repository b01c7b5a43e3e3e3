//! A call that the REST API made: queue, ring, answer, detection of machines, and then the documents of any call.

use talia_twilio::CallStatus;

use crate::{
    call::{Call, Flow},
    events::{EndedBy, Purpose, What},
    fields,
    people::{PersonPlan, Pickup, RING_SETUP_MS, Verdict},
    status::Subscription,
    twiml::Target,
};

/// Twilio rings about this much longer than `Timeout` asks, in milliseconds.
const GRACE_MS: u64 = 5_000;
/// A digit of `SendDigits`, and its `w`, in milliseconds.
const DIGIT_MS: u64 = 200;
const WAIT_MS: u64 = 500;

/// Where a call's first document comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// From the server.
    Fetch(Target),
    /// It came with the request.
    Inline(String),
}

/// Detection of answering machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detection {
    /// Waits for the end of the greeting (`DetectMessageEnd`).
    pub(crate) to_end: bool,
    /// Where an asynchronous verdict goes; none: the document waits for it.
    pub(crate) callback: Option<Target>,
    /// How long it may take, in milliseconds; then the verdict is `unknown`.
    pub(crate) timeout_ms: u64,
}

/// What the REST API asked for.
#[derive(Clone)]
pub(crate) struct OutboundPlan {
    pub(crate) entry: Entry,
    pub(crate) fallback: Option<Target>,
    pub(crate) status: Subscription,
    /// How long it rings, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// How long it may last from its answer, in milliseconds; none: as the carrier's settings say.
    pub(crate) time_limit_ms: Option<u64>,
    pub(crate) detection: Option<Detection>,
    pub(crate) send_digits: String,
    pub(crate) queue_ms: u64,
    pub(crate) person: PersonPlan,
}

impl Call {
    /// Rings until somebody answers; then the first document follows.
    pub(crate) async fn ring(&mut self, plan: OutboundPlan) -> Flow {
        if let Some(end) = self.wait(plan.queue_ms).await {
            return end;
        }
        self.tell_status(CallStatus::Initiated);
        if let Some(end) = self.wait(RING_SETUP_MS).await {
            return end;
        }
        let timeout_ms = plan.timeout_ms + GRACE_MS;
        let refused = match plan.person.pickup {
            Pickup::Answers { after_ms } | Pickup::Machine { after_ms, .. } if after_ms <= timeout_ms => {
                self.tell_status(CallStatus::Ringing);
                if let Some(end) = self.wait(after_ms).await {
                    return end;
                }
                None
            }
            Pickup::Answers { .. } | Pickup::Machine { .. } | Pickup::NoAnswer => {
                self.tell_status(CallStatus::Ringing);
                if let Some(end) = self.wait(timeout_ms).await {
                    return end;
                }
                Some((CallStatus::NoAnswer, 487))
            }
            Pickup::Busy => Some((CallStatus::Busy, 486)),
            Pickup::Failed { sip } => Some((CallStatus::Failed, sip)),
        };
        if let Some((status, sip)) = refused {
            self.sip_response = Some(sip);
            self.tell_status(status);
            return Flow::End(EndedBy::Unanswered);
        }
        self.answered(&plan).await
    }

    async fn answered(&mut self, plan: &OutboundPlan) -> Flow {
        let now_ms = self.now_ms();
        self.answered_ms = Some(now_ms);
        if let Some(limit_ms) = plan.time_limit_ms {
            self.limit_at_ms = now_ms + limit_ms;
        }
        self.tell_status(CallStatus::InProgress);
        for key in plan.send_digits.chars() {
            let lasts_ms = if key.eq_ignore_ascii_case(&'w') {
                WAIT_MS
            } else {
                DIGIT_MS
            };
            if let Some(end) = self.wait(lasts_ms).await {
                return end;
            }
        }
        let mut extra = Vec::new();
        // Twilio ignores the detection where digits are sent.
        if let Some(detection) = plan.detection.as_ref().filter(|_| plan.send_digits.is_empty()) {
            let mut verdict = plan.person.detect(detection.to_end);
            if verdict.after_ms > detection.timeout_ms {
                verdict = Verdict {
                    answered_by: "unknown".to_owned(),
                    after_ms: detection.timeout_ms,
                };
            }
            if let Some(callback) = &detection.callback {
                self.tell_verdict_later(callback.clone(), verdict);
            } else {
                if let Some(end) = self.wait(verdict.after_ms).await {
                    return end;
                }
                self.record.answered_by(&verdict.answered_by);
                extra = fields::verdict(&verdict);
            }
        }
        match &plan.entry {
            Entry::Inline(text) => Flow::Inline(text.clone()),
            Entry::Fetch(target) => Flow::Fetch(Purpose::Voice, target.clone(), extra),
        }
    }

    /// Lets time pass; something when the call doesn't go on as planned.
    async fn wait(&mut self, ms: u64) -> Option<Flow> {
        match self.pass(ms).await {
            Flow::Next => None,
            other => Some(other),
        }
    }

    /// Sends an asynchronous verdict when it is found, beside the call.
    fn tell_verdict_later(&mut self, callback: Target, verdict: Verdict) {
        let mut told = self.base_fields.account_and_call();
        told.extend(fields::verdict(&verdict));
        let (webhooks, settings, record) = (self.webhooks.clone(), self.settings.clone(), self.record.clone());
        self.log(What::Detection {
            answered_by: verdict.answered_by.clone(),
            after_ms: verdict.after_ms,
        });
        let over = self.over.clone();
        self.telling_verdict.spawn(async move {
            let found = tokio::time::sleep(std::time::Duration::from_millis(verdict.after_ms));
            // A call that ends before has no verdict; one that is on its way arrives.
            over.run_until_cancelled(found).await?;
            record.answered_by(&verdict.answered_by);
            Some(webhooks.send(&settings, callback.method, &callback.url, &told).await)
        });
    }
}
