//! `<Gather>`: keys, and what is said while they are awaited. Source: Twilio's page "TwiML Voice: Gather".

use roxmltree::Node;

use super::{Target, Verb, target};

/// How long it waits for the next key, in seconds.
const TIMEOUT_S: u64 = 5;

/// A `<Gather>`; speech isn't understood, only keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// What is requested with the digits; none: the document's own URL.
    pub action: Option<Target>,
    /// Whether keys are input at all.
    pub keys: bool,
    /// How many digits end it.
    pub num_digits: Option<usize>,
    /// The key that ends it; it is no digit.
    pub finish_on_key: Option<char>,
    /// How long it waits for the next key, in seconds.
    pub timeout_s: u64,
    /// Whether the action is requested without digits too.
    pub action_on_empty: bool,
    /// `<Say>`, `<Play>` and `<Pause>`; a key cuts them short.
    pub verbs: Vec<Verb>,
}

pub(super) fn gather(node: Node<'_, '_>) -> Result<Gather, String> {
    let input = node.attribute("input").unwrap_or("dtmf");
    let mut verbs = Vec::new();
    for child in node.children().filter(Node::is_element) {
        match super::verb(child)? {
            verb @ (Verb::Say { .. } | Verb::Play { .. } | Verb::Pause { .. }) => verbs.push(verb),
            other => return Err(format!("<{}> inside <Gather>", other.name())),
        }
    }
    Ok(Gather {
        action: target(node, "action", "method"),
        keys: input.split_whitespace().any(|word| word == "dtmf"),
        num_digits: node.attribute("numDigits").and_then(|number| number.parse().ok()),
        finish_on_key: node.attribute("finishOnKey").unwrap_or("#").chars().next(),
        timeout_s: node
            .attribute("timeout")
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(TIMEOUT_S),
        action_on_empty: node.attribute("actionOnEmptyResult") == Some("true"),
        verbs,
    })
}
