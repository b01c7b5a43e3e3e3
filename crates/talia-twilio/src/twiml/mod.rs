//! TwiML: the documents that tell Twilio what to do with a call. Written only, never read.
//!
//! Source: Twilio's "TwiML for Programmable Voice".

mod document;

use std::num::NonZeroU32;

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
}
