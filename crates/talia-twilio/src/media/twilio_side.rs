//! Twilio's end of the socket, for simulators: writes what Twilio sends, reads what it accepts.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Inbound, Start, outbound::push_json_string};
use crate::error_codes::StreamCode;

/// A message that a server sends to Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound<'a> {
    /// Audio to be queued and played in order: raw μ-law, 8 kHz.
    Media(Vec<u8>),
    /// A name to be echoed once everything before it has been played.
    Mark(Cow<'a, str>),
    /// Drop the queue and echo all pending marks.
    Clear,
}

/// Why Twilio would drop a message with warning 31951.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// No JSON object, or one that names a field twice.
    #[error("the message is no JSON object")]
    NotJson,
    /// An event that servers may not send.
    #[error("the event is unknown")]
    UnknownEvent(String),
    /// A field that the event doesn't have, by its path.
    #[error("field {0} is too many")]
    ExtraField(String),
    /// A field that the event must have, by its path.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// A field of a wrong type (null included), by its path.
    #[error("field {0} has a wrong type")]
    WrongType(&'static str),
    /// The identifier of another stream, or of none.
    #[error("the stream identifier isn't this stream's")]
    WrongStreamSid,
    /// No canonical standard base64.
    #[error("the payload is no canonical base64")]
    BadPayload,
}

impl OutboundError {
    /// What Twilio's debugger would show.
    pub fn code(&self) -> StreamCode {
        StreamCode::InvalidMessage
    }
}

/// Reads a server's message as strictly as Twilio does; `stream_sid` is the stream's own.
pub fn read_outbound<'a>(text: &'a str, stream_sid: &str) -> Result<Outbound<'a>, OutboundError> {
    let message: Exact<'_> = serde_json::from_str(text).map_err(|_| explain(text))?;
    if message.stream_sid != stream_sid {
        return Err(OutboundError::WrongStreamSid);
    }
    match (message.event.as_ref(), message.media, message.mark) {
        ("media", Some(media), None) => STANDARD
            .decode(media.payload.as_ref())
            .map(Outbound::Media)
            .map_err(|_| OutboundError::BadPayload),
        ("mark", None, Some(mark)) => Ok(Outbound::Mark(mark.name)),
        ("clear", None, None) => Ok(Outbound::Clear),
        _ => Err(explain(text)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exact<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, rename = "streamSid")]
    stream_sid: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "not_null")]
    media: Option<ExactMedia<'a>>,
    #[serde(borrow, default, deserialize_with = "not_null")]
    mark: Option<ExactMark<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExactMedia<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExactMark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// A field that may be absent but not null.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Finds the reason on the slow way, after the fast one has failed.
fn explain(text: &str) -> OutboundError {
    let Ok(Value::Object(message)) = serde_json::from_str(text) else {
        return OutboundError::NotJson;
    };
    inspect(&message).err().unwrap_or(OutboundError::NotJson)
}

fn inspect(message: &Map<String, Value>) -> Result<(), OutboundError> {
    let (body, field): (Option<&'static str>, [&'static str; 2]) = match string(message, "event", "event")? {
        "media" => (Some("media"), ["payload", "media.payload"]),
        "mark" => (Some("mark"), ["name", "mark.name"]),
        "clear" => (None, ["", ""]),
        other => return Err(OutboundError::UnknownEvent(other.to_owned())),
    };
    string(message, "streamSid", "streamSid")?;
    if let Some(extra) = message
        .keys()
        .find(|key| !["event", "streamSid"].contains(&key.as_str()) && Some(key.as_str()) != body)
    {
        return Err(OutboundError::ExtraField(extra.clone()));
    }
    let Some(name) = body else { return Ok(()) };
    let inner = message
        .get(name)
        .ok_or(OutboundError::MissingField(name))?
        .as_object()
        .ok_or(OutboundError::WrongType(name))?;
    string(inner, field[0], field[1])?;
    match inner.keys().find(|key| *key != field[0]) {
        Some(extra) => Err(OutboundError::ExtraField(format!("{name}.{extra}"))),
        None => Ok(()),
    }
}

fn string<'a>(map: &'a Map<String, Value>, key: &str, path: &'static str) -> Result<&'a str, OutboundError> {
    map.get(key)
        .ok_or(OutboundError::MissingField(path))?
        .as_str()
        .ok_or(OutboundError::WrongType(path))
}

/// Replaces `out` by the message as Twilio writes it: counters as strings, the format's figures as numbers.
///
/// An [`Inbound::Unknown`] is written with its name and a sequence number of 0, to try a server's tolerance.
pub fn write_inbound(out: &mut String, message: &Inbound<'_>) {
    out.clear();
    match message {
        Inbound::Connected { protocol, version } => {
            out.push_str(r#"{"event":"connected","protocol":"#);
            push_json_string(out, protocol);
            out.push_str(r#","version":"#);
            push_json_string(out, version);
        }
        Inbound::Start(start) => push_start(out, start),
        Inbound::Media(media) => {
            open(out, "media", media.sequence_number, &media.stream_sid);
            push_plain(out, r#","media":{"track":""#, media.track.as_str());
            push_plain(out, r#"","chunk":""#, media.chunk);
            push_plain(out, r#"","timestamp":""#, media.timestamp_ms);
            out.push_str(r#"","payload":"#);
            push_json_string(out, &media.payload);
            out.push('}');
        }
        Inbound::Dtmf(dtmf) => {
            open(out, "dtmf", dtmf.sequence_number, &dtmf.stream_sid);
            push_plain(out, r#","dtmf":{"track":""#, dtmf.track.as_track_str());
            push_plain(out, r#"","digit":""#, dtmf.digit);
            out.push_str(r#""}"#);
        }
        Inbound::Mark(mark) => {
            open(out, "mark", mark.sequence_number, &mark.stream_sid);
            out.push_str(r#","mark":{"name":"#);
            push_json_string(out, &mark.name);
            out.push('}');
        }
        Inbound::Stop(stop) => {
            open(out, "stop", stop.sequence_number, &stop.stream_sid);
            push_plain(out, r#","stop":{"accountSid":""#, &stop.account_sid);
            push_plain(out, r#"","callSid":""#, &stop.call_sid);
            out.push_str(r#""}"#);
        }
        Inbound::Unknown(event) => {
            out.push_str(r#"{"event":"#);
            push_json_string(out, event);
            out.push_str(r#","sequenceNumber":"0""#);
        }
    }
    out.push('}');
}

fn push_start(out: &mut String, start: &Start) {
    open(out, "start", start.sequence_number, start.stream_sid.as_str());
    push_plain(out, r#","start":{"streamSid":""#, &start.stream_sid);
    push_plain(out, r#"","accountSid":""#, &start.account_sid);
    push_plain(out, r#"","callSid":""#, &start.call_sid);
    out.push_str(r#"","tracks":["#);
    for (index, track) in start.tracks.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        push_json_string(out, track.as_str());
    }
    out.push_str(r#"],"customParameters":{"#);
    for (index, (name, value)) in start.custom_parameters.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        push_json_string(out, name);
        out.push(':');
        push_json_string(out, value);
    }
    out.push_str(r#"},"mediaFormat":{"encoding":"#);
    push_json_string(out, &start.media_format.encoding);
    push_plain(out, r#","sampleRate":"#, start.media_format.sample_rate);
    push_plain(out, r#","channels":"#, start.media_format.channels);
    out.push_str("}}");
}

fn open(out: &mut String, event: &str, sequence_number: u64, stream_sid: &str) {
    push_plain(out, r#"{"event":""#, event);
    push_plain(out, r#"","sequenceNumber":""#, sequence_number);
    out.push_str(r#"","streamSid":"#);
    push_json_string(out, stream_sid);
}

/// Appends `before` and a value that needs no escape. Writing to a string can't fail.
fn push_plain(out: &mut String, before: &str, value: impl std::fmt::Display) {
    let _ = write!(out, "{before}{value}");
}
