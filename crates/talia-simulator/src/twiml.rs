//! Reads a server's TwiML as Twilio does: content type, prolog, verbs, and the codes of what is wrong.
//!
//! Source: Twilio's pages "TwiML for Programmable Voice" and the error pages 12100, 12200 and 12300.

use roxmltree::{Document as Xml, Node};
use talia_twilio::error_codes::{DOCUMENT_PARSE_FAILURE, INVALID_CONTENT_TYPE, SCHEMA_VALIDATION_WARNING};

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
    },
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
    Dial {
        /// What is requested afterwards.
        action: Option<Target>,
        /// Who, in whatever form.
        to: Vec<String>,
    },
}

impl Verb {
    /// The verb's name in TwiML.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "Connect",
            Self::Say { .. } => "Say",
            Self::Pause { .. } => "Pause",
            Self::Redirect(_) => "Redirect",
            Self::Hangup => "Hangup",
            Self::Reject { .. } => "Reject",
            Self::Dial { .. } => "Dial",
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
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if ["text/xml", "application/xml"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
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
    let action = || {
        Some(Target {
            url: attribute("action")?,
            method: Method::parse(node.attribute("method")),
        })
    };
    Ok(match node.tag_name().name() {
        "Connect" => Verb::Connect {
            action: action(),
            stream: stream(node)?,
        },
        "Say" => Verb::Say { text: words(node) },
        "Pause" => Verb::Pause {
            length_s: node.attribute("length").and_then(|length| length.parse().ok()).unwrap_or(1),
        },
        "Redirect" => Verb::Redirect(Target {
            url: words(node),
            method: Method::parse(node.attribute("method")),
        }),
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject {
            reason: attribute("reason").unwrap_or_else(|| "rejected".to_owned()),
        },
        "Dial" => Verb::Dial {
            action: action(),
            to: numbers(node),
        },
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
        .filter_map(|child| Some((child.attribute("name")?.to_owned(), child.attribute("value")?.to_owned())))
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

fn numbers(dial: Node<'_, '_>) -> Vec<String> {
    let nouns: Vec<String> = dial.children().filter(Node::is_element).map(words).collect();
    if nouns.is_empty() { vec![words(dial)] } else { nouns }
}

/// All text inside an element, without SSML tags.
fn words(node: Node<'_, '_>) -> String {
    let pieces: Vec<&str> = node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
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
