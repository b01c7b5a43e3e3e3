//! A call as a trace: one span a stream, one a turn, in OTLP's own shapes. Pure.
//!
//! Every id is made from the CallSid, so that a stream on another node goes on with the same trace. Nothing that the caller
//! says or is enters an attribute.

use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event, span::SpanKind},
};
use sha2::{Digest, Sha256};
use std::time::Duration;
use talia_dialogue::{EndReason, TurnTiming};

/// W3C's flag of a sampled trace.
const SAMPLED: u32 = 0x01;
/// OTLP's flags (`SpanFlags`): it is known whether the parent is another process's, and it is.
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;

/// The trace of one stream of a call.
#[derive(Debug, Clone)]
pub struct CallTrace {
    call_sid: String,
    /// The conversation's id in the configuration.
    assistant: String,
    /// The number of the call's media stream, from 1.
    stream: i64,
    /// When the conversation began: the moments of turns count from it.
    began: Timestamp,
}

/// The name of a call's trace: the 32 digits of its CallSid, or a hash of what is no CallSid of Twilio's.
pub fn trace_id(call_sid: &str) -> [u8; 16] {
    let digits = call_sid.strip_prefix("CA").unwrap_or_default();
    match u128::from_str_radix(digits, 16) {
        Ok(id) if digits.len() == 32 && id != 0 => id.to_be_bytes(),
        _ => first_bytes(call_sid),
    }
}

/// The same in hexadecimal digits.
pub fn trace_id_text(call_sid: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(trace_id(call_sid)))
}

/// Whether a trace is among this share of all, 0 to 1: the same on every node, as OpenTelemetry's `TraceIdRatioBased`.
pub fn is_sampled(trace_id: [u8; 16], share: f64) -> bool {
    const ALL: f64 = (1_u64 << 63) as f64;
    let place = (u128::from_be_bytes(trace_id) as u64) >> 1;
    share >= 1.0 || (place as f64) < share.max(0.0) * ALL
}

fn first_bytes<const N: usize>(of: &str) -> [u8; N] {
    let hash = Sha256::digest(of);
    std::array::from_fn(|place| hash[place])
}

impl CallTrace {
    /// Of a stream, the first of its call being 1; `began` is when the whole conversation did.
    pub fn new(call_sid: &str, assistant: &str, stream: i64, began: Timestamp) -> Self {
        Self {
            call_sid: call_sid.to_owned(),
            assistant: assistant.to_owned(),
            stream,
            began,
        }
    }

    /// The stream from one moment of the conversation to another, why it ended, and whether that was its socket's breaking.
    pub fn stream(&self, (from, to): (Duration, Duration), (reason, broken): (EndReason, bool)) -> Span {
        let (name, parent) = if self.stream == 1 {
            ("call", Vec::new())
        } else {
            ("call resumed", self.stream_id(1))
        };
        let remote = if self.stream == 1 { 0 } else { PARENT_IS_REMOTE };
        let mut attributes = self.names();
        attributes.extend([
            text("call.assistant", &self.assistant),
            text("call.end", &format!("{reason:?}")),
            attribute("call.broken", Value::BoolValue(broken)),
        ]);
        Span {
            span_id: self.stream_id(self.stream),
            parent_span_id: parent,
            flags: SAMPLED | PARENT_IS_KNOWN | remote,
            name: name.to_owned(),
            kind: SpanKind::Server as i32,
            attributes,
            ..self.span(from, to)
        }
    }

    /// A turn from the caller's last sound to the first audio that was heard of its answer. The stages between are attributes,
    /// milliseconds from that last sound, and events.
    pub fn turn(&self, timing: &TurnTiming) -> Span {
        let stages = [
            ("transcribed", timing.transcribed),
            ("decided", timing.decided),
            ("first_text", timing.first_text),
            ("first_audio", timing.first_audio),
            ("first_frame", timing.first_frame),
            ("first_heard", timing.first_heard),
        ];
        let mut attributes = self.names();
        attributes.push(attribute("turn.number", Value::IntValue(i64::from(timing.turn.0))));
        let ended = timing.speech_ended.as_millis() as i64;
        attributes.extend(stages.iter().map(|(stage, at)| {
            let after = at.as_millis() as i64 - ended;
            attribute(&format!("turn.{stage}_ms"), Value::IntValue(after))
        }));
        let events = stages.iter().map(|(stage, at)| Event {
            time_unix_nano: self.nanos(*at),
            name: (*stage).to_owned(),
            ..Event::default()
        });
        Span {
            span_id: self.id(&format!("turn {}", timing.turn.0), self.stream),
            parent_span_id: self.stream_id(self.stream),
            flags: SAMPLED | PARENT_IS_KNOWN,
            name: "turn".to_owned(),
            kind: SpanKind::Internal as i32,
            attributes,
            events: events.collect(),
            ..self.span(timing.speech_ended, timing.first_heard)
        }
    }

    fn span(&self, from: Duration, to: Duration) -> Span {
        Span {
            trace_id: trace_id(&self.call_sid).to_vec(),
            start_time_unix_nano: self.nanos(from),
            end_time_unix_nano: self.nanos(to.max(from)),
            ..Span::default()
        }
    }

    fn names(&self) -> Vec<KeyValue> {
        vec![
            text("call.sid", &self.call_sid),
            attribute("call.stream", Value::IntValue(self.stream)),
        ]
    }

    fn stream_id(&self, stream: i64) -> Vec<u8> {
        self.id("stream", stream)
    }

    fn id(&self, what: &str, stream: i64) -> Vec<u8> {
        let id: [u8; 8] = first_bytes(&format!("{} {stream} {what}", self.call_sid));
        id.to_vec()
    }

    fn nanos(&self, since: Duration) -> u64 {
        let at = self.began.saturating_add(since).unwrap_or(self.began);
        u64::try_from(at.as_nanosecond()).unwrap_or_default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// Spans as they are sent.
pub fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", name), text("service.version", version)],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
