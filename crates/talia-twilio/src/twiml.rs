//! TwiML: the documents that tell Twilio what to do with a call. Written only, never read.
//!
//! Source: Twilio's "TwiML for Programmable Voice".

use std::num::NonZeroU32;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

/// Name and value of a `<Parameter>` together must be shorter than this, in characters.
pub const PARAMETER_LIMIT: usize = 500;
/// The content type that Twilio demands of every document.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Why Twilio would not take the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwimlError {
    /// Name and value have [`PARAMETER_LIMIT`] characters or more.
    #[error("a stream parameter has {0} characters, too many")]
    ParameterTooLong(usize),
    /// A `<Parameter>` without a name, or two of the same.
    #[error("a stream parameter has no name of its own")]
    ParameterName,
    /// A stream's URL must begin with `wss://` and can't have a query, which Twilio would strip.
    #[error("a stream's URL must be wss:// without a query")]
    StreamUrl,
    /// `<Reject>` must be the first verb.
    #[error("Reject must be the first verb")]
    RejectNotFirst,
    /// A `<Dial>` without a number or with more than ten.
    #[error("Dial needs one to ten numbers, not {0}")]
    DialNumbers(usize),
    /// A control character that XML can't carry.
    #[error("a text holds a control character")]
    ControlCharacter,
}

/// The method of a request that Twilio makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Fields in the body.
    Post,
    /// Fields in the query.
    Get,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
        }
    }
}

/// A two-way media stream; the call stays in it until the stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Asked for the next document when the stream ends; without it the next verb follows.
    pub action: Option<(String, Method)>,
    /// The stream.
    pub stream: Stream,
}

/// Where the media go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream {
    /// `wss://…` without a query.
    pub url: String,
    /// Unique within the call.
    pub name: Option<String>,
    /// Told when the stream starts, stops or breaks; absolute.
    pub status_callback: Option<String>,
    /// Handed to the server in `start`, in this order.
    pub parameters: Vec<(String, String)>,
}

/// A sentence spoken by Twilio itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Say {
    /// `Polly.Mia-Neural`, …; Twilio's own choice when absent.
    pub voice: Option<String>,
    /// `es-MX`, …
    pub language: Option<String>,
    /// The words.
    pub text: String,
}

/// A call to somebody else, joined with this one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dial {
    /// Asked for the next document when the dialled leg ends.
    pub action: Option<String>,
    /// The number that the called person sees.
    pub caller_id: Option<String>,
    /// How long it may ring, in seconds (Twilio's default is 30).
    pub timeout_s: Option<NonZeroU32>,
    /// How long the joined call may last, in seconds (Twilio's default is 14400).
    pub time_limit_s: Option<NonZeroU32>,
    /// Keeps the caller's leg unanswered until the other side answers.
    pub answer_on_bridge: bool,
    /// One to ten numbers, dialled at once; the first that answers wins.
    pub numbers: Vec<Number>,
}

/// A number to dial.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Number {
    /// E.164.
    pub number: String,
    /// Asked for a document that the called person alone hears before the legs are joined.
    pub url: Option<String>,
    /// Told of the leg's progress: initiated, ringing, answered, completed.
    pub status_callback: Option<String>,
}

/// Why a call is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// The caller hears that the number is not in service.
    Rejected,
    /// The caller hears the busy tone.
    Busy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verb {
    Connect(Connect),
    Redirect(String, Method),
    Say(Say),
    Pause(NonZeroU32),
    Dial(Dial),
    Hangup,
    Reject(RejectReason),
}

/// A document: verbs, done one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    verbs: Vec<Verb>,
}

impl Response {
    /// An empty document; Twilio hangs up at its end.
    pub fn new() -> Self {
        Self::default()
    }

    fn then(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    /// Joins the call to a media stream.
    #[must_use]
    pub fn connect(self, connect: Connect) -> Self {
        self.then(Verb::Connect(connect))
    }

    /// Goes on with another document.
    #[must_use]
    pub fn redirect(self, url: impl Into<String>, method: Method) -> Self {
        self.then(Verb::Redirect(url.into(), method))
    }

    /// Speaks.
    #[must_use]
    pub fn say(self, say: Say) -> Self {
        self.then(Verb::Say(say))
    }

    /// Waits, in seconds.
    #[must_use]
    pub fn pause(self, seconds: NonZeroU32) -> Self {
        self.then(Verb::Pause(seconds))
    }

    /// Calls somebody else.
    #[must_use]
    pub fn dial(self, dial: Dial) -> Self {
        self.then(Verb::Dial(dial))
    }

    /// Ends the call.
    #[must_use]
    pub fn hangup(self) -> Self {
        self.then(Verb::Hangup)
    }

    /// Doesn't answer the call; isn't billed. Must be the first verb.
    #[must_use]
    pub fn reject(self, reason: RejectReason) -> Self {
        self.then(Verb::Reject(reason))
    }

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
