//! The document that tells programs of the API, as the judge of every answer that a test of a server gets.

use super::Answer;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// `docs/openapi.json`.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let text = include_str!("../../../../../docs/openapi.json");
        serde_json::from_str(text).expect("JSON")
    })
}

/// Whether a path is this one, with something in the place of each part in braces.
fn is_path(template: &str, path: &str) -> bool {
    let (mut wanted, mut parts) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || (name.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

/// What the document says of a method and path; none of what isn't the API's.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = document()["paths"].as_object()?;
    // What is named literally goes before what is named by its place.
    let exact = paths.get(path);
    let found = exact.or_else(|| {
        paths
            .iter()
            .find(|(template, _)| is_path(template, path))
            .map(|(_, item)| item)
    });
    found?.get(method.to_lowercase())
}

/// Fails when the API answers what the document doesn't know.
pub(crate) fn judge((method, target): (&str, &str), answer: &Answer) {
    let path = target.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else {
        return;
    };
    let Some(response) = operation["responses"].get(answer.status.to_string()) else {
        panic!(
            "{method} {path}: the document doesn't know {}: {answer:?}",
            answer.status
        );
    };
    let response = resolved(response);
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        assert_eq!(answer.body, "", "{method} {path}: the document knows of no body");
        return;
    };
    let said = answer.head.lines().find_map(|line| line.strip_prefix("content-type: "));
    let said = said.unwrap_or_else(|| panic!("{method} {path}: a body of no kind: {answer:?}"));
    let Some(kind) = content.get(said) else {
        panic!("{method} {path}: the document doesn't know {said}");
    };
    if said.ends_with("json") {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        let faults = faults(&kind["schema"], &body);
        assert!(faults.is_empty(), "{method} {path}: {faults:?} in {}", answer.body);
    }
}

/// What a reference stands for.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(place) => document()
            .pointer(place.trim_start_matches('#'))
            .expect("what it names"),
        None => value,
    }
}

/// Why a value doesn't fit a schema of the document.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let whole = json!({"allOf": [schema], "components": document()["components"]});
    let options = jsonschema::options().should_validate_formats(true);
    let judge = options.build(&whole).expect("a schema");
    judge.iter_errors(value).map(|error| error.to_string()).collect()
}
