//! Chat Completions, streamed, as `OpenAI`, Groq, Ollama, vLLM and llama.cpp speak it.
//!
//! Shapes: `OpenAI`'s OpenAPI description (`CreateChatCompletionRequest`, `CreateChatCompletionStreamResponse`).

use super::request::{Delta, Item, Request, Tokens};
use crate::brain::tools::ToolCall;
use crate::providers::{Fault, FaultClass};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Behind the account's address.
pub(super) const PATH: &str = "/v1/chat/completions";
/// Requests for tools in one answer; the others are not read.
const MOST_CALLS: usize = 8;
/// The longest arguments of one request, in bytes.
const LONGEST_ARGUMENTS: usize = 16 * 1024;

/// The body of a request.
pub(super) fn body(model: &str, request: &Request) -> Value {
    let mut messages = vec![json!({"role": "system", "content": request.instructions.as_ref()})];
    for item in &request.items {
        add(&mut messages, item);
    }
    // Before the caller's last words, wherever they stand: behind a tool's output a turn of the caller would be a lie.
    match messages.iter_mut().rev().find(|message| message["role"] == "user") {
        Some(last) => {
            let words = last["content"].as_str().unwrap_or_default();
            last["content"] = json!(format!("{}\n\n{words}", request.context));
        }
        None => messages.push(json!({"role": "user", "content": request.context})),
    }
    let mut body = json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_completion_tokens": request.longest,
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        });
        body["tools"] = tools.collect();
    }
    body
}

fn add(messages: &mut Vec<Value>, item: &Item) {
    match item {
        Item::Caller(text) => say(messages, "user", text),
        Item::Said(text) => say(messages, "assistant", text),
        Item::Call(call) => {
            let wanted = json!({
                "id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            });
            match messages.last_mut() {
                Some(last) if last["role"] == "assistant" => {
                    let calls = last.as_object_mut().map(|message| message.entry("tool_calls"));
                    if let Some(calls) = calls.map(|entry| entry.or_insert_with(|| json!([])))
                        && let Some(calls) = calls.as_array_mut()
                    {
                        calls.push(wanted);
                    }
                }
                _ => messages.push(json!({"role": "assistant", "content": null, "tool_calls": [wanted]})),
            }
        }
        Item::Output { id, output } => {
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
        }
    }
}

/// Two texts of one side in a row are one message.
fn say(messages: &mut Vec<Value>, role: &str, text: &str) {
    match messages.last_mut() {
        Some(last) if last["role"] == role && last.get("tool_calls").is_none() => {
            let before = last["content"].as_str().unwrap_or_default();
            let joint = if role == "user" { "\n" } else { " " };
            last["content"] = json!(format!("{before}{joint}{text}"));
        }
        _ => messages.push(json!({"role": role, "content": text})),
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Message {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Fragment>>,
}

#[derive(Deserialize)]
struct Fragment {
    index: Option<u64>,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize, Default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

/// Reads one answer.
pub(super) struct Reader {
    /// Makes the names of this answer's requests for tools unlike all others of the call: some services count from 0 in
    /// every answer, and a name stands for one deed.
    prefix: String,
    calls: BTreeMap<u64, ToolCall>,
    ended: bool,
}

impl Reader {
    pub(super) fn new(prefix: String) -> Self {
        Self {
            prefix,
            calls: BTreeMap::new(),
            ended: false,
        }
    }

    /// Takes one event in. `true`: nothing more will come.
    pub(super) fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Fault> {
        if data.trim() == "[DONE]" {
            self.end(out);
            return Ok(true);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| Fault::malformed("an event is not a chunk"))?;
        if let Some(error) = chunk.error {
            return Err(fault_of(&error));
        }
        if let Some(usage) = chunk.usage {
            out.push(Delta::Used(Tokens {
                input: usage.prompt_tokens,
                cached: usage
                    .prompt_tokens_details
                    .and_then(|details| details.cached_tokens)
                    .unwrap_or(0),
                output: usage.completion_tokens,
            }));
        }
        // One answer was asked for: index 0.
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            if self.ended {
                continue;
            }
            let delta = choice.delta.unwrap_or_default();
            if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
                out.push(Delta::Text(text));
            }
            for fragment in delta.tool_calls.unwrap_or_default() {
                self.add(fragment)?;
                out.push(Delta::Working);
            }
            if choice.finish_reason.is_some() {
                self.end(out);
            }
        }
        Ok(false)
    }

    /// A tool's request comes in fragments: its name with the first one, its arguments piece by piece.
    fn add(&mut self, fragment: Fragment) -> Result<(), Fault> {
        let newest = self.calls.keys().next_back().copied();
        let index = fragment.index.or(newest).unwrap_or(0);
        if !self.calls.contains_key(&index) && self.calls.len() == MOST_CALLS {
            return Ok(());
        }
        let call = self.calls.entry(index).or_insert_with(|| ToolCall {
            id: format!("{}_{index}", self.prefix),
            name: String::new(),
            arguments: String::new(),
        });
        let function = fragment.function.unwrap_or_default();
        if let Some(name) = function.name.filter(|name| !name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(&function.arguments.unwrap_or_default());
        if call.arguments.len() > LONGEST_ARGUMENTS {
            return Err(Fault::malformed("a tool's arguments have no end"));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Delta>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let calls = std::mem::take(&mut self.calls);
        out.extend(
            calls
                .into_values()
                .filter(|call| !call.name.is_empty())
                .map(Delta::Call),
        );
        out.push(Delta::End);
    }
}

/// An error inside a stream that began well. Its message may hold the caller's words: only its code is read.
pub(super) fn fault_of(error: &Value) -> Fault {
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let said = [text("code"), text("type")];
    let says = |words: &[&str]| said.iter().any(|code| words.contains(code));
    if says(&[
        "rate_limit_exceeded",
        "insufficient_quota",
        "rate_limit_error",
        "tokens",
        "requests",
    ]) {
        Fault::new(FaultClass::Quota, "the service's limit is reached")
    } else if says(&[
        "invalid_api_key",
        "model_not_found",
        "invalid_request_error",
        "invalid_prompt",
    ]) {
        Fault::new(FaultClass::Terminal, "the request is refused")
    } else {
        Fault::transient("the service failed while it answered")
    }
}
