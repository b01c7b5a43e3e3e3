//! Twilio's REST API over HTTP: calls made, fetched, changed and ended; the account's set-up.

mod error;
mod send;

pub use error::RestError;

use crate::app::AppError;
use crate::clock::Clock;
use crate::config::Config;
use crate::dialing::Permit;
use crate::outgoing;
use crate::telemetry::Metrics;
use crate::telemetry::labels::RestOperation;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::rest::{
    self, Account, Application, ApplicationChange, CallList, CallResource, CallUpdate, Credentials, Fault, NewCall,
    NumberChange, PhoneNumber,
};
use talia_twilio::{AccountSid, CallSid};

/// Calls of one page: more to one number within minutes would be a flood.
const PAGE: u16 = 50;

/// The API of the configured account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TwilioRest {
    client: reqwest::Client,
    base: String,
    account: AccountSid,
    credentials: Credentials,
    /// How long an operation may take with all its retries.
    deadline: Duration,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl TwilioRest {
    /// The API as configured; none without an account.
    pub fn new(config: &Config, clock: Clock, metrics: Arc<Metrics>) -> Result<Option<Self>, AppError> {
        let twilio = &config.twilio;
        // The configuration has checked it already.
        let Some(Ok(account)) = twilio.account_sid.as_deref().map(AccountSid::new) else {
            return Ok(None);
        };
        let credentials = match &twilio.api_key {
            Some((sid, secret)) => Credentials::new(sid, secret.clone()),
            None => Credentials::new(account.as_str(), twilio.auth_token.clone()),
        };
        Ok(Some(Self {
            // Half, so that a lost answer leaves time to look what became of the request.
            client: outgoing::client(twilio.api_timeout / 2)?,
            base: twilio.api_url.clone(),
            account,
            credentials,
            deadline: twilio.api_timeout,
            clock,
            metrics,
        }))
    }

    /// The account that everything is done for.
    pub fn account(&self) -> &AccountSid {
        &self.account
    }

    /// Makes the call that was permitted. When the answer is lost ([`RestError::unknown_outcome`]) the call may exist: look with
    /// [`TwilioRest::calls_to`] before it is made again.
    pub async fn create_call(&self, permit: &Permit, call: &NewCall) -> Result<CallResource, RestError> {
        let body = self
            .send(
                RestOperation::CreateCall,
                &rest::create_call(&self.account, permit.destination().e164(), call)?,
            )
            .await?;
        Ok(rest::read_call(&body)?)
    }

    /// Reads a call.
    pub async fn fetch_call(&self, call: &CallSid) -> Result<CallResource, RestError> {
        let body = self
            .send(RestOperation::FetchCall, &rest::fetch_call(&self.account, call))
            .await?;
        Ok(rest::read_call(&body)?)
    }

    /// The newest calls to a number (E.164) that were made in a window, by the API's own times.
    pub async fn calls_to(
        &self,
        number: &str,
        window: RangeInclusive<Timestamp>,
    ) -> Result<Vec<CallResource>, RestError> {
        // The API filters by day and start, and a queued call has not started: all are read and filtered here.
        let list = CallList {
            to: Some(number.to_owned()),
            page_size: Some(PAGE),
            ..CallList::default()
        };
        let body = self
            .send(RestOperation::ListCalls, &rest::list_calls(&self.account, &list))
            .await?;
        let mut calls = rest::read_calls(&body)?;
        calls.retain(|call| {
            let made = call.date_created.as_deref().or(call.start_time.as_deref());
            // RFC 2822 has whole seconds. A call without a time is kept: better one too many to look at.
            made.and_then(instant)
                .is_none_or(|made| (window.start().as_second()..=window.end().as_second()).contains(&made.as_second()))
        });
        Ok(calls)
    }

    /// The legs that a call has dialled, the newest first.
    pub async fn legs_of(&self, call: &CallSid) -> Result<Vec<CallResource>, RestError> {
        let list = CallList {
            parent: Some(call.clone()),
            page_size: Some(PAGE),
            ..CallList::default()
        };
        let request = rest::list_calls(&self.account, &list);
        Ok(rest::read_calls(&self.send(RestOperation::ListCalls, &request).await?)?)
    }

    /// Changes a live call; its media stream ends with that.
    pub async fn update_call(&self, call: &CallSid, update: &CallUpdate) -> Result<CallResource, RestError> {
        let request = rest::update_call(&self.account, call, update)?;
        let body = self.send(RestOperation::UpdateCall, &request).await?;
        Ok(rest::read_call(&body)?)
    }

    /// Ends a call; one that is over, or that Twilio doesn't know any more, is a success.
    pub async fn end_call(&self, call: &CallSid) -> Result<(), RestError> {
        match self.update_call(call, &CallUpdate::Complete).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.fault(), Fault::CallOver | Fault::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends a live call to another document of ours.
    pub async fn redirect_call(&self, call: &CallSid, url: &str) -> Result<CallResource, RestError> {
        self.update_call(call, &CallUpdate::Url(url.to_owned())).await
    }

    /// Reads the account.
    pub async fn fetch_account(&self) -> Result<Account, RestError> {
        let body = self
            .send(RestOperation::Account, &rest::fetch_account(&self.account))
            .await?;
        Ok(rest::read_account(&body)?)
    }

    /// Reads the account's numbers, or only this one (E.164).
    pub async fn numbers(&self, number: Option<&str>) -> Result<Vec<PhoneNumber>, RestError> {
        let body = self
            .send(RestOperation::Numbers, &rest::list_numbers(&self.account, number))
            .await?;
        Ok(rest::read_numbers(&body)?)
    }

    /// Changes where a number's calls go.
    pub async fn update_number(&self, sid: &str, change: &NumberChange) -> Result<PhoneNumber, RestError> {
        let request = rest::update_number(&self.account, sid, change);
        Ok(rest::read_number(&self.send(RestOperation::Numbers, &request).await?)?)
    }

    /// Reads the account's TwiML Apps of this name.
    pub async fn applications(&self, friendly_name: &str) -> Result<Vec<Application>, RestError> {
        let request = rest::list_applications(&self.account, friendly_name);
        let body = self.send(RestOperation::Applications, &request).await?;
        Ok(rest::read_applications(&body)?)
    }

    /// Reads a TwiML App.
    pub async fn fetch_application(&self, sid: &str) -> Result<Application, RestError> {
        self.application(&rest::fetch_application(&self.account, sid)).await
    }

    /// Makes a TwiML App.
    pub async fn create_application(&self, change: &ApplicationChange) -> Result<Application, RestError> {
        self.application(&rest::create_application(&self.account, change)).await
    }

    /// Changes a TwiML App.
    pub async fn update_application(&self, sid: &str, change: &ApplicationChange) -> Result<Application, RestError> {
        self.application(&rest::update_application(&self.account, sid, change))
            .await
    }

    async fn application(&self, request: &rest::Request) -> Result<Application, RestError> {
        Ok(rest::read_application(
            &self.send(RestOperation::Applications, request).await?,
        )?)
    }

    fn authorization(&self) -> String {
        self.credentials.authorization().expose_secret().to_owned()
    }
}

/// The instant of an RFC 2822 text.
fn instant(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}
