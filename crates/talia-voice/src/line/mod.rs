//! Twilio's side: webhooks, signatures, tokens of streams, and the media socket. The only room that knows Twilio.

pub mod abandoned;
mod after;
mod check;
mod command;
mod documents;
mod inbound;
mod lately;
mod live;
mod media_socket;
mod message_rate;
pub mod outbound;
mod own_signature;
mod repeats;
pub mod rest;
mod status;
mod stream;
mod stream_status;
mod tokens;
mod transfer;
mod uplink;
mod webhook;

pub use command::{CallCommand, Commanded, Declined};
pub use lately::{CallHere, Lately, LeftHere};
pub use live::{Entered, LiveCall, LiveCalls};
pub use media_socket::{CloseCause, LineClosed, LineCommand, LineEvent, MediaSocket};
pub use own_signature::OwnSignatures;
pub use repeats::Repeats;
pub use rest::{RestError, TwilioRest};
pub use stream::AnsweredCall;
pub use tokens::StreamTokens;

pub(crate) use after::after;
pub(crate) use check::{check, check_socket};
pub(crate) use inbound::inbound;
pub(crate) use repeats::once;
pub(crate) use status::status;
pub(crate) use stream::{stream, stream_without_token};
pub(crate) use stream_status::stream_status;
pub(crate) use transfer::{end_call, hand_over, transferred, whisper};

/// Where each of Twilio's requests arrives.
pub mod paths {
    /// A call begins.
    pub const INBOUND: &str = "/api/voice/inbound";
    /// A stream has ended.
    pub const AFTER: &str = "/api/voice/after";
    /// The leg of a person whom the caller was handed to has ended.
    pub const TRANSFERRED: &str = "/api/voice/transferred";
    /// A person whom a caller is handed to has answered.
    pub const WHISPER: &str = "/api/voice/whisper";
    /// A call has changed its state.
    pub const STATUS: &str = "/api/voice/status";
    /// A stream has changed its state.
    pub const STREAM_STATUS: &str = "/api/voice/stream-status";
    /// A call of ours was answered; the call's id follows as a path segment.
    pub const OUTBOUND_ANSWER: &str = "/api/voice/outbound/answer";
    /// A person or a machine answered it; the same.
    pub const AMD: &str = "/api/voice/amd";
    /// A browser wants to call somebody.
    pub const OUTBOUND: &str = "/api/voice/outbound";
    /// Its call has ended; the same.
    pub const OUTBOUND_AFTER: &str = "/api/voice/outbound/after";
    /// The dialled leg of it has changed its state; the same.
    pub const OUTBOUND_LEG: &str = "/api/voice/outbound/leg";
    /// What does nothing, for whoever looks whether Twilio's requests would arrive.
    pub const CHECK: &str = "/api/voice/check";
    /// Media sockets; a token follows as a path segment.
    pub const STREAM: &str = "/api/voice/stream";
}
