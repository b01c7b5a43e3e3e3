//! What can be written, as data: so that a write can wait in memory, in order, until the disk takes it.

use super::calls::{self, Ending, Events, NewCall, Started, StatusReport};
use super::do_not_call::{self, DoNotCallChange};
use super::leads::{self, LeadFields, LeadOf};
use super::outbound::{self, DialAnswer, DialChange, NewDial};
use super::stream_tokens::{self, Burnt, NewToken, TokenHash};
use super::transcripts::{self, NewSegment};
use jiff::Timestamp;
use sqlx::SqliteConnection;
use talia_dialogue::EndReason;

/// What a live call has to keep. Such a write is never given up while there is memory for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A line of the transcript.
    Segment(NewSegment),
    /// What the caller told of themselves.
    Lead {
        call_sid: String,
        fields: LeadFields,
        at: Timestamp,
    },
    /// The caller has heard that an AI is speaking.
    DisclosureHeard { call_sid: String, at: Timestamp },
    /// The conversation is over.
    Ended {
        call_sid: String,
        reason: EndReason,
        at: Timestamp,
    },
}

/// One write.
#[derive(Debug)]
pub(super) enum Write {
    Start(NewCall),
    Issue(NewToken),
    Burn(TokenHash, Timestamp),
    Advance(StatusReport),
    Segment(String, NewSegment),
    Lead(String, LeadOf),
    DisclosureHeard(String, Timestamp),
    End(Ending),
    Dial(String, Box<NewDial>),
    DialChanged(String, DialChange, Timestamp),
    DoNotCall(DoNotCallChange, Timestamp),
}

/// What a write answers.
#[derive(Debug)]
pub(super) enum Written {
    Done,
    Started(Started),
    Burnt(Burnt),
    Dial(Box<DialAnswer>),
    Changed(bool),
}

impl Write {
    /// Whether it is kept in memory while the database can't be written. What begins a call isn't: its webhook wants
    /// an answer now, and without a row there is no call.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(
            self,
            Self::Start(_) | Self::Issue(_) | Self::Burn(..) | Self::Dial(..) | Self::DoNotCall(..)
        )
    }

    /// Does it, inside the caller's transaction.
    pub(super) async fn apply(
        &self,
        connection: &mut SqliteConnection,
        events: &mut Events<'_>,
    ) -> Result<Written, sqlx::Error> {
        match self {
            Self::Start(call) => return calls::start(connection, call, events).await.map(Written::Started),
            Self::Burn(hash, at) => {
                return stream_tokens::burn(connection, hash, *at).await.map(Written::Burnt);
            }
            Self::Dial(id, dial) => {
                let answer = outbound::ask(connection, (id, dial)).await?;
                return Ok(Written::Dial(Box::new(answer)));
            }
            Self::DialChanged(id, change, at) => {
                return outbound::change(connection, (id, change), *at)
                    .await
                    .map(Written::Changed);
            }
            Self::DoNotCall(change, at) => {
                return do_not_call::change(connection, change, *at).await.map(Written::Changed);
            }
            Self::Issue(token) => stream_tokens::issue(connection, token).await?,
            Self::Advance(report) => calls::advance(connection, report, events).await?,
            Self::Segment(id, segment) => transcripts::append(connection, (id, segment), events).await?,
            Self::Lead(id, lead) => leads::save(connection, (id, lead), events).await?,
            Self::DisclosureHeard(call_sid, at) => calls::disclosure_heard(connection, call_sid, *at).await?,
            Self::End(ending) => calls::end(connection, ending, events).await?,
        }
        Ok(Written::Done)
    }
}

/// The word for a reason in `voice_calls.ended_reason`.
pub(super) fn reason_word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Finished => "finished",
        EndReason::CallerHungUp => "caller-hung-up",
        EndReason::Silence => "silence",
        EndReason::TimeLimit => "time-limit",
        EndReason::Operator => "operator",
        EndReason::Draining => "draining",
        EndReason::Failure => "failure",
    }
}
