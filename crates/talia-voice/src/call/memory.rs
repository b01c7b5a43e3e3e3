//! What a conversation needs to go on after its stream was lost, as it is kept.

use super::permission::KeptPermission;
use super::sources::Sources;
use crate::{app::App, line::AnsweredCall, store::StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use talia_dialogue::Resumption;
use tokio::time::timeout;

/// How long the database may take to tell of a broken conversation: its caller waits in silence.
const PATIENCE: Duration = Duration::from_millis(700);

/// Kept with every change: the newest one is where a broken conversation goes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// The brain's own.
    pub(super) brain: Value,
    /// The caller's words that the brain wasn't asked about.
    pub(super) words: String,
    /// Transfers that nobody answered, and of which the caller was told.
    pub(super) told: usize,
    /// The caller has heard that the call is recorded, or has agreed to it.
    pub(super) told_of_recording: bool,
    /// Where the question stands whether it may be.
    pub(super) permission: KeptPermission,
    /// Where the lead's fields were heard.
    pub(super) sources: Sources,
}

/// Where a call stands when its stream begins.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    /// When its first stream began.
    pub(super) began: Timestamp,
    /// How long ago that was.
    pub(super) offset: Duration,
    /// What was kept of an earlier stream; `None` at the first, or when nothing is left.
    pub(super) kept: Option<Kept>,
}

/// What was kept of an earlier stream.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) memory: Memory,
    /// The caller has heard that an AI is speaking.
    pub(super) disclosed: bool,
    pub(super) why: Resumption,
}

/// Finds out where a call stands. What can't be read counts as nothing kept: then the conversation begins with its
/// disclosure, which is never wrong.
pub(super) async fn beginning(app: &App, call: &AnsweredCall) -> Beginning {
    let fresh = Beginning {
        began: call.at,
        offset: Duration::ZERO,
        kept: None,
    };
    if call.streams_before == 0 {
        return fresh;
    }
    match load(app, call).await {
        Ok(found) => found.unwrap_or(fresh),
        Err(error) => {
            tracing::error!(call.sid = call.call_sid.as_str(), %error, "a broken conversation could not be read");
            fresh
        }
    }
}

/// What this process knows of the call by heart is at least as new as what its database took; the rest, and another
/// node's calls, the database knows.
async fn load(app: &App, call: &AnsweredCall) -> Result<Option<Beginning>, StoreError> {
    let here = app.lately.call(call.call_sid.as_str());
    let left = here.as_ref().and_then(|here| here.left.clone());
    if let Some(left) = left.filter(|left| left.stream == i64::from(call.streams_before)) {
        let unanswered = here.map_or(0, |here| here.unanswered);
        let memory = read(&left.memory, call.call_sid.as_str());
        return Ok(Some(resumption(
            call,
            (left.began, left.disclosed),
            (memory, unanswered),
        )));
    }
    match timeout(PATIENCE, from_store(app, call)).await {
        Ok(found) => found,
        Err(_) => Err(StoreError::Locked),
    }
}

async fn from_store(app: &App, call: &AnsweredCall) -> Result<Option<Beginning>, StoreError> {
    let call_sid = call.call_sid.as_str();
    let Some(conversation) = app.store.conversation(call_sid).await? else {
        return Ok(None);
    };
    let disclosed = app
        .store
        .call(call_sid)
        .await?
        .is_some_and(|row| row.disclosure_heard_at.is_some());
    let transfers = app.store.transfers(call_sid).await?;
    let unanswered = transfers
        .iter()
        .filter(|transfer| transfer.state == "unanswered")
        .count();
    let began: Timestamp = conversation.began_at.parse().unwrap_or(call.at);
    let memory = conversation.memory.and_then(|memory| read(&memory, call_sid));
    Ok(Some(resumption(call, (began, disclosed), (memory, unanswered))))
}

fn resumption(
    call: &AnsweredCall,
    (began, disclosed): (Timestamp, bool),
    (memory, unanswered): (Option<Memory>, usize),
) -> Beginning {
    let offset = Duration::try_from(began.duration_until(call.at)).unwrap_or_default();
    let kept = memory.map(|mut memory| {
        let why = if unanswered > memory.told {
            Resumption::NobodyAnswered
        } else {
            Resumption::StreamLost
        };
        memory.told = unanswered;
        Kept { memory, disclosed, why }
    });
    Beginning { began, offset, kept }
}

fn read(memory: &str, call_sid: &str) -> Option<Memory> {
    let memory = serde_json::from_str(memory);
    memory
        .inspect_err(|_| {
            // Its text holds the caller's words, and the parser's message may hold its text.
            tracing::error!(call.sid = call_sid, "a conversation's memory can't be read");
        })
        .ok()
}
