//! `<Dial>` and its nouns. Source: Twilio's pages "TwiML Voice: Dial", "Number", "Client", "Sip".

use roxmltree::Node;

use super::{Target, target, words};
use crate::webhook::Method;

/// Nouns that ring at the same time, at most.
const MAX_NOUNS: usize = 10;
/// How long it rings, in seconds, and how long it may last.
const TIMEOUT_S: u64 = 30;
const TIME_LIMIT_S: u64 = 14_400;

/// A `<Dial>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// What is requested afterwards; none: the next verb runs.
    pub action: Option<Target>,
    /// How long it rings, in seconds.
    pub timeout_s: u64,
    /// How long it may last from the answer, in seconds.
    pub time_limit_s: u64,
    /// Who is shown as the caller; none: the caller.
    pub caller_id: Option<String>,
    /// Whether the caller's `*` ends it.
    pub hangup_on_star: bool,
    /// Who is rung, all at once; the first to answer is joined.
    pub nouns: Vec<DialNoun>,
}

/// Whom a `<Dial>` rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialNoun {
    /// A number, `client:NAME` or `sip:…`: also the name under which a carrier's people are found.
    pub to: String,
    /// Whether it is a telephone number.
    pub is_number: bool,
    /// The document that is executed to the person alone, before the two are joined.
    pub whisper: Option<Target>,
    /// Where the progress of this leg goes.
    pub status_callback: Option<Target>,
    /// Which of `initiated`, `ringing`, `answered`, `completed` are told; none: `completed`.
    pub status_events: Vec<String>,
}

pub(super) fn dial(node: Node<'_, '_>) -> Result<Dial, String> {
    let seconds = |name, default| {
        let text = node.attribute(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    let nouns = if children.is_empty() {
        vec![DialNoun {
            to: words(node),
            is_number: true,
            whisper: None,
            status_callback: None,
            status_events: Vec::new(),
        }]
    } else {
        children.into_iter().map(noun).collect::<Result<_, _>>()?
    };
    if nouns.len() > MAX_NOUNS {
        return Err(format!("a <Dial> with more than {MAX_NOUNS} nouns"));
    }
    Ok(Dial {
        action: target(node, "action", "method"),
        timeout_s: seconds("timeout", TIMEOUT_S),
        time_limit_s: seconds("timeLimit", TIME_LIMIT_S),
        caller_id: node.attribute("callerId").map(str::to_owned),
        hangup_on_star: node.attribute("hangupOnStar") == Some("true"),
        nouns,
    })
}

fn noun(node: Node<'_, '_>) -> Result<DialNoun, String> {
    let kind = node.tag_name().name();
    let to = match kind {
        "Number" | "Sip" => words(node),
        "Client" => {
            let identity = node.children().find(|child| child.has_tag_name("Identity"));
            format!("client:{}", words(identity.unwrap_or(node)))
        }
        other => return Err(format!("<Dial><{other}> isn't executed")),
    };
    let events = node.attribute("statusCallbackEvent").unwrap_or_default();
    Ok(DialNoun {
        to,
        is_number: kind == "Number",
        whisper: target(node, "url", "method"),
        status_callback: node.attribute("statusCallback").map(|url| Target {
            url: url.to_owned(),
            method: Method::parse(node.attribute("statusCallbackMethod")),
        }),
        status_events: events.split_whitespace().map(str::to_owned).collect(),
    })
}
