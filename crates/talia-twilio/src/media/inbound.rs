//! What Twilio sends: six known events, and any that it may add.

use std::{borrow::Cow, collections::BTreeMap};

use super::MediaError;
use crate::sid::{AccountSid, CallSid, StreamSid};

/// One message from Twilio, borrowed from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// The socket stands; [`Start`] follows. Has neither counters nor identifiers.
    Connected {
        /// `Call`.
        protocol: Cow<'a, str>,
        /// `1.0.0`.
        version: Cow<'a, str>,
    },
    /// The stream begins; nothing may be sent before it.
    Start(Box<Start>),
    /// A piece of audio.
    Media(Media<'a>),
    /// The caller pressed a key.
    Dtmf(Dtmf<'a>),
    /// One of our marks has been played, or was dropped by a `clear`.
    Mark(Mark<'a>),
    /// The stream is over.
    Stop(Stop<'a>),
    /// An event that this crate doesn't know, by its name. To be ignored: Twilio may add events at any time.
    Unknown(Cow<'a, str>),
}

/// The beginning of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Counts all messages of the stream but `connected`; here 1.
    pub sequence_number: u64,
    /// This socket's identifier; every outbound message carries it.
    pub stream_sid: StreamSid,
    /// The account that owns the call.
    pub account_sid: AccountSid,
    /// The call that speaks.
    pub call_sid: CallSid,
    /// Which tracks come; `inbound` alone in a two-way stream.
    pub tracks: Vec<Track>,
    /// The `<Parameter>`s of the TwiML.
    pub custom_parameters: BTreeMap<String, String>,
    /// The audio's form, for both directions.
    pub media_format: MediaFormat,
}

/// The form of the audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFormat {
    /// `audio/x-mulaw` in every documented stream.
    pub encoding: String,
    /// In hertz; 8000.
    pub sample_rate: u64,
    /// 1.
    pub channels: u64,
}

impl MediaFormat {
    /// The only documented form.
    pub fn mulaw_8k() -> Self {
        Self {
            encoding: "audio/x-mulaw".to_owned(),
            sample_rate: 8000,
            channels: 1,
        }
    }

    /// Whether this is μ-law at 8 kHz with one channel. Anything else must be refused, not played.
    pub fn is_mulaw_8k(&self) -> bool {
        self.encoding == "audio/x-mulaw" && self.sample_rate == 8000 && self.channels == 1
    }
}

/// A piece of audio, usually 20 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// Counts all messages of the stream but `connected`.
    pub sequence_number: u64,
    /// The stream it belongs to; not checked for its shape, compare it with that of [`Start`].
    pub stream_sid: Cow<'a, str>,
    /// Whose voice it is.
    pub track: Track,
    /// Counts the pieces of this track from 1.
    pub chunk: u64,
    /// Where the piece begins, in milliseconds since the stream's start: the clock for all arithmetic of play-out.
    pub timestamp_ms: u64,
    /// Base64 of raw μ-law; borrowed unless it came with escapes. See [`decode_payload`](super::decode_payload).
    pub payload: Cow<'a, str>,
}

/// A pressed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtmf<'a> {
    /// Counts all messages of the stream but `connected`.
    pub sequence_number: u64,
    /// The stream it belongs to.
    pub stream_sid: Cow<'a, str>,
    /// Who pressed it; always the caller.
    pub track: Track,
    /// One of `0`–`9`, `*`, `#`, `A`–`D`.
    pub digit: char,
}

/// An echoed mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark<'a> {
    /// Counts all messages of the stream but `connected`.
    pub sequence_number: u64,
    /// The stream it belongs to.
    pub stream_sid: Cow<'a, str>,
    /// The name that was given to the mark.
    pub name: Cow<'a, str>,
}

/// The end of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop<'a> {
    /// Counts all messages of the stream but `connected`.
    pub sequence_number: u64,
    /// The stream that ends.
    pub stream_sid: Cow<'a, str>,
    /// The account that owns the call.
    pub account_sid: AccountSid,
    /// The call that spoke; it may live on with another document.
    pub call_sid: CallSid,
}

/// A direction of the call's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    /// What the caller says.
    Inbound,
    /// What the caller hears; in one-way streams only.
    Outbound,
}

impl Track {
    /// As `media` and `start` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// As `dtmf` and TwiML name it.
    pub fn as_track_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound_track",
            Self::Outbound => "outbound_track",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, MediaError> {
        match text {
            "inbound" | "inbound_track" => Ok(Self::Inbound),
            "outbound" | "outbound_track" => Ok(Self::Outbound),
            _ => Err(MediaError::UnknownTrack),
        }
    }
}
