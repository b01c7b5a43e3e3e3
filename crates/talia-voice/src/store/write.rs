//! What can be written, as data: so that a write can wait, in order, until the database takes it.

use super::audit::{self, NewAudit};
use super::calls::{self, Disclosed, Ending, NewCall, Started, StatusReport};
use super::conversations::{self, NewMemory};
use super::do_not_call::{self, DoNotCallChange};
use super::engine::Connection;
use super::erasures::{self, Erased, Erasure};
use super::gathered::Gathered;
use super::leads::{self, LeadFields, LeadOf};
use super::outbound::{self, DialAnswer, DialChange, NewDial};
use super::recording_consent::{self, NewRecordingConsent};
use super::recordings::{self, NewRecording, NewSeal, RecordingEnd};
use super::retention::{self, Forgetting};
use super::sinks::{self, SinkWrite};
use super::stream_tokens::{self, Burnt, NewToken, StreamClaim, TokenHash};
use super::tool_acts::{self, NewToolAct, ToolActEnd};
use super::transcripts::NewSegment;
use super::transfers::{self, NewTransfer, Outcome};
use super::turns::{self, NewTurn};
use super::uploads::{self, Upload};
use super::usage::{self, NewUsage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use talia_dialogue::EndReason;

/// What a live call has to keep. Such a write is never given up while there is room for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A call begins whose webhook couldn't wait for the database.
    Started(NewCall),
    /// The token of such a call's stream.
    Token {
        hash: TokenHash,
        claim: StreamClaim,
        /// How long it is good.
        ttl: Duration,
    },
    /// The stream of such a call has opened.
    Opened(TokenHash),
    /// What Twilio, or a stream that stands, says of a call's state.
    Status(StatusReport),
    /// A line of the transcript.
    Segment(NewSegment),
    /// Lines of the transcript under ids of [`super::Store::new_id`], and what the conversation remembers with them: both or
    /// neither, so that no death between the two lets a caller's words be written down and forgotten.
    Words {
        lines: Vec<(String, NewSegment)>,
        memory: Option<NewMemory>,
    },
    /// What the caller told of themselves.
    Lead {
        call_sid: String,
        /// The number of the media stream in which it was told: an older stream's word never replaces a newer one's.
        stream: i64,
        fields: LeadFields,
        at: Timestamp,
    },
    /// The caller has heard that an AI is speaking.
    DisclosureHeard(Disclosed),
    /// What the conversation needs to go on after a break.
    Memory(NewMemory),
    /// The owner of a number (E.164) doesn't want to be called any more.
    DoNotCall {
        number: String,
        call_sid: String,
        at: Timestamp,
    },
    /// What became of a tool's act.
    ToolActEnded(ToolActEnd),
    /// A caller agreed to be recorded, didn't, or wants it no more.
    RecordingConsent(NewRecordingConsent),
    /// A recording begins.
    RecordingBegun(NewRecording),
    /// What became of a recording.
    RecordingEnded(RecordingEnd),
    /// How fast a turn was.
    Turn(NewTurn),
    /// What a provider did so far.
    Usage(NewUsage),
    /// The conversation is over.
    Ended {
        call_sid: String,
        reason: EndReason,
        at: Timestamp,
    },
}

/// One write. Those that wait are written into the spool under these names, which are a contract with the next version: it reads what this
/// one left. A field that is added later needs `#[serde(default)]`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Write {
    #[serde(skip)]
    Start(NewCall),
    /// The same of a call that is answered already: kept until the disk takes it.
    LateStart(NewCall),
    #[serde(skip)]
    Issue(NewToken),
    LateIssue(NewToken),
    #[serde(skip)]
    Burn(TokenHash, String, Timestamp),
    /// The same of a stream that is open already.
    LateBurn(TokenHash, String, Timestamp),
    Advance(StatusReport),
    Segment(String, NewSegment),
    Words(Vec<(String, NewSegment)>, Option<NewMemory>),
    Lead(String, LeadOf),
    DisclosureHeard(Disclosed),
    Memory(NewMemory),
    #[serde(skip)]
    ToolAct(NewToolAct),
    ToolActEnded(ToolActEnd),
    RecordingConsent(NewRecordingConsent),
    RecordingBegun(NewRecording),
    RecordingEnded(RecordingEnd),
    #[serde(skip)]
    Seal(NewSeal),
    #[serde(skip)]
    EraseRecordings(String),
    #[serde(skip)]
    Upload(Upload),
    #[serde(skip)]
    Erase(Erasure, Timestamp),
    #[serde(skip)]
    ForgetNumber(String),
    #[serde(skip)]
    Forget(Forgetting),
    #[serde(skip)]
    Audit(NewAudit),
    /// What a server begins with: parts of the configuration and their hashes.
    #[serde(skip)]
    Configuration(Vec<(String, String)>, Timestamp),
    Turn(String, NewTurn),
    Usage(NewUsage),
    #[serde(skip)]
    Transfer(String, NewTransfer),
    Transferred(Outcome),
    #[serde(skip)]
    Alive(String, Timestamp, Timestamp),
    End(Ending),
    #[serde(skip)]
    Dial(String, Box<NewDial>),
    DialChanged(String, DialChange, Timestamp),
    #[serde(skip)]
    DoNotCall(DoNotCallChange, Timestamp),
    /// The same, promised to somebody in a call: kept until the disk takes it.
    LateDoNotCall(DoNotCallChange, Timestamp),
    /// How far a sink of events has been told.
    #[serde(skip)]
    Sink(SinkWrite),
}

/// What a write answers.
#[derive(Debug)]
pub(super) enum Written {
    Done,
    Started(Started),
    Burnt(Burnt),
    Dial(Box<DialAnswer>),
    Changed(bool),
    /// Whether a report was new.
    Advanced(bool),
    /// What is known of an act that was begun before.
    ToolAct(Option<String>),
    /// Cursor and epoch of a sink that was claimed.
    SinkClaimed(Option<(i64, i64)>),
    /// How many rows were changed.
    Counted(u64),
    /// What became of an erasure.
    Erased(Erased),
    /// It came late, for a call that was erased.
    TooLate,
    /// It waits in the spool, on disk; what it answers isn't known yet.
    Spooled,
}

impl Write {
    /// Whether it is kept while the database can't be written. What begins a call isn't: its webhook wants
    /// an answer now, and without a row there is no call; nor is anybody dialled without one.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(
            self,
            Self::Start(_)
                | Self::Issue(_)
                | Self::Burn(..)
                | Self::Dial(..)
                | Self::DoNotCall(..)
                | Self::Transfer(..)
                | Self::ToolAct(_)
                | Self::Seal(_)
                | Self::EraseRecordings(_)
                | Self::Upload(_)
                | Self::Erase(..)
                | Self::ForgetNumber(_)
                | Self::Forget(_)
                | Self::Audit(_)
                | Self::Configuration(..)
                | Self::Alive(..)
                | Self::Sink(_)
        )
    }

    /// What has to be written where this was refused, and may have been done all the same: nobody is handed over, and a
    /// row that says so must not stand. What else isn't kept either is found when it is asked for again, or looked into as
    /// after a crash.
    pub(super) fn undoing(&self) -> Option<Self> {
        let Self::Transfer(_, new) = self else {
            return None;
        };
        Some(Self::Transferred(Outcome {
            call_sid: new.call_sid.clone(),
            answered: false,
            word: "failed".to_owned(),
            at: new.at,
        }))
    }

    /// The call that it tells of, once that call has a row: nothing is told of a call that was erased.
    pub(super) fn call_sid(&self) -> Option<&str> {
        match self {
            Self::Start(call) | Self::LateStart(call) => Some(&call.call_sid),
            Self::Issue(token) | Self::LateIssue(token) => Some(&token.claim.call_sid),
            Self::Advance(report) => Some(&report.call_sid),
            Self::Segment(_, segment) => Some(&segment.call_sid),
            Self::Words(lines, memory) => {
                let of_memory = memory.as_ref().map(|memory| memory.call_sid.as_str());
                of_memory.or(lines.first().map(|(_, line)| line.call_sid.as_str()))
            }
            Self::Memory(memory) => Some(&memory.call_sid),
            Self::Lead(_, lead) => Some(&lead.call_sid),
            Self::DisclosureHeard(disclosed) => Some(&disclosed.call_sid),
            Self::ToolAct(act) => Some(&act.call_sid),
            Self::ToolActEnded(end) => Some(&end.call_sid),
            Self::RecordingConsent(new) => Some(&new.call_sid),
            Self::RecordingBegun(new) => Some(&new.call_sid),
            Self::RecordingEnded(end) => Some(&end.call_sid),
            Self::Turn(_, turn) => Some(&turn.call_sid),
            Self::Usage(usage) => Some(&usage.call_sid),
            Self::Transfer(_, transfer) => Some(&transfer.call_sid),
            Self::Transferred(outcome) => Some(&outcome.call_sid),
            Self::End(ending) => Some(&ending.call_sid),
            // A token of an erased call is gone, and its call is not named here; the others tell of no call, or may come at any time.
            Self::Burn(..)
            | Self::LateBurn(..)
            | Self::Seal(_)
            | Self::EraseRecordings(_)
            | Self::Upload(_)
            | Self::Erase(..)
            | Self::ForgetNumber(_)
            | Self::Forget(_)
            | Self::Audit(_)
            | Self::Configuration(..)
            | Self::Alive(..)
            | Self::Dial(..)
            | Self::DialChanged(..)
            | Self::DoNotCall(..)
            | Self::LateDoNotCall(..)
            | Self::Sink(_) => None,
        }
    }

    /// What is answered in the place of a write that tells of an erased call. Who only asks how it stands is told that it is over.
    pub(super) fn too_late(&self) -> Written {
        match self {
            Self::Start(_) | Self::LateStart(_) => Written::Started(Started {
                first: false,
                ended: true,
                streams: 0,
            }),
            Self::Advance(_) => Written::Advanced(false),
            _ => Written::TooLate,
        }
    }

    /// Does it, inside the caller's transaction.
    pub(super) async fn apply<'a>(
        &'a self,
        connection: &mut Connection,
        gathered: &mut Gathered<'a>,
    ) -> Result<Written, sqlx::Error> {
        if !matches!(self, Self::Segment(..) | Self::Words(..)) {
            gathered.write_lines(connection).await?;
        }
        let events = &mut gathered.events;
        match self {
            Self::Start(call) => return calls::start(connection, call, events).await.map(Written::Started),
            Self::Burn(hash, node, at) | Self::LateBurn(hash, node, at) => {
                let burnt = stream_tokens::burn(connection, (hash, node), *at).await;
                return burnt.map(Written::Burnt);
            }
            Self::Advance(report) => {
                return calls::advance(connection, report, events).await.map(Written::Advanced);
            }
            Self::Sink(write) => return sinks::apply(connection, write).await,
            Self::ToolAct(new) => return tool_acts::begin(connection, new).await.map(Written::ToolAct),
            Self::Dial(id, dial) => {
                let answer = outbound::ask(connection, (id, dial)).await?;
                return Ok(Written::Dial(Box::new(answer)));
            }
            Self::DialChanged(id, change, at) => {
                return outbound::change(connection, (id, change), *at)
                    .await
                    .map(Written::Changed);
            }
            Self::DoNotCall(change, at) | Self::LateDoNotCall(change, at) => {
                return do_not_call::change(connection, change, *at).await.map(Written::Changed);
            }
            Self::LateStart(call) => {
                return calls::start(connection, call, events).await.map(Written::Started);
            }
            Self::Seal(new) => return recordings::seal(connection, new).await.map(Written::Changed),
            Self::EraseRecordings(call_sid) => {
                return recordings::erase(connection, call_sid).await.map(Written::Changed);
            }
            Self::Upload(change) => return uploads::apply(connection, change).await.map(Written::Changed),
            Self::Erase(erasure, at) => {
                return erasures::erase(connection, (erasure, *at), events)
                    .await
                    .map(Written::Erased);
            }
            Self::ForgetNumber(number) => {
                return erasures::forget_number(connection, number).await.map(Written::Counted);
            }
            Self::Forget(forgetting) => {
                events.write(connection).await?;
                return retention::forget(connection, forgetting).await.map(Written::Counted);
            }
            Self::Configuration(parts, at) => {
                return audit::configuration(connection, parts, *at).await.map(Written::Changed);
            }
            Self::Audit(new) => audit::add(connection, new).await?,
            Self::Issue(token) | Self::LateIssue(token) => stream_tokens::issue(connection, token).await?,
            Self::Segment(id, segment) => gathered.lines.push((id, segment)),
            Self::Words(lines, memory) => {
                gathered
                    .lines
                    .extend(lines.iter().map(|(id, line)| (id.as_str(), line)));
                if let Some(memory) = memory {
                    conversations::remember(connection, memory).await?;
                }
            }
            Self::Lead(id, lead) => leads::save(connection, (id, lead), events).await?,
            Self::DisclosureHeard(disclosed) => calls::disclosure_heard(connection, disclosed, events).await?,
            Self::Memory(new) => conversations::remember(connection, new).await?,
            Self::ToolActEnded(end) => tool_acts::end(connection, end).await?,
            Self::RecordingConsent(new) => recording_consent::answered(connection, new).await?,
            Self::RecordingBegun(new) => recordings::begin(connection, new).await?,
            Self::RecordingEnded(end) => recordings::end(connection, end, events).await?,
            Self::Turn(id, new) => turns::append(connection, (id, new)).await?,
            Self::Usage(new) => usage::keep(connection, new).await?,
            Self::Transfer(id, new) => transfers::ask(connection, (id, new), events).await?,
            Self::Transferred(outcome) => transfers::end(connection, outcome, events).await?,
            Self::Alive(node, now, until) => conversations::alive(connection, node, (*now, *until)).await?,
            Self::End(ending) => calls::end(connection, ending, events).await?,
        }
        Ok(Written::Done)
    }
}

/// The word for a reason in `voice_calls.ended_reason`.
pub(super) fn reason_word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Finished => "finished",
        EndReason::Transferred => "transferred",
        EndReason::CallerHungUp => "caller-hung-up",
        EndReason::Silence => "silence",
        EndReason::TimeLimit => "time-limit",
        EndReason::Operator => "operator",
        EndReason::Draining => "draining",
        EndReason::Failure => "failure",
    }
}
