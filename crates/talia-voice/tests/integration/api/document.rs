//! `docs/openapi.json`: nothing of the API is missing in it, and nothing in it is missing in the API. That answers are what it
//! says is judged wherever a test asks a server (`harness/api_document.rs`).

use crate::harness::{TestServer, document, faults};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use talia_voice::api::routes;
use talia_voice::clock::Clock;
use talia_voice::config::Scope;
use talia_voice::dialing::Denial;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Operations by method and path.
fn operations() -> BTreeMap<(String, String), &'static Value> {
    let mut all = BTreeMap::new();
    for (path, item) in document()["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(METHODS.contains(&method.as_str()), "{method} of {path} is no operation");
            all.insert((method.to_uppercase(), path.clone()), operation);
        }
    }
    all
}

/// What a reference stands for.
fn resolved(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, |place| {
        let found = document().pointer(place.trim_start_matches('#'));
        found.unwrap_or_else(|| panic!("{place} names nothing"))
    })
}

#[test]
fn it_has_every_route_with_its_scope_and_no_other() {
    let routed: BTreeMap<_, _> = routes()
        .iter()
        .map(|route| ((route.method.to_owned(), route.path.to_owned()), route.scope))
        .collect();
    let told = operations();
    let keys: [BTreeSet<_>; 2] = [told.keys().collect(), routed.keys().collect()];
    assert_eq!(keys[0], keys[1], "docs/openapi.json is stale");
    let mut ids = BTreeSet::new();
    for (route, operation) in told {
        let scopes: Vec<&str> = routed[&route].map(Scope::word).into_iter().collect();
        assert_eq!(operation["security"], json!([{"key": scopes}]), "{route:?}");
        let answers = operation["responses"].as_object().expect("answers");
        assert!(answers.contains_key("401"), "{route:?}");
        assert_eq!(answers.contains_key("403"), !scopes.is_empty(), "{route:?}");
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{id} is there twice");
        // Each part of the path in braces is told of.
        let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolved);
        let named: BTreeSet<&str> = parameters
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let parts = route
            .1
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named, parts.collect(), "{route:?}");
    }
    assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// The words of all refusals of an operation.
fn reasons(method: &str, path: &str) -> BTreeSet<&'static str> {
    let operation = operations()[&(method.to_owned(), path.to_owned())];
    let answers = operation["responses"].as_object().expect("answers").values();
    let enums = answers.filter_map(|answer| {
        resolved(answer).pointer("/content/application~1problem+json/schema/allOf/1/properties/reason/enum")
    });
    enums
        .flat_map(|words| words.as_array().expect("words"))
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn it_tells_every_word_for_which_a_call_out_is_denied() {
    let told = reasons("POST", "/api/voice/calls");
    for denial in Denial::ALL {
        assert!(told.contains(denial.as_str()), "{} is missing", denial.as_str());
    }
}

/// Each filter that a list knows is told of, and each that is told of is known.
#[tokio::test]
async fn it_tells_every_filter() {
    let server = TestServer::start_with(&[], Clock::real()).await;
    let mut lists = 0;
    for ((method, path), operation) in operations() {
        if method != "GET" || operation["responses"]["400"].is_null() || path == "/api/voice/events" {
            continue;
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolved);
        let told: BTreeSet<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let answer = server
            .get(&format!("{}?unknown=1", path.replace("{call_sid}", "CA1")), &[])
            .await;
        let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
        let detail = problem["detail"].as_str().expect("what it knows");
        let names = detail.split_once(": ").expect("names").1;
        let known: BTreeSet<&str> = names.split(", ").filter(|name| *name != "nothing").collect();
        assert_eq!(told, known, "{path}");
        lists += 1;
    }
    assert_eq!(lists, 5);
}

/// Its examples are what it says itself.
#[test]
fn its_examples_fit_its_schemas() {
    fn look(value: &Value, seen: &mut usize) {
        if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
            let faults = faults(schema, example);
            assert!(faults.is_empty(), "{faults:?} in {example}");
            *seen += 1;
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| look(value, seen)),
            Value::Array(values) => values.iter().for_each(|value| look(value, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    look(document(), &mut seen);
    assert!(seen > 30, "only {seen} examples");
    // The judge can tell.
    let call = json!({"$ref": "#/components/schemas/Call"});
    assert!(!faults(&call, &json!({"call_sid": "CA1"})).is_empty());
}

/// Every reference leads somewhere, and nothing is there that nobody refers to.
#[test]
fn its_parts_are_used_and_there() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    references(document(), &mut found);
    let mut parts = BTreeSet::new();
    for kind in ["schemas", "responses", "parameters"] {
        let names = document()["components"][kind].as_object().expect("parts").keys();
        parts.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(found, parts.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn it_is_served_as_it_is_kept() {
    let server = TestServer::start().await;
    let answer = server.get("/api/openapi.json", &[]).await;
    assert_eq!(answer.status, 200);
    let served: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(&served, document());
    assert_eq!(served["openapi"], "3.1.0");
}
