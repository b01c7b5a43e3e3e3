//! What is kept: calls, words, leads, events, tokens of streams. The only room that knows SQL; one file a table.
//!
//! All writes go through one task that commits them in groups, so that a write is acknowledged only when it is on
//! disk, and a thousand calls cost the disk a few dozen commits a second. Nobody on the audio path waits for it. While the
//! database can't be written, the disk is the spool's.

mod audit;
mod calls;
mod columns;
mod constants;
mod conversations;
mod do_not_call;
mod engine;
mod erasures;
mod error;
mod gathered;
mod hold;
mod ids;
mod lead_fields;
mod lead_pages;
mod leads;
mod many;
mod open;
mod outbound;
mod outbox;
mod pages;
mod people;
mod probe;
mod recording_consent;
mod recordings;
mod retention;
mod sinks;
mod spool;
mod sql;
mod stream_tokens;
mod times;
mod tool_acts;
mod transcripts;
mod transfers;
mod turns;
mod uploads;
mod usage;
mod waiting;
mod write;
mod writer;

pub use audit::{AuditFault, AuditHead, AuditKind, AuditReport, AuditRow, NewAudit};
pub use calls::{CallFilter, CallRow, Disclosed, Holder, LiveRow, NewCall, OpenCall, Started, StatusReport};
pub use constants::Word;
pub use conversations::{ConversationRow, NewMemory};
pub use do_not_call::{DoNotCallChange, DoNotCallRow};
pub use erasures::{Erased, Erasure, empty_log};
pub use error::StoreError;
pub use hold::Hold;
pub use lead_fields::{HeardField, HeardIn, LeadField, LeadFieldRow};
pub use lead_pages::{LeadPages, LeadWindow};
pub use leads::{LeadFields, LeadFilter, LeadRow, WholeLead};
pub use open::{SpoolSettings, Store, StoreSettings};
pub use outbound::{DialAnswer, DialChange, NewDial, OutboundRow, OutboundState};
pub use outbox::{CloudEvent, EventKind, EventType, OutboxRow};
pub use pages::{Behind, Listed};
pub use people::{DialledRow, WishRow};
pub use probe::{Probe, probe};
pub use recording_consent::NewRecordingConsent;
pub use recordings::{NewRecording, NewSeal, RecordingEnd, RecordingFilter, RecordingRow};
pub use retention::Kind;
pub use sinks::{DeadEvent, Delivery, SinkClaim, SinkLag, SinkProgress, WaitingEvent};
pub use spool::{Found, Owner, Spool, Taken};
pub use stream_tokens::{Burnt, StreamClaim, TokenHash};
pub use tool_acts::{NewToolAct, ToolActEnd, ToolActRow};
pub use transcripts::{NewSegment, SegmentRow};
pub use transfers::{NewTransfer, TransferRow};
pub use turns::{NewTurn, TurnRow};
pub use uploads::Uploading;
pub use usage::{NewUsage, UsageRow};
pub use write::Record;
