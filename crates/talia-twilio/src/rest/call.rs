//! A call that exists: fetched, listed, updated.

use super::{MAX_TWIML, Request, RequestError, path};
use crate::{AccountSid, CallSid, CallStatus};
use std::fmt;

/// What becomes of a live call. Its media stream, if it has one, ends with any of them.
#[derive(Clone, PartialEq, Eq)]
pub enum CallUpdate {
    /// Goes on with this document, at most [`MAX_TWIML`] characters.
    Twiml(String),
    /// Goes on with the document that a POST to this URL gets.
    Url(String),
    /// Ends, whatever state it is in.
    Complete,
    /// Is called off, if nobody has answered it yet.
    Cancel,
}

/// A document may hold words and numbers: its kind only.
impl fmt::Debug for CallUpdate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Twiml(_) => "Twiml",
            Self::Url(_) => "Url",
            Self::Complete => "Complete",
            Self::Cancel => "Cancel",
        })
    }
}

/// A call as the API shows it. Times are RFC 2822 in UTC, as they came.
#[derive(Clone, PartialEq, Eq)]
pub struct CallResource {
    /// The call.
    pub sid: CallSid,
    /// Its status.
    pub status: CallStatus,
    /// The leg that dialled this one.
    pub parent_call_sid: Option<CallSid>,
    /// Who calls; empty in the answers of some fakes and old calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// `inbound`, `outbound-api`, `outbound-dial`, …
    pub direction: String,
    /// When the API took it.
    pub date_created: Option<String>,
    /// When it was answered; a queued call has none.
    pub start_time: Option<String>,
    /// When it was over.
    pub end_time: Option<String>,
    /// How long it lasted, seconds; only when it is over.
    pub duration_s: Option<u64>,
    /// Whether a person answered, if that was asked.
    pub answered_by: Option<String>,
    /// How long it waited in the account's queue, milliseconds.
    pub queue_time_ms: Option<u64>,
}

/// Without numbers.
impl fmt::Debug for CallResource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CallResource")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Which calls a list holds; the newest come first.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CallList {
    /// Only calls to this number.
    pub to: Option<String>,
    /// Only the legs that this call has dialled.
    pub parent: Option<CallSid>,
    /// Only calls that started on this day or later, `YYYY-MM-DD` in UTC. The API knows no finer time, and a call that
    /// is still queued has not started.
    pub started_from: Option<String>,
    /// Most calls of one answer, 1 to 1000.
    pub page_size: Option<u16>,
}

/// Reads one call.
pub fn fetch_call(account: &AccountSid, call: &CallSid) -> Request {
    Request::get(path(account, &format!("/Calls/{call}")))
}

/// Reads calls.
pub fn list_calls(account: &AccountSid, list: &CallList) -> Request {
    Request::get(path(account, "/Calls"))
        .with_if("To", list.to.clone())
        .with_if("ParentCallSid", list.parent.as_ref().map(ToString::to_string))
        .with_if("StartTime>", list.started_from.clone())
        .with_if("PageSize", list.page_size.map(|size| size.to_string()))
}

/// Changes a live call.
pub fn update_call(account: &AccountSid, call: &CallSid, update: &CallUpdate) -> Result<Request, RequestError> {
    let request = Request::post(path(account, &format!("/Calls/{call}")));
    Ok(match update {
        CallUpdate::Twiml(document) => request.with("Twiml", checked(document)?),
        CallUpdate::Url(url) if url.is_empty() => return Err(RequestError::Empty("Url")),
        CallUpdate::Url(url) => request.with("Url", url).with("Method", "POST"),
        CallUpdate::Complete => request.with("Status", "completed"),
        CallUpdate::Cancel => request.with("Status", "canceled"),
    })
}

/// A document that fits into a request.
pub(super) fn checked(document: &str) -> Result<&str, RequestError> {
    match document.chars().count() {
        0 => Err(RequestError::Empty("Twiml")),
        1..=MAX_TWIML => Ok(document),
        length => Err(RequestError::TwimlTooLong(length)),
    }
}
