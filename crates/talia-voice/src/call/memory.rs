//! What a conversation needs to go on after its stream was lost, as it is kept.

use crate::{
    app::App,
    line::AnsweredCall,
    store::{ConversationRow, StoreError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use talia_dialogue::Resumption;

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

async fn load(app: &App, call: &AnsweredCall) -> Result<Option<Beginning>, StoreError> {
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
    let offset = Duration::try_from(began.duration_until(call.at)).unwrap_or_default();
    let kept = memory_of(&conversation).map(|mut memory| {
        let why = if unanswered > memory.told {
            Resumption::NobodyAnswered
        } else {
            Resumption::StreamLost
        };
        memory.told = unanswered;
        Kept { memory, disclosed, why }
    });
    Ok(Some(Beginning { began, offset, kept }))
}

fn memory_of(conversation: &ConversationRow) -> Option<Memory> {
    let memory = serde_json::from_str(conversation.memory.as_deref()?);
    memory
        .inspect_err(|_| {
            // Its text holds the caller's words, and the parser's message may hold its text.
            tracing::error!(
                call.sid = conversation.call_sid,
                "a conversation's memory can't be read"
            );
        })
        .ok()
}
