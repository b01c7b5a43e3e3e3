//! Chat Completions as `OpenAI` serves them, streamed: checks each request as the real service does.
//!
//! Shapes: `OpenAI`'s OpenAPI description (`CreateChatCompletionRequest`, `CreateChatCompletionStreamResponse`).

use super::thinking::{Mind, Part, Wire, tokens};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Fields that a request may have.
const FIELDS: [&str; 17] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "store",
    "seed",
    "stop",
];

/// A running service with one model.
#[derive(Debug)]
pub struct ChatCompletions {
    /// What it answers, and how it fails.
    pub mind: Mind,
    url: String,
    task: JoinHandle<()>,
}

impl ChatCompletions {
    /// Serves whoever has this key.
    pub async fn start(key: &str) -> io::Result<Self> {
        let mind = Mind::new(key);
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
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

impl Drop for ChatCompletions {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves on a port of its own. A connection that is broken off is reset: what the reader has not read is lost.
pub(super) async fn serve(router: Router) -> io::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // A platform without it closes politely, which a reader must survive as well.
        let _ = stream.set_zero_linger();
    });
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok((url, task))
}

pub(super) async fn models(State(mind): State<Mind>, headers: HeaderMap) -> Response {
    if !mind.knows(&headers) {
        return mind.refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "wrong key");
    }
    mind.greeted();
    Json(json!({"object": "list", "data": []})).into_response()
}

async fn complete(State(mind): State<Mind>, headers: HeaderMap, body: String) -> Response {
    if !mind.knows(&headers) {
        return mind.refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "wrong key");
    }
    let body: Value = match serde_json::from_str(&body) {
        Ok(body) => body,
        Err(error) => return mind.refuse(StatusCode::BAD_REQUEST, "invalid_json", &error.to_string()),
    };
    mind.asked(&body);
    if let Err(why) = check(&body) {
        return mind.refuse(StatusCode::BAD_REQUEST, "invalid_value", &why);
    }
    let fault = mind.next_fault();
    if let Some(response) = mind.fails_at_once(fault.as_ref()).await {
        return response;
    }
    let parts = mind.parts(&last(&body));
    mind.stream(wire(&body, &parts), fault, |_| {})
}

/// What a request is refused for.
fn check(body: &Value) -> Result<(), String> {
    let fields = body.as_object().ok_or("the body is no object")?;
    if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(format!("Unrecognized request argument supplied: {unknown}"));
    }
    if body["model"].as_str().is_none_or(str::is_empty) {
        return Err("you must provide a model parameter".to_owned());
    }
    if body["stream"] != true && !body["stream_options"].is_null() {
        return Err("stream_options without stream".to_owned());
    }
    check_tools(&body["tools"], |tool| &tool["function"])?;
    check_messages(body["messages"].as_array().ok_or("messages is missing")?)
}

pub(super) fn check_tools(tools: &Value, function: impl Fn(&Value) -> &Value) -> Result<(), String> {
    let Some(tools) = tools.as_array() else {
        return if tools.is_null() {
            Ok(())
        } else {
            Err("tools is no array".to_owned())
        };
    };
    if tools.is_empty() {
        return Err("[] is too short - 'tools'".to_owned());
    }
    let mut names = HashSet::new();
    for tool in tools {
        let function = function(tool);
        let name = function["name"].as_str().unwrap_or_default();
        let good = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        if tool["type"] != "function" || name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            return Err(format!("not a tool: {tool}"));
        }
        if !names.insert(name) {
            return Err(format!("two tools named {name}"));
        }
        if function["parameters"]["type"] != "object" {
            return Err(format!("the parameters of {name} are no object"));
        }
    }
    Ok(())
}

/// Roles, and that each request for a tool has its output right behind it.
fn check_messages(messages: &[Value]) -> Result<(), String> {
    let mut open: HashSet<&str> = HashSet::new();
    let mut asked = false;
    for message in messages {
        let role = message["role"].as_str().ok_or("a message without role")?;
        if role == "tool" {
            let id = message["tool_call_id"]
                .as_str()
                .ok_or("a tool's message without tool_call_id")?;
            if !open.remove(id) {
                return Err(format!("a tool's message without a preceding call: {id}"));
            }
            continue;
        }
        if let Some(id) = open.iter().next() {
            return Err(format!("a call without a tool's message: {id}"));
        }
        match role {
            "system" | "developer" | "user" if message["content"].is_string() => asked |= role == "user",
            "assistant" => {
                let calls = message["tool_calls"].as_array();
                if !message["content"].is_string() && calls.is_none() {
                    return Err("an assistant's message without content".to_owned());
                }
                for call in calls.into_iter().flatten() {
                    let id = call["id"]
                        .as_str()
                        .filter(|_| call["function"]["arguments"].is_string());
                    open.insert(id.ok_or("a call without id or arguments")?);
                }
            }
            _ => return Err(format!("not a message: {role}")),
        }
    }
    match open.iter().next() {
        Some(id) => Err(format!("a call without a tool's message: {id}")),
        None if asked => Ok(()),
        None => Err("no message of a user".to_owned()),
    }
}

/// The last thing that the model is told: a tool's name, or the last paragraph of the user.
fn last(body: &Value) -> String {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(last) = messages.last() else {
        return String::new();
    };
    if last["role"] == "tool" {
        let calls = messages
            .iter()
            .flat_map(|message| message["tool_calls"].as_array().into_iter().flatten());
        let mut named = calls.filter(|call| call["id"] == last["tool_call_id"]);
        let name = named.next_back().and_then(|call| call["function"]["name"].as_str());
        return format!("tool:{}", name.unwrap_or_default());
    }
    let users = messages.iter().rev().find(|message| message["role"] == "user");
    let text = users
        .and_then(|message| message["content"].as_str())
        .unwrap_or_default();
    text.rsplit("\n\n").next().unwrap_or_default().to_owned()
}

fn wire(body: &Value, parts: &[Part]) -> Wire {
    let chunk = |choices: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": body["model"],
            "service_tier": "default", "obfuscation": "x7", "choices": choices,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value| chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]));
    let mut written = Vec::new();
    let mut calls = 0;
    for part in parts {
        match part {
            Part::Say(text) => written.extend(tokens(text).iter().map(|token| delta(json!({"content": token})))),
            Part::Call { name, arguments } => {
                // Some services name the calls of every answer from 0.
                let id = format!("call_{calls}");
                written.push(delta(json!({"tool_calls": [{
                    "index": calls, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
                }]})));
                let middle = (0..=arguments.len() / 2)
                    .rev()
                    .find(|at| arguments.is_char_boundary(*at));
                let (one, two) = arguments.split_at(middle.unwrap_or(0));
                for piece in [one, two] {
                    let function = json!({"arguments": piece});
                    written.push(delta(json!({"tool_calls": [{"index": calls, "function": function}]})));
                }
                calls += 1;
            }
        }
    }
    let reason = if calls > 0 { "tool_calls" } else { "stop" };
    let mut end = chunk(json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": reason}]));
    if body["stream_options"]["include_usage"] == true {
        let usage = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": body["model"],
            "choices": [], "usage": {
                "prompt_tokens": body.to_string().len() / 4, "completion_tokens": written.len(),
                "total_tokens": body.to_string().len() / 4 + written.len(),
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        });
        let _ = write!(end, "data: {usage}\n\n");
    }
    end.push_str("data: [DONE]\n\n");
    Wire {
        begin: delta(json!({"role": "assistant", "content": "", "refusal": null})),
        tokens: written,
        reasoning: delta(json!({"reasoning_content": "Pienso… "})),
        end,
    }
}
