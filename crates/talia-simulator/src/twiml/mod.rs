//! Reads a server's TwiML as Twilio does: content type, prolog, verbs, and the codes of what is wrong.
//!
//! Source: Twilio's pages "TwiML for Programmable Voice" and the error pages 12100, 12200 and 12300.

mod dial;
mod gather;

use roxmltree::{Document as Xml, Node};
use talia_twilio::error_codes::{DOCUMENT_PARSE_FAILURE, INVALID_CONTENT_TYPE, SCHEMA_VALIDATION_WARNING};

pub use self::{
    dial::{Dial, DialNoun},
    gather::Gather,
};
use crate::webhook::Method;

/// Where a verb goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As written: may be relative.
    pub url: String,
    /// How it is requested.
    pub method: Method,
}

/// A `<Stream>` of a `<Connect>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamNoun {
    /// As written.
    pub url: String,
    /// Its name.
    pub name: Option<String>,
    /// Its track; only `inbound_track` is allowed.
    pub track: Option<String>,
    /// Where its callbacks go.
    pub status_callback: Option<String>,
    /// How they are sent.
    pub status_method: Method,
    /// The `<Parameter>`s, in order.
    pub parameters: Vec<(String, String)>,
}

/// Verbs that the carrier executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Joins the call to a media socket.
    Connect {
        /// What is requested when the stream is over.
        action: Option<Target>,
        /// The stream.
        stream: StreamNoun,
    },
    /// Twilio's own voice.
    Say {
        /// The words.
        text: String,
        /// The voice that the document asks for.
        voice: Option<String>,
        /// How often; `u32::MAX` for ever.
        times: u32,
    },
    /// A recording.
    Play {
        /// Where it is; empty when digits are played.
        url: String,
        /// Tones of keys, with `w` for half a second.
        digits: String,
        /// How often; `u32::MAX` for ever.
        times: u32,
    },
    /// Waits for keys.
    Gather(Box<Gather>),
    /// Silence.
    Pause {
        /// In seconds.
        length_s: u64,
    },
    /// Another document.
    Redirect(Target),
    /// The end.
    Hangup,
    /// Refuses the call; only as first verb.
    Reject {
        /// `busy` or `rejected`.
        reason: String,
    },
    /// Calls somebody.
    Dial(Box<Dial>),
}

impl Verb {
    /// The verb's name in TwiML.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "Connect",
            Self::Say { .. } => "Say",
            Self::Play { .. } => "Play",
            Self::Gather(_) => "Gather",
            Self::Pause { .. } => "Pause",
            Self::Redirect(_) => "Redirect",
            Self::Hangup => "Hangup",
            Self::Reject { .. } => "Reject",
            Self::Dial(_) => "Dial",
        }
    }
}

/// A document that Twilio would execute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// In order.
    pub verbs: Vec<Verb>,
    /// What Twilio would warn of (12200): unknown verbs, which are skipped.
    pub warnings: Vec<String>,
    /// The URL it came from.
    pub url: String,
}

/// A document that Twilio would not execute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct TwimlFault {
    /// Twilio's error code.
    pub code: u16,
    /// What is wrong.
    pub detail: String,
}

/// The code of [`Document::warnings`].
pub const WARNING: u16 = SCHEMA_VALIDATION_WARNING;

/// Checks the content type of an answer.
pub fn check_content_type(content_type: Option<&str>) -> Result<(), TwimlFault> {
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if ["text/xml", "application/xml"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    Err(TwimlFault {
        code: INVALID_CONTENT_TYPE,
        detail: format!("content type {content_type:?}"),
    })
}

/// Reads a document that came from `url`.
pub fn parse(body: &[u8], url: &str) -> Result<Document, TwimlFault> {
    let text = std::str::from_utf8(body).map_err(|_| bad("no UTF-8"))?;
    if text.starts_with('\u{feff}') || text.starts_with(char::is_whitespace) {
        return Err(bad("something stands before the XML prolog"));
    }
    let xml = Xml::parse(text).map_err(|error| bad(&error.to_string()))?;
    let root = xml.root_element();
    if root.tag_name().name() != "Response" {
        return Err(bad("the root element isn't <Response>"));
    }
    let mut document = Document {
        url: url.to_owned(),
        ..Document::default()
    };
    if !text.starts_with("<?xml") {
        document.warnings.push("the XML prolog is missing".to_owned());
    }
    for node in root.children() {
        if node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()) {
            document.warnings.push("text between the verbs".to_owned());
        }
        if node.is_element() {
            match verb(node) {
                Ok(verb) => document.verbs.push(verb),
                Err(warning) => document.warnings.push(warning),
            }
        }
    }
    Ok(document)
}

fn bad(detail: &str) -> TwimlFault {
    TwimlFault {
        code: DOCUMENT_PARSE_FAILURE,
        detail: detail.to_owned(),
    }
}

fn verb(node: Node<'_, '_>) -> Result<Verb, String> {
    let attribute = |name| node.attribute(name).map(str::to_owned);
    Ok(match node.tag_name().name() {
        "Connect" => Verb::Connect {
            action: target(node, "action", "method"),
            stream: stream(node)?,
        },
        "Say" => Verb::Say {
            text: words(node),
            voice: attribute("voice"),
            times: times(node),
        },
        "Play" => Verb::Play {
            url: words(node),
            digits: attribute("digits").unwrap_or_default(),
            times: times(node),
        },
        "Gather" => Verb::Gather(Box::new(gather::gather(node)?)),
        "Pause" => Verb::Pause {
            length_s: node
                .attribute("length")
                .and_then(|length| length.parse().ok())
                .unwrap_or(1),
        },
        "Redirect" => Verb::Redirect(Target {
            url: words(node),
            method: Method::parse(node.attribute("method")),
        }),
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject {
            reason: attribute("reason").unwrap_or_else(|| "rejected".to_owned()),
        },
        "Dial" => Verb::Dial(Box::new(dial::dial(node)?)),
        other => return Err(format!("<{other}> isn't executed")),
    })
}

fn stream(connect: Node<'_, '_>) -> Result<StreamNoun, String> {
    let node = connect
        .children()
        .find(Node::is_element)
        .filter(|node| node.has_tag_name("Stream"))
        .ok_or("a <Connect> without <Stream>")?;
    let attribute = |name| node.attribute(name).map(str::to_owned);
    let parameters = node
        .children()
        .filter(|child| child.has_tag_name("Parameter"))
        .filter_map(|child| {
            Some((
                child.attribute("name")?.to_owned(),
                child.attribute("value")?.to_owned(),
            ))
        })
        .collect();
    Ok(StreamNoun {
        url: attribute("url").ok_or("a <Stream> without url")?,
        name: attribute("name"),
        track: attribute("track"),
        status_callback: attribute("statusCallback"),
        status_method: Method::parse(node.attribute("statusCallbackMethod")),
        parameters,
    })
}

/// A URL with the method that stands beside it.
fn target(node: Node<'_, '_>, url: &str, method: &str) -> Option<Target> {
    Some(Target {
        url: node.attribute(url)?.to_owned(),
        method: Method::parse(node.attribute(method)),
    })
}

/// `loop`: once without it, for ever at 0.
fn times(node: Node<'_, '_>) -> u32 {
    match node.attribute("loop").and_then(|text| text.parse().ok()) {
        None => 1,
        Some(0) => u32::MAX,
        Some(times) => times,
    }
}

/// All text inside an element, without SSML tags.
fn words(node: Node<'_, '_>) -> String {
    let pieces: Vec<&str> = node
        .descendants()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect();
    pieces.concat().trim().to_owned()
}

/// Where a URL of a document leads: absolute ones stay byte for byte, because they are signed so.
pub fn resolve(base: &str, url: &str) -> String {
    if url.is_empty() {
        return base.to_owned();
    }
    if url.contains("://") {
        return url.to_owned();
    }
    let joined = reqwest::Url::parse(base).and_then(|base| base.join(url));
    joined.map_or_else(|_| url.to_owned(), String::from)
}

impl Target {
    /// The same, seen from the document that holds it.
    #[must_use]
    pub fn from(&self, base: &str) -> Self {
        Self {
            url: resolve(base, &self.url),
            method: self.method,
        }
    }
}
