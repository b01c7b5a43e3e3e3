//! The tools that every call has: the fields of the lead, the transfer, the end, the search.

use super::ToolSpec;
use serde_json::{Value, json};

/// A tool that every call may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mission {
    SetFullName,
    SetEmail,
    SetPhoneNumber,
    SetCompanyName,
    CloseLead,
    TransferToPerson,
    EndCall,
    SearchKnowledge,
}

impl Mission {
    pub(super) const ALL: [Self; 8] = [
        Self::SetFullName,
        Self::SetEmail,
        Self::SetPhoneNumber,
        Self::SetCompanyName,
        Self::CloseLead,
        Self::TransferToPerson,
        Self::EndCall,
        Self::SearchKnowledge,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SetFullName => "set_full_name",
            Self::SetEmail => "set_email",
            Self::SetPhoneNumber => "set_phone_number",
            Self::SetCompanyName => "set_company_name",
            Self::CloseLead => "close_lead",
            Self::TransferToPerson => "transfer_to_person",
            Self::EndCall => "end_call",
            Self::SearchKnowledge => "search_knowledge",
        }
    }

    /// How often it may be done in one call.
    pub(super) fn per_call(self) -> u32 {
        match self {
            Self::SetFullName | Self::SetEmail | Self::SetPhoneNumber | Self::SetCompanyName => 10,
            Self::CloseLead | Self::TransferToPerson => 3,
            Self::EndCall => 5,
            Self::SearchKnowledge => 40,
        }
    }

    /// As a model is told of it. `people`: the ids of those whom this assistant's callers may be handed to.
    pub(super) fn spec(self, people: &[String]) -> ToolSpec {
        let text = |longest: u32, what: &str| json!({"type": "string", "minLength": 1, "maxLength": longest, "description": what});
        let (description, properties, required) = match self {
            Self::SetFullName => (
                "Write down the caller's full name, as soon as they have said it.",
                json!({"full_name": text(200, "Given names and surnames.")}),
                vec!["full_name"],
            ),
            Self::SetEmail => (
                "Write down the caller's e-mail address. Then read it back to them in full and ask if it is right: it \
                 counts as confirmed only when they have said yes to that.",
                json!({"email": text(254, "The address, written: ana@example.com.")}),
                vec!["email"],
            ),
            Self::SetPhoneNumber => (
                "Write down the caller's telephone number. Then read it back to them in full and ask if it is right: it \
                 counts as confirmed only when they have said yes to that.",
                json!({"phone_number": text(60, "All its digits; with + and the country's code if it was said.")}),
                vec!["phone_number"],
            ),
            Self::SetCompanyName => (
                "Write down the name of the caller's company.",
                json!({"company_name": text(200, "The name.")}),
                vec!["company_name"],
            ),
            Self::CloseLead => (
                "Hand what is known of the caller to a sales person: once the e-mail or the telephone is confirmed, and \
                 before you say goodbye.",
                json!({
                    "purpose": text(600, "What the caller needs, in a few words."),
                    "notes": {"type": "string", "maxLength": 2000, "description": "What else a sales person should know."},
                }),
                vec!["purpose"],
            ),
            Self::TransferToPerson => (
                "Hand the caller to a person, when they ask for one. Say so first, in one short sentence.",
                json!({
                    "destination": {"type": "string", "enum": people, "description": "Who."},
                    "reason": {"type": "string", "maxLength": 300, "description": "Why, in a few words, for that person."},
                }),
                vec!["destination"],
            ),
            Self::EndCall => (
                "End the call, when the caller has said goodbye or needs nothing more. Say goodbye first.",
                json!({}),
                vec![],
            ),
            Self::SearchKnowledge => (
                "Look something up in what the company has written down. Use it before you say that you don't know.",
                json!({"query": text(300, "What to look for, in the caller's language.")}),
                vec!["query"],
            ),
        };
        ToolSpec {
            name: self.name().to_owned(),
            description: description.to_owned(),
            parameters: json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            }),
        }
    }
}

/// A text argument; empty when it isn't there.
pub(super) fn text<'a>(arguments: &'a serde_json::Map<String, Value>, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}
