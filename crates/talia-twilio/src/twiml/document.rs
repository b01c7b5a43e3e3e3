//! Writes a document: checks what Twilio would refuse, then escapes and orders.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::{Dial, PARAMETER_LIMIT, RejectReason, Response, Stream, TwimlError, Verb};

impl Response {
    /// The document as text, its prolog first.
    pub fn to_xml(&self) -> Result<String, TwimlError> {
        for (index, verb) in self.verbs.iter().enumerate() {
            match verb {
                Verb::Reject(_) if index > 0 => return Err(TwimlError::RejectNotFirst),
                Verb::Connect(connect) => check_stream(&connect.stream)?,
                Verb::Dial(dial) if !(1..=10).contains(&dial.numbers.len()) => {
                    return Err(TwimlError::DialNumbers(dial.numbers.len()));
                }
                _ => {}
            }
        }
        let mut document = Document(Writer::new(Vec::new()));
        document.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        document.element("Response", &[], |document| {
            for verb in &self.verbs {
                document.verb(verb);
            }
        });
        let text = String::from_utf8(document.0.into_inner()).expect("only texts were written");
        if text.chars().any(is_forbidden) {
            return Err(TwimlError::ControlCharacter);
        }
        Ok(text)
    }
}

fn check_stream(stream: &Stream) -> Result<(), TwimlError> {
    let rest = stream.url.strip_prefix("wss://").ok_or(TwimlError::StreamUrl)?;
    if rest.is_empty() || rest.contains('?') {
        return Err(TwimlError::StreamUrl);
    }
    for (index, (name, value)) in stream.parameters.iter().enumerate() {
        let length = name.chars().count() + value.chars().count();
        if length >= PARAMETER_LIMIT {
            return Err(TwimlError::ParameterTooLong(length));
        }
        if name.is_empty() || stream.parameters[..index].iter().any(|(other, _)| other == name) {
            return Err(TwimlError::ParameterName);
        }
    }
    Ok(())
}

/// What no XML 1.0 document may hold, escaped or not.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

type Attribute<'a> = (&'static str, Option<&'a str>);

struct Document(Writer<Vec<u8>>);

impl Document {
    fn event(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("writing to memory can't fail");
    }

    fn element(&mut self, name: &'static str, attributes: &[Attribute<'_>], inside: impl FnOnce(&mut Self)) {
        self.event(Event::Start(start(name, attributes)));
        inside(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn empty(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.event(Event::Empty(start(name, attributes)));
    }

    fn text(&mut self, text: &str) {
        self.event(Event::Text(BytesText::new(text)));
    }

    fn verb(&mut self, verb: &Verb) {
        match verb {
            Verb::Connect(connect) => {
                let (action, method) = connect.action.as_ref().map_or((None, None), |(url, method)| {
                    (Some(url.as_str()), Some(method.as_str()))
                });
                self.element("Connect", &[("action", action), ("method", method)], |document| {
                    document.stream(&connect.stream);
                });
            }
            Verb::Redirect(url, method) => {
                self.element("Redirect", &[("method", Some(method.as_str()))], |document| {
                    document.text(url);
                });
            }
            Verb::Say(say) => {
                let attributes = [("voice", say.voice.as_deref()), ("language", say.language.as_deref())];
                self.element("Say", &attributes, |document| document.text(&say.text));
            }
            Verb::Pause(seconds) => self.empty("Pause", &[("length", Some(&seconds.to_string()))]),
            Verb::Dial(dial) => self.dial(dial),
            Verb::Hangup => self.empty("Hangup", &[]),
            Verb::Reject(reason) => {
                let reason = match reason {
                    RejectReason::Rejected => "rejected",
                    RejectReason::Busy => "busy",
                };
                self.empty("Reject", &[("reason", Some(reason))]);
            }
        }
    }

    fn stream(&mut self, stream: &Stream) {
        let callback = stream.status_callback.as_deref();
        let attributes = [
            ("url", Some(stream.url.as_str())),
            ("name", stream.name.as_deref()),
            ("statusCallback", callback),
            ("statusCallbackMethod", callback.map(|_| "POST")),
        ];
        self.element("Stream", &attributes, |document| {
            for (name, value) in &stream.parameters {
                document.empty("Parameter", &[("name", Some(name)), ("value", Some(value))]);
            }
        });
    }

    fn dial(&mut self, dial: &Dial) {
        let timeout = dial.timeout_s.map(|seconds| seconds.to_string());
        let limit = dial.time_limit_s.map(|seconds| seconds.to_string());
        let attributes = [
            ("action", dial.action.as_deref()),
            ("callerId", dial.caller_id.as_deref()),
            ("timeout", timeout.as_deref()),
            ("timeLimit", limit.as_deref()),
            ("answerOnBridge", dial.answer_on_bridge.then_some("true")),
        ];
        self.element("Dial", &attributes, |document| {
            for number in &dial.numbers {
                let callback = number.status_callback.as_deref();
                let attributes = [
                    ("url", number.url.as_deref()),
                    ("statusCallback", callback),
                    (
                        "statusCallbackEvent",
                        callback.map(|_| "initiated ringing answered completed"),
                    ),
                ];
                document.element("Number", &attributes, |document| document.text(&number.number));
            }
        });
    }
}

fn start<'a>(name: &'static str, attributes: &[Attribute<'_>]) -> BytesStart<'a> {
    let present = attributes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    BytesStart::new(name).with_attributes(present)
}
