//! Twilio's REST API as plain types: requests as method, path and pairs; answers read from JSON. No I/O.
//!
//! Source: Twilio's API of 2010-04-01 (`twilio_api_v2010`): Calls, Accounts, IncomingPhoneNumbers, Applications.

mod account;
mod answer;
mod call;
mod credentials;
mod fault;
mod new_call;

pub use account::{Application, ApplicationChange, NumberChange, PhoneNumber, VoiceUrls};
pub use account::{
    create_application, fetch_account, fetch_application, list_applications, list_numbers, update_application,
    update_number,
};
pub use answer::{
    Account, AnswerError, read_account, read_application, read_applications, read_call, read_calls, read_number,
    read_numbers,
};
pub use call::{CallList, CallResource, CallUpdate, fetch_call, list_calls, update_call};
pub use credentials::Credentials;
pub use fault::{Fault, Rejection, RequestError};
pub use new_call::{Instructions, MachineDetection, NewCall, PROGRESS_EVENTS, create_call};

use std::fmt;

/// Where the API lives, unless it is a fake or a region of its own.
pub const API_URL: &str = "https://api.twilio.com";
/// Longest TwiML of a request, in characters; a longer document must be fetched from a URL.
pub const MAX_TWIML: usize = 4_000;

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads; the pairs go into the query.
    Get,
    /// Creates or changes; the pairs are the body's form.
    Post,
}

/// A request, ready to be sent under the API's base URL with Basic credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Reads or changes.
    pub verb: Verb,
    /// From the root, with `.json` at its end.
    pub path: String,
    /// Names and values, not encoded yet. A name may come more than once.
    pub pairs: Vec<(&'static str, String)>,
}

impl Request {
    fn get(path: String) -> Self {
        Self {
            verb: Verb::Get,
            path,
            pairs: Vec::new(),
        }
    }

    fn post(path: String) -> Self {
        Self {
            verb: Verb::Post,
            path,
            pairs: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.pairs.push((name, value.into()));
        self
    }

    fn with_if<V: Into<String>>(self, name: &'static str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The first value of this name.
    pub fn get_pair(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(known, _)| *known == name)?;
        Some(&pair.1)
    }

    /// The pairs as they travel, in a query or a body.
    pub fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }
}

/// Values may be telephone numbers: names only.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.pairs.iter().map(|(name, _)| name).collect();
        out.debug_struct("Request")
            .field("verb", &self.verb)
            .field("pairs", &names)
            .finish_non_exhaustive()
    }
}

fn path(account: &crate::AccountSid, rest: &str) -> String {
    format!("/2010-04-01/Accounts/{account}{rest}.json")
}
