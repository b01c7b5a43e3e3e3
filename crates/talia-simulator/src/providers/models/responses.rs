//! `OpenAI`'s Responses and Conversations, streamed: checks each request as the real service does.
//!
//! Shapes: the types of the official `openai` package, 3.57. An answer and its input are added to the conversation when the
//! answer is complete; who leaves before adds nothing.

use super::chat_completions::{check_tools, models, serve};
use super::thinking::{Mind, Part, Wire, tokens};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io;
use tokio::task::JoinHandle;

/// Fields that a request may have.
const FIELDS: [&str; 19] = [
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "text",
    "tool_choice",
    "tools",
];
/// Items that may be added to a conversation at a time.
const MOST_ITEMS: usize = 20;

/// A running service with hosted prompts and conversations.
#[derive(Debug)]
pub struct Responses {
    /// What it answers, and how it fails.
    pub mind: Mind,
    url: String,
    task: JoinHandle<()>,
}

impl Responses {
    /// Serves whoever has this key.
    pub async fn start(key: &str) -> io::Result<Self> {
        let mind = Mind::new(key);
        let router = Router::new()
            .route("/v1/responses", post(respond))
            .route("/v1/conversations", post(converse))
            .route("/v1/conversations/{id}/items", post(add_items))
            .route("/v1/models", get(models))
            .with_state(mind.clone());
        let (url, task) = serve(router).await?;
        Ok(Self { mind, url, task })
    }

    /// The account's address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Responses {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the error is the answer that axum sends as it is"
)]
fn read(mind: &Mind, headers: &HeaderMap, body: &str) -> Result<Value, Response> {
    if !mind.knows(headers) {
        return Err(mind.refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "wrong key"));
    }
    serde_json::from_str(body).map_err(|error| mind.refuse(StatusCode::BAD_REQUEST, "invalid_json", &error.to_string()))
}

async fn converse(State(mind): State<Mind>, headers: HeaderMap, body: String) -> Response {
    let body = match read(&mind, &headers, &body) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    mind.asked_for_conversation(&body);
    let known = ["items", "metadata"];
    let unknown = body
        .as_object()
        .into_iter()
        .flatten()
        .find(|(field, _)| !known.contains(&field.as_str()));
    if let Some((field, _)) = unknown {
        return mind.refuse(
            StatusCode::BAD_REQUEST,
            "unknown_parameter",
            &format!("Unknown parameter: '{field}'"),
        );
    }
    match items_of(&body) {
        Ok(items) => {
            let id = mind.open_conversation(items);
            Json(json!({"id": id, "object": "conversation", "created_at": 1_790_000_000, "metadata": {}}))
                .into_response()
        }
        Err(why) => mind.refuse(StatusCode::BAD_REQUEST, "invalid_value", &why),
    }
}

async fn add_items(State(mind): State<Mind>, Path(id): Path<String>, headers: HeaderMap, body: String) -> Response {
    let items = match read(&mind, &headers, &body).map(|body| items_of(&body)) {
        Ok(Ok(items)) => items,
        Ok(Err(why)) => return mind.refuse(StatusCode::BAD_REQUEST, "invalid_value", &why),
        Err(refusal) => return refusal,
    };
    if mind.add_to(&id, items.clone()) {
        let data: Vec<_> = items.iter().enumerate().map(listed).collect();
        let id = |item: Option<&Value>| item.map_or(json!(""), |item| item["id"].clone());
        let (first, last) = (id(data.first()), id(data.last()));
        Json(json!({
            "object": "list", "data": data, "first_id": first, "last_id": last, "has_more": false,
        }))
        .into_response()
    } else {
        mind.refuse(StatusCode::NOT_FOUND, "not_found", "Conversation not found")
    }
}

/// An item as a list of a conversation shows it.
fn listed((place, item): (usize, &Value)) -> Value {
    let mut item = item.clone();
    item["id"] = json!(format!("item_{place}"));
    item["status"] = json!("completed");
    if let Some(text) = item["content"].as_str() {
        let kind = if item["role"] == "assistant" {
            "output_text"
        } else {
            "input_text"
        };
        let mut part = json!({"type": kind, "text": text});
        if kind == "output_text" {
            part["annotations"] = json!([]);
            part["logprobs"] = json!([]);
        }
        item["content"] = json!([part]);
    }
    item
}

fn items_of(body: &Value) -> Result<Vec<Value>, String> {
    let items = body["items"].as_array().cloned().unwrap_or_default();
    if items.len() > MOST_ITEMS {
        return Err(format!("{} items at a time", items.len()));
    }
    items.iter().try_for_each(check_item)?;
    Ok(items)
}

async fn respond(State(mind): State<Mind>, headers: HeaderMap, body: String) -> Response {
    let body = match read(&mind, &headers, &body) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    mind.asked(&body);
    let conversation = body["conversation"]
        .as_str()
        .or_else(|| body["conversation"]["id"].as_str());
    let conversation = conversation.map(str::to_owned);
    let before = match conversation.as_deref().map(|id| mind.conversation(id)) {
        Some(None) => return mind.refuse(StatusCode::NOT_FOUND, "not_found", "Conversation not found"),
        Some(Some(items)) => items,
        None => Vec::new(),
    };
    let input = match check(&body, &before) {
        Ok(input) => input,
        Err(why) => return mind.refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &why),
    };
    let fault = mind.next_fault();
    if let Some(response) = mind.fails_at_once(fault.as_ref()).await {
        return response;
    }
    if let Some(id) = &conversation
        && mind.lock_conversation(id) == Some(false)
    {
        let why = "Another process is currently operating on this conversation";
        return mind.refuse(StatusCode::CONFLICT, "conversation_locked", why);
    }
    let all: Vec<Value> = before.iter().chain(&input).cloned().collect();
    let (wire, output) = wire(&body, &mind.parts(&last(&all)));
    let keeper = mind.clone();
    mind.stream(wire, fault, move |complete| {
        let Some(id) = conversation else { return };
        if complete {
            keeper.add_to(&id, input.into_iter().chain(output).collect());
        } else {
            keeper.unlock_conversation(&id);
        }
    })
}

/// The input's items, or what the request is refused for.
fn check(body: &Value, before: &[Value]) -> Result<Vec<Value>, String> {
    let fields = body.as_object().ok_or("the body is no object")?;
    if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(format!("Unknown parameter: '{unknown}'"));
    }
    if body["stream"] != true {
        return Err("only streamed here".to_owned());
    }
    let prompt = body["prompt"]["id"].as_str();
    if prompt.is_none() && body["model"].as_str().is_none_or(str::is_empty) {
        return Err("Missing required parameter: 'model'".to_owned());
    }
    if prompt.is_some_and(|id| !id.starts_with("pmpt_")) {
        return Err("Invalid 'prompt.id'".to_owned());
    }
    if !body["conversation"].is_null() && !body["previous_response_id"].is_null() {
        return Err("Mutually exclusive parameters: conversation and previous_response_id".to_owned());
    }
    check_tools(&body["tools"], |tool| tool)?;
    let input = match &body["input"] {
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        Value::Array(items) => items.clone(),
        _ => return Err("Missing required parameter: 'input'".to_owned()),
    };
    input.iter().try_for_each(check_item)?;
    let mut open = HashSet::new();
    for item in before.iter().chain(&input) {
        let id = item["call_id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("function_call") => {
                open.insert(id);
            }
            Some("function_call_output") if !open.remove(id) => {
                return Err(format!(
                    "No tool call found for function call output with call_id {id}."
                ));
            }
            _ => {}
        }
    }
    match open.into_iter().next() {
        Some(id) => Err(format!("No tool output found for function call {id}.")),
        None => Ok(input),
    }
}

fn check_item(item: &Value) -> Result<(), String> {
    let text = |field: &str| item[field].as_str().is_some_and(|text| !text.is_empty());
    let good = match item["type"].as_str().unwrap_or("message") {
        "message" => {
            let role = item["role"].as_str().unwrap_or_default();
            ["user", "assistant", "system", "developer"].contains(&role) && text("content")
        }
        "function_call" => text("call_id") && text("name") && item["arguments"].is_string(),
        "function_call_output" => text("call_id") && item["output"].is_string(),
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(format!("Invalid value: {item}"))
    }
}

/// The last thing that the model is told: a tool's name, or the user's words.
fn last(items: &[Value]) -> String {
    let told = items
        .iter()
        .rev()
        .find(|item| item["type"] == "function_call_output" || item["role"] == "user");
    let Some(told) = told else { return String::new() };
    if told["role"] == "user" {
        return told["content"].as_str().unwrap_or_default().to_owned();
    }
    let mut calls = items
        .iter()
        .filter(|item| item["type"] == "function_call" && item["call_id"] == told["call_id"]);
    let name = calls.next_back().and_then(|call| call["name"].as_str());
    format!("tool:{}", name.unwrap_or_default())
}

/// The answer on the wire, and what the conversation will hold of it.
fn wire(body: &Value, parts: &[Part]) -> (Wire, Vec<Value>) {
    let mut number = 0;
    let mut event = |kind: &str, mut fields: Value| {
        fields["type"] = json!(kind);
        fields["sequence_number"] = json!(number);
        number += 1;
        format!("event: {kind}\ndata: {fields}\n\n")
    };
    let response = |status: &str, output: &[Value], usage: Value| {
        json!({
            "id": "resp_1", "object": "response", "created_at": 1_790_000_000, "status": status, "model": body["model"],
            "instructions": body["instructions"], "output": output, "error": null, "incomplete_details": null, "usage": usage,
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": body.get("tools").unwrap_or(&json!([])),
        })
    };
    let begun = response("in_progress", &[], Value::Null);
    let mut begin = event("response.created", json!({"response": begun}));
    begin.push_str(&event("response.in_progress", json!({"response": begun})));
    let mut written = Vec::new();
    // What the answer holds, and what the conversation keeps of it.
    let (mut whole, mut output) = (Vec::new(), Vec::new());
    for (place, part) in parts.iter().enumerate() {
        let unique = body.to_string().len();
        match part {
            Part::Say(text) => {
                let id = format!("msg_{place}");
                let message =
                    json!({"id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
                let mut opening = event(
                    "response.output_item.added",
                    json!({"output_index": place, "item": message}),
                );
                opening.push_str(&event(
                    "response.content_part.added",
                    json!({"item_id": id, "output_index": place, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
                ));
                for token in tokens(text) {
                    let delta = json!({
                        "item_id": id, "output_index": place, "content_index": 0, "delta": token, "logprobs": [],
                        "obfuscation": "q",
                    });
                    let delta = event("response.output_text.delta", delta);
                    written.push(format!("{}{delta}", std::mem::take(&mut opening)));
                }
                let done = json!({
                    "id": id, "type": "message", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": text, "annotations": []}],
                });
                whole.push(done.clone());
                written.push(event(
                    "response.output_item.done",
                    json!({"output_index": place, "item": done}),
                ));
                output.push(json!({"type": "message", "role": "assistant", "content": text}));
            }
            Part::Call { name, arguments } => {
                let call = format!("call_{place}_{unique}");
                let item = |status: &str, arguments: &str| {
                    json!({
                        "id": format!("fc_{place}"), "type": "function_call", "status": status, "call_id": call,
                        "name": name, "arguments": arguments,
                    })
                };
                let added = json!({"output_index": place, "item": item("in_progress", "")});
                written.push(event("response.output_item.added", added));
                let delta = json!({"item_id": format!("fc_{place}"), "output_index": place, "delta": arguments});
                written.push(event("response.function_call_arguments.delta", delta));
                let done = item("completed", arguments);
                whole.push(done.clone());
                written.push(event(
                    "response.output_item.done",
                    json!({"output_index": place, "item": done}),
                ));
                output.push(json!({"type": "function_call", "call_id": call, "name": name, "arguments": arguments}));
            }
        }
    }
    let read = body.to_string().len() / 4;
    let usage = json!({
        "input_tokens": read, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "output_tokens": written.len(),
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": read + written.len(),
    });
    let end = event(
        "response.completed",
        json!({"response": response("completed", &whole, usage)}),
    );
    let reasoning = json!({"item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "Pienso… "});
    let reasoning = event("response.reasoning_summary_text.delta", reasoning);
    let wire = Wire {
        begin,
        tokens: written,
        reasoning,
        end,
    };
    (wire, output)
}
