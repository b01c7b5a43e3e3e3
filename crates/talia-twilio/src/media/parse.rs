//! Reads what Twilio sends: one pass over the text, borrowed from it.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use super::{Dtmf, Inbound, Mark, Media, MediaError, MediaFormat, Start, Stop, Track, check_limits};
use crate::sid::StreamSid;

/// Reads one message. A media frame costs no allocation.
///
/// Fields that are not known are skipped; an event that is not known is [`Inbound::Unknown`], whatever else it holds.
pub fn parse(text: &str) -> Result<Inbound<'_>, MediaError> {
    check_limits(text)?;
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) => return unknown_or_malformed(text, error.column()),
    };
    envelope.read()
}

/// A new event may give a known field another type; that must not turn it into an error.
fn unknown_or_malformed(text: &str, column: usize) -> Result<Inbound<'_>, MediaError> {
    #[derive(Deserialize)]
    struct Name<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    match serde_json::from_str::<Name<'_>>(text) {
        Ok(Name { event }) if !is_known(&event) => Ok(Inbound::Unknown(event)),
        _ => Err(MediaError::Malformed { column }),
    }
}

fn is_known(event: &str) -> bool {
    matches!(event, "connected" | "start" | "media" | "dtmf" | "mark" | "stop")
}

/// Every field that any event has, so that one pass suffices.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    sequence_number: Option<Counter>,
    #[serde(borrow)]
    stream_sid: Option<Text<'a>>,
    #[serde(borrow)]
    media: Option<RawMedia<'a>>,
    #[serde(borrow)]
    mark: Option<RawMark<'a>>,
    #[serde(borrow)]
    dtmf: Option<RawDtmf<'a>>,
    #[serde(borrow)]
    protocol: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    start: Option<RawStart<'a>>,
    #[serde(borrow)]
    stop: Option<RawStop<'a>>,
}

#[derive(Deserialize)]
struct RawMedia<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    chunk: Option<Counter>,
    timestamp: Option<Counter>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawMark<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawDtmf<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    #[serde(borrow)]
    digit: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStart<'a> {
    #[serde(borrow)]
    stream_sid: Option<Text<'a>>,
    #[serde(borrow)]
    account_sid: Option<Text<'a>>,
    #[serde(borrow)]
    call_sid: Option<Text<'a>>,
    tracks: Option<Vec<String>>,
    custom_parameters: Option<BTreeMap<String, String>>,
    media_format: Option<RawFormat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFormat {
    encoding: Option<String>,
    sample_rate: Option<Counter>,
    channels: Option<Counter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStop<'a> {
    #[serde(borrow)]
    account_sid: Option<Text<'a>>,
    #[serde(borrow)]
    call_sid: Option<Text<'a>>,
}

impl<'a> Envelope<'a> {
    fn read(self) -> Result<Inbound<'a>, MediaError> {
        let event = text(self.event, "event")?;
        if !is_known(&event) {
            return Ok(Inbound::Unknown(event));
        }
        if event == "connected" {
            return Ok(Inbound::Connected {
                protocol: text(self.protocol, "protocol")?,
                version: text(self.version, "version")?,
            });
        }
        let sequence_number = number(self.sequence_number, "sequenceNumber")?;
        let stream_sid = text(self.stream_sid, "streamSid")?;
        match event.as_ref() {
            "media" => {
                let media = need(self.media, "media")?;
                Ok(Inbound::Media(Media {
                    sequence_number,
                    stream_sid,
                    track: Track::parse(&text(media.track, "media.track")?)?,
                    chunk: number(media.chunk, "media.chunk")?,
                    timestamp_ms: number(media.timestamp, "media.timestamp")?,
                    payload: text(media.payload, "media.payload")?,
                }))
            }
            "mark" => Ok(Inbound::Mark(Mark {
                sequence_number,
                stream_sid,
                name: text(need(self.mark, "mark")?.name, "mark.name")?,
            })),
            "dtmf" => {
                let dtmf = need(self.dtmf, "dtmf")?;
                Ok(Inbound::Dtmf(Dtmf {
                    sequence_number,
                    stream_sid,
                    track: Track::parse(&text(dtmf.track, "dtmf.track")?)?,
                    digit: digit(&text(dtmf.digit, "dtmf.digit")?)?,
                }))
            }
            "stop" => {
                let stop = need(self.stop, "stop")?;
                Ok(Inbound::Stop(Stop {
                    sequence_number,
                    stream_sid,
                    account_sid: sid(stop.account_sid, "stop.accountSid")?,
                    call_sid: sid(stop.call_sid, "stop.callSid")?,
                }))
            }
            // `is_known` leaves only `start`.
            _ => need(self.start, "start")?.read(sequence_number, &stream_sid),
        }
    }
}

impl RawStart<'_> {
    fn read<'b>(self, sequence_number: u64, outer_sid: &str) -> Result<Inbound<'b>, MediaError> {
        let format = need(self.media_format, "start.mediaFormat")?;
        let stream_sid: StreamSid = sid(self.stream_sid, "start.streamSid")?;
        if stream_sid.as_str() != outer_sid {
            return Err(MediaError::BadSid("streamSid"));
        }
        Ok(Inbound::Start(Box::new(Start {
            sequence_number,
            stream_sid,
            account_sid: sid(self.account_sid, "start.accountSid")?,
            call_sid: sid(self.call_sid, "start.callSid")?,
            tracks: need(self.tracks, "start.tracks")?
                .iter()
                .map(|track| Track::parse(track))
                .collect::<Result<_, _>>()?,
            custom_parameters: self.custom_parameters.unwrap_or_default(),
            media_format: MediaFormat {
                encoding: need(format.encoding, "start.mediaFormat.encoding")?,
                sample_rate: number(format.sample_rate, "start.mediaFormat.sampleRate")?,
                channels: number(format.channels, "start.mediaFormat.channels")?,
            },
        })))
    }
}

fn text<'a>(value: Option<Text<'a>>, field: &'static str) -> Result<Cow<'a, str>, MediaError> {
    need(value, field).map(|text| text.0)
}

fn need<T>(value: Option<T>, field: &'static str) -> Result<T, MediaError> {
    value.ok_or(MediaError::MissingField(field))
}

fn number(value: Option<Counter>, field: &'static str) -> Result<u64, MediaError> {
    need(value, field)?.0.ok_or(MediaError::BadNumber(field))
}

fn sid<T: FromStr>(value: Option<Text<'_>>, field: &'static str) -> Result<T, MediaError> {
    text(value, field)?.parse().map_err(|_| MediaError::BadSid(field))
}

fn digit(text: &str) -> Result<char, MediaError> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(digit),
        _ => Err(MediaError::BadDigit),
    }
}

/// A counter: documented as a string of digits; a plain number is taken too, for nothing is won by dropping audio.
struct Counter(Option<u64>);

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Counter;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a counter")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Counter, E> {
                let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                Ok(Counter(plain.then(|| text.parse().ok()).flatten()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Counter, E> {
                Ok(Counter(Some(number)))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Counter, E> {
                Ok(Counter(None))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Counter, E> {
                Ok(Counter(None))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A text that is borrowed whenever it has no escapes. (`Option<Cow<str>>` always copies.)
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Visitor).map(Text)
    }
}
