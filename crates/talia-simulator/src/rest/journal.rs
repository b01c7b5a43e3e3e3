//! Every request that reached the REST API, so that a test can prove what did and what didn't.

use std::sync::{Arc, Mutex, PoisonError};

use talia_twilio::form::Form;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query.
    pub query: Form,
    /// The body's fields.
    pub form: Form,
    /// The status that was answered; none while, or because, no answer was given.
    pub status: Option<u16>,
}

impl RestRequest {
    /// Whether any field of the request, or its path, holds a text.
    pub fn mentions(&self, text: &str) -> bool {
        let fields = self.query.fields().iter().chain(self.form.fields());
        self.path.contains(text) || fields.into_iter().any(|(_, value)| value.contains(text))
    }
}

/// The requests; clones are the same journal. It keeps them all: it belongs to one test.
#[derive(Debug, Clone, Default)]
pub struct RestJournal {
    requests: Arc<Mutex<Vec<RestRequest>>>,
}

impl RestJournal {
    /// All requests, in the order in which they came.
    pub fn requests(&self) -> Vec<RestRequest> {
        self.with(|requests| requests.clone())
    }

    /// The requests that tried to make a call.
    pub fn created_calls(&self) -> Vec<RestRequest> {
        self.with(|requests| {
            let created = requests
                .iter()
                .filter(|request| request.method == "POST" && request.path.ends_with("/Calls.json"));
            created.cloned().collect()
        })
    }

    /// Whether any request held a text: a number that must never be rung, say.
    pub fn mentions(&self, text: &str) -> bool {
        self.with(|requests| requests.iter().any(|request| request.mentions(text)))
    }

    pub(super) fn open(&self, request: RestRequest) -> usize {
        self.with(|requests| {
            requests.push(request);
            requests.len() - 1
        })
    }

    pub(super) fn close(&self, number: usize, status: Option<u16>) {
        self.with(|requests| {
            if let Some(request) = requests.get_mut(number) {
                request.status = status;
            }
        });
    }

    fn with<R>(&self, work: impl FnOnce(&mut Vec<RestRequest>) -> R) -> R {
        work(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
