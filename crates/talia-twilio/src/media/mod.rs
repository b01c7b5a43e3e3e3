//! Messages of the Media Streams socket, in both directions.
//!
//! A server reads with [`parse`] and writes with [`write_media`], [`write_mark`] and [`write_clear`]. A simulator of
//! Twilio does the opposite with [`write_inbound`] and [`read_outbound`].
//! Source: Twilio's "Media Streams: WebSocket messages" and the 319xx error pages.

mod inbound;
mod outbound;
mod parse;
mod payload;
mod twilio_side;

pub use inbound::{Dtmf, Inbound, Mark, Media, MediaFormat, Start, Stop, Track};
pub use outbound::{write_clear, write_mark, write_media};
pub use parse::parse;
pub use payload::{decode_payload, decode_payload_slice, encode_payload};
pub use twilio_side::{Outbound, OutboundError, read_outbound, write_inbound};

/// Longest message that is read, in bytes.
pub const MAX_MESSAGE: usize = 16 * 1024;
/// Longest decoded payload, in bytes: one second of μ-law at 8 kHz and a little.
pub const MAX_PAYLOAD: usize = 8 * 1024;
/// Deepest nesting of objects and arrays that is read.
pub const MAX_DEPTH: usize = 16;

/// Why a message from Twilio's side was not understood.
///
/// Holds names of fields only, never their values: it is safe to log and to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Longer than [`MAX_MESSAGE`] bytes.
    #[error("message of {0} bytes is too large")]
    TooLarge(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("message is nested too deeply")]
    TooDeep,
    /// No JSON object, or a field of a wrong type.
    #[error("message is malformed at column {column}")]
    Malformed {
        /// Where reading stopped, counted in bytes from 1.
        column: usize,
    },
    /// A field that this event must have is absent or null.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// A counter that is no unsigned decimal of 64 bits.
    #[error("field {0} is no number")]
    BadNumber(&'static str),
    /// An identifier of a wrong shape.
    #[error("field {0} is no identifier")]
    BadSid(&'static str),
    /// A track other than inbound and outbound.
    #[error("the track is unknown")]
    UnknownTrack,
    /// A digit that no telephone has.
    #[error("the digit is unknown")]
    BadDigit,
    /// More than [`MAX_PAYLOAD`] bytes of audio, or more than the given buffer holds.
    #[error("payload is too large")]
    PayloadTooLarge,
    /// No canonical standard base64.
    #[error("payload is no canonical base64")]
    PayloadNotBase64,
}

impl MediaError {
    /// A fixed word for counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::TooDeep => "too_deep",
            Self::Malformed { .. } => "malformed",
            Self::MissingField(_) => "missing_field",
            Self::BadNumber(_) => "bad_number",
            Self::BadSid(_) => "bad_sid",
            Self::UnknownTrack => "unknown_track",
            Self::BadDigit => "bad_digit",
            Self::PayloadTooLarge => "payload_too_large",
            Self::PayloadNotBase64 => "payload_not_base64",
        }
    }
}

/// Refuses what is too large or too deep before a parser sees it.
fn check_limits(text: &str) -> Result<(), MediaError> {
    if text.len() > MAX_MESSAGE {
        return Err(MediaError::TooLarge(text.len()));
    }
    // Counting openers is one vector pass; only a message with many of them needs the exact walk.
    let openers = text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if openers > MAX_DEPTH && depth(text) > MAX_DEPTH {
        return Err(MediaError::TooDeep);
    }
    Ok(())
}

/// The deepest nesting outside strings.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
