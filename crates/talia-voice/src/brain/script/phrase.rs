//! A phrase of an assistant: one text, or one for *tú* and one for *usted*, with gaps to fill.

use serde::Deserialize;

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Phrase {
    /// The same for everybody.
    Plain(String),
    /// By how the caller wants to be addressed.
    Addressed { tu: String, usted: String },
}

/// Gaps that a phrase may have.
pub(super) const GAPS: [&str; 9] = [
    "assistant",
    "business",
    "notice",
    "name",
    "full_name",
    "email",
    "phone",
    "company",
    "need",
];

impl Phrase {
    /// The text for this form of address.
    pub fn text(&self, usted: bool) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Addressed { tu, usted: formal } => {
                if usted {
                    formal
                } else {
                    tu
                }
            }
        }
    }

    /// Both texts, for checks and for synthesis ahead of time.
    pub fn variants(&self) -> Vec<&str> {
        match self {
            Self::Plain(text) => vec![text],
            Self::Addressed { tu, usted } if tu == usted => vec![tu],
            Self::Addressed { tu, usted } => vec![tu, usted],
        }
    }
}

/// The gaps of a text, in order; an opening brace without its end counts as a gap of an impossible name.
pub(super) fn gaps(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        let Some(close) = inside.find('}') else {
            found.push("{");
            break;
        };
        found.push(&inside[..close]);
        rest = &inside[close + 1..];
    }
    found
}

/// Fills the gaps of a text; `None` when a value is missing (the phrase can't be said then).
pub(super) fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let close = open + rest[open..].find('}')?;
        filled.push_str(value(&rest[open + 1..close])?);
        rest = &rest[close + 1..];
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_found_and_filled() {
        assert_eq!(gaps("Hola {name}, de {company}."), ["name", "company"]);
        assert_eq!(gaps("roto {"), ["{"]);
        let value = |gap: &str| (gap == "name").then_some("Ana");
        assert_eq!(
            fill("Mucho gusto, {name}.", value).as_deref(),
            Some("Mucho gusto, Ana.")
        );
        assert_eq!(fill("{company}, anotado.", value), None);
    }
}
