//! `OpenAI`'s Responses, streamed, with a hosted prompt and a conversation that the service keeps under an id.
//!
//! Shapes: the types of the official `openai` package, 3.57 (`types/responses`, `types/conversations`).
//!
//! The service adds a request's input and its answer to the conversation when the answer is complete, and the caller may
//! not have heard all of it. So a [`Thread`] knows what its conversation holds: as long as that is what was heard, only
//! what is new is sent; else the next request begins a fresh conversation with all that was heard.

use super::chat_completions::fault_of;
use super::request::{Delta, Item, Request, Tokens};
use crate::brain::tools::ToolCall;
use crate::providers::Fault;
use serde::Deserialize;
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Behind the account's address.
pub(super) const PATH: &str = "/v1/responses";
/// Where conversations are made.
pub(super) const CONVERSATIONS: &str = "/v1/conversations";

/// A conversation that the service keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// `conv_…`.
    pub id: String,
    /// What it holds, item by item: by what it says, not by how it is written.
    held: Vec<u64>,
}

impl Thread {
    /// One that was just made.
    pub(super) fn new(id: String) -> Self {
        Self { id, held: Vec::new() }
    }

    /// What has to be sent so that it holds these items; `None` when it holds something else already.
    pub(super) fn missing<'a>(&self, items: &'a [Item]) -> Option<&'a [Item]> {
        let (before, rest) = items.split_at_checked(self.held.len())?;
        before.iter().map(meaning).eq(self.held.iter().copied()).then_some(rest)
    }

    /// The same after a complete answer to these items.
    pub(super) fn after(mut self, items: &[Item], answer: &[Item]) -> Self {
        self.held = items.iter().chain(answer).map(meaning).collect();
        self
    }
}

/// What an item says: its letters and digits.
fn meaning(item: &Item) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(item).hash(&mut hasher);
    let text = match item {
        Item::Caller(text) | Item::Said(text) => text,
        Item::Call(call) => &call.id,
        Item::Output { id, .. } => id,
    };
    text.chars()
        .filter(|letter| letter.is_alphanumeric())
        .for_each(|letter| letter.hash(&mut hasher));
    hasher.finish()
}

/// What the account's owner has set up.
#[derive(Debug, Clone)]
pub(super) struct Hosted {
    /// `pmpt_…`.
    pub(super) prompt: Option<String>,
    pub(super) version: Option<String>,
    pub(super) model: Option<String>,
}

impl Hosted {
    /// The body that makes a conversation. A hosted prompt has its own instructions: ours stand behind them.
    pub(super) fn conversation(&self, instructions: &str) -> Value {
        if self.prompt.is_some() {
            json!({"items": [message("developer", instructions)]})
        } else {
            json!({})
        }
    }

    /// The body of a request.
    pub(super) fn body(&self, request: &Request, conversation: &str, items: &[Item]) -> Value {
        let mut input = vec![message("developer", &request.context)];
        input.extend(items.iter().map(item));
        let mut body = json!({
            "conversation": conversation,
            "input": input,
            "stream": true,
            "max_output_tokens": request.longest,
        });
        match &self.prompt {
            Some(id) => {
                body["prompt"] = json!({"id": id});
                if let Some(version) = &self.version {
                    body["prompt"]["version"] = json!(version);
                }
            }
            None => body["instructions"] = json!(request.instructions.as_ref()),
        }
        if let Some(model) = &self.model {
            body["model"] = json!(model);
        }
        if !request.tools.is_empty() {
            let tools = request.tools.iter().map(|tool| {
                json!({
                    "type": "function", "name": tool.name, "description": tool.description,
                    "parameters": tool.parameters, "strict": false,
                })
            });
            body["tools"] = tools.collect();
        }
        body
    }
}

fn message(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": text})
}

fn item(item: &Item) -> Value {
    match item {
        Item::Caller(text) => message("user", text),
        Item::Said(text) => message("assistant", text),
        Item::Call(call) => json!({
            "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments,
        }),
        Item::Output { id, output } => json!({"type": "function_call_output", "call_id": id, "output": output}),
    }
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    delta: Option<String>,
    item: Option<Output>,
    response: Option<Response>,
    code: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Output {
    r#type: String,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: u64,
}

/// Reads one answer.
#[derive(Default)]
pub(super) struct Reader {
    /// What the conversation will hold of it.
    pub(super) answer: Vec<Item>,
    text: String,
    /// Events that nobody has told us of.
    pub(super) unknown: u64,
}

impl Reader {
    /// Takes one event in. `true`: nothing more will come.
    pub(super) fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Fault> {
        let event: Event = serde_json::from_str(data).map_err(|_| Fault::malformed("an event is none"))?;
        match event.r#type.as_str() {
            "response.output_text.delta" => {
                if let Some(text) = event.delta.filter(|text| !text.is_empty()) {
                    self.text.push_str(&text);
                    out.push(Delta::Text(text));
                }
            }
            "response.function_call_arguments.delta" => out.push(Delta::Working),
            "response.output_item.added" | "response.output_item.done" => {
                let done = event.r#type.ends_with("done");
                if let Some(item) = event.item.filter(|item| item.r#type == "function_call") {
                    out.push(self.function_call(item, done));
                } else if done {
                    self.keep_text();
                }
            }
            "response.completed" | "response.incomplete" => {
                self.keep_text();
                if let Some(usage) = event.response.and_then(|response| response.usage) {
                    out.push(Delta::Used(Tokens {
                        input: usage.input_tokens,
                        cached: usage.input_tokens_details.map_or(0, |details| details.cached_tokens),
                        output: usage.output_tokens,
                    }));
                }
                out.push(Delta::End);
                return Ok(true);
            }
            "response.failed" => {
                let error = event.response.and_then(|response| response.error);
                return Err(fault_of(&error.unwrap_or(Value::Null)));
            }
            "error" => return Err(fault_of(&event.error.unwrap_or_else(|| json!({"code": event.code})))),
            name if name.starts_with("response.") => {}
            _ => self.unknown += 1,
        }
        Ok(false)
    }

    fn function_call(&mut self, item: Output, done: bool) -> Delta {
        match (item.call_id, item.name) {
            (Some(id), Some(name)) if done => {
                self.keep_text();
                let call = ToolCall {
                    id,
                    name,
                    arguments: item.arguments.unwrap_or_default(),
                };
                self.answer.push(Item::Call(call.clone()));
                Delta::Call(call)
            }
            _ => Delta::Working,
        }
    }

    fn keep_text(&mut self) {
        if !self.text.is_empty() {
            self.answer.push(Item::Said(std::mem::take(&mut self.text)));
        }
    }
}
