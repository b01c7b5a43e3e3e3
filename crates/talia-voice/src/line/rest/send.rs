//! One operation on the wire: sent, sent again where that can't do anything twice, counted.

use super::{RestError, TwilioRest};
use crate::telemetry::labels::{RestOperation, RestOutcome};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use std::time::Duration;
use talia_twilio::rest::{Fault, Rejection, Request, Verb};

/// Largest answer, bytes: a page of 50 calls has about 60 KiB.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// The first wait before a request is sent again; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl TwilioRest {
    /// Sends a request until it is answered or the deadline is too near; answers the body of a 2xx.
    pub(super) async fn send(&self, operation: RestOperation, request: &Request) -> Result<Vec<u8>, RestError> {
        let began = self.clock.now();
        let mut wait = FIRST_WAIT;
        let result = loop {
            let (error, asked) = match self.attempt(request).await {
                Ok(body) => break Ok(body),
                Err(failed) => failed,
            };
            // A wait that is asked for is obeyed; our own is between half and all of its step.
            let pause = asked.unwrap_or_else(|| jittered(wait));
            let took = self.clock.now().duration_since(began);
            if !may_repeat(request, &error) || took + pause >= self.deadline {
                break Err(error);
            }
            self.metrics.rest_retried(operation);
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        };
        let outcome = result.as_ref().map_or_else(RestError::outcome, |_| RestOutcome::Done);
        let took = self.clock.now().duration_since(began);
        self.metrics.rest(operation, outcome, took);
        result
    }

    async fn attempt(&self, request: &Request) -> Result<Vec<u8>, (RestError, Option<Duration>)> {
        let unsendable = |_| (RestError::Unreachable, None);
        let mut authorization =
            HeaderValue::from_str(&self.authorization()).map_err(|_| (RestError::Unreachable, None))?;
        authorization.set_sensitive(true);
        let url = format!("{}{}", self.base, request.path);
        let sending = match request.verb {
            Verb::Get if request.pairs.is_empty() => self.client.get(url),
            Verb::Get => self.client.get(format!("{url}?{}", request.encoded())),
            Verb::Post => self
                .client
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(request.encoded()),
        };
        let sending = sending
            .header(AUTHORIZATION, authorization)
            .build()
            .map_err(unsendable)?;
        let mut answer = self.client.execute(sending).await.map_err(|error| {
            let error = if error.is_connect() {
                RestError::Unreachable
            } else {
                RestError::AnswerLost
            };
            (error, None)
        })?;
        let status = answer.status();
        let asked = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| (RestError::AnswerLost, None))? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err((RestError::AnswerLost, None));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        Err((RestError::Rejected(Rejection::read(status.as_u16(), &body)), asked))
    }
}

/// Whether sending it once more can't do anything twice: Twilio did nothing, or reading does nothing.
fn may_repeat(request: &Request, error: &RestError) -> bool {
    match error.fault() {
        Fault::RateLimited => true,
        Fault::UnknownOutcome => request.verb == Verb::Get,
        Fault::NotFound | Fault::CallOver | Fault::Unauthorised | Fault::Refused => false,
    }
}

/// Between half of a wait and all of it, so that many calls don't come back at once.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the whole wait is as good.
    if getrandom::fill(&mut byte).is_err() {
        return wait;
    }
    wait / 2 + wait * u32::from(byte[0]) / 510
}
