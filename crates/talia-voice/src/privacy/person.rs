//! All that is kept about a person, as one document for that person.

use super::is_number;
use crate::store::{
    AuditKind, CallRow, DialledRow, DoNotCallRow, NewAudit, RecordingRow, SegmentRow, Store, StoreError, ToolActRow,
    TransferRow, WholeLead, WishRow,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

/// Why nothing is given out.
#[derive(Debug, Error)]
pub enum PersonError {
    /// It is no number by which anybody is known.
    #[error("a number like +525512345678 is needed")]
    Number,
    /// The database can't be read, or it can't be written down that something was given out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is kept about the owner of a number.
#[derive(Serialize)]
pub struct Person {
    /// E.164.
    number: String,
    /// When this was written.
    exported_at: String,
    calls: Vec<KeptCall>,
    /// Calls out to the number.
    dialled: Vec<DialledRow>,
    /// Wishes to dial it, also those that were refused.
    wishes: Vec<WishRow>,
    do_not_call: Option<DoNotCallRow>,
}

#[derive(Serialize)]
struct KeptCall {
    call: CallRow,
    transcript: Vec<SegmentRow>,
    lead: Option<WholeLead>,
    /// What the conversation remembers; JSON.
    memory: Option<String>,
    transfers: Vec<TransferRow>,
    tool_acts: Vec<ToolActRow>,
    /// The sound itself is in the files, which the operator's key opens.
    recordings: Vec<RecordingRow>,
}

impl Person {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.dialled.is_empty() && self.wishes.is_empty() && self.do_not_call.is_none()
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }
}

/// Collects what is kept about the owner of a number, and writes down that it was given out.
pub async fn given_out(store: &Store, number: &str, (by, at): (&str, Timestamp)) -> Result<Person, PersonError> {
    if !is_number(number) {
        return Err(PersonError::Number);
    }
    let mut calls = Vec::new();
    for call_sid in store.calls_of_number(number).await? {
        // One that goes at this moment is one that is not kept.
        let Some(call) = store.call(&call_sid).await? else {
            continue;
        };
        calls.push(KeptCall {
            call,
            transcript: store.transcript(&call_sid).await?,
            lead: store.whole_lead(&call_sid).await?,
            memory: store.conversation(&call_sid).await?.and_then(|row| row.memory),
            transfers: store.transfers(&call_sid).await?,
            tool_acts: store.tool_acts(&call_sid).await?,
            recordings: store.recordings(&call_sid).await?,
        });
    }
    let person = Person {
        number: number.to_owned(),
        exported_at: format!("{at:.3}"),
        calls,
        dialled: store.dialled(number).await?,
        wishes: store.wishes(number).await?,
        do_not_call: store.do_not_call_entry(number).await?,
    };
    let given = NewAudit {
        kind: AuditKind::Export,
        call_sid: None,
        detail: json!({
            "what": "person", "by": by,
            "calls": person.calls.iter().map(|call| call.call.call_sid.as_str()).collect::<Vec<_>>(),
        }),
        at,
    };
    store.audit(given).await?;
    Ok(person)
}
