//! Arguments against their JSON Schema, and wishes by what they say: the same arguments in another order are the same.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Bytes of arguments: more is no wish of a conversation.
pub(super) const LONGEST: usize = 8 * 1024;
/// Characters of an explanation to the model.
const LONGEST_REASON: usize = 300;

/// Why arguments aren't taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadArguments {
    TooLong,
    NotJson,
    /// They don't fit the schema; says where and how, for the model.
    Unfit(String),
}

/// A compiled schema. References to other documents are not followed: nothing is fetched.
pub(super) struct Schema(Validator);

impl std::fmt::Debug for Schema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Schema")
    }
}

impl Schema {
    /// Compiles a schema that [`strict`] has made. Patterns run in linear time, whoever wrote them.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .build(schema)
            .map(Self)
            .map_err(|error| super::lead::shortened(&error.to_string(), LONGEST_REASON))
    }

    /// Reads arguments as a model wrote them. An empty text is no arguments.
    pub(super) fn read(&self, text: &str) -> Result<Map<String, Value>, BadArguments> {
        if text.len() > LONGEST {
            return Err(BadArguments::TooLong);
        }
        let text = if text.trim().is_empty() { "{}" } else { text };
        let value: Value = serde_json::from_str(text).map_err(|_| BadArguments::NotJson)?;
        if let Err(error) = self.0.validate(&value) {
            let place = error.instance_path().to_string();
            let reason = super::lead::shortened(&error.to_string(), LONGEST_REASON);
            return Err(BadArguments::Unfit(format!("{place} {reason}").trim().to_owned()));
        }
        match value {
            Value::Object(arguments) => Ok(arguments),
            _ => Err(BadArguments::NotJson),
        }
    }
}

/// The schema of an object without further properties; `None` when it is one of something else.
pub(super) fn strict(schema: Value) -> Option<Value> {
    let Value::Object(mut schema) = schema else { return None };
    match schema.get("type") {
        None => {
            schema.insert("type".to_owned(), "object".into());
        }
        Some(kind) if kind == "object" => {}
        Some(_) => return None,
    }
    schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    schema.insert("additionalProperties".to_owned(), false.into());
    Some(Value::Object(schema))
}

/// Names a wish by what it says. JSON objects are sorted by key, so that the order of arguments doesn't matter.
pub(super) fn wish(name: &str, arguments: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(sorted(&Value::Object(arguments.clone())).to_string().as_bytes());
    let figures = |byte: &u8| [byte >> 4, byte & 15].map(|figure| char::from_digit(figure.into(), 16).unwrap_or('0'));
    hash.finalize().iter().flat_map(figures).collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::String(text) => Value::String(text.trim().to_owned()),
        other => other.clone(),
    }
}
