//! What we tell the service, in the shape of the general availability of the Realtime API.

use crate::brain::tools::ToolSpec;
use crate::config::TurnDetection;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use talia_spanish::Language;

/// Writes down what callers say, beside the model. Source: `OpenAI`'s list of models for transcription in sessions.
const TRANSCRIBER: &str = "gpt-transcribe";
/// Tokens that one answer may have: far beyond what anybody says in a turn.
const LONGEST_ANSWER: u32 = 2_048;

/// What a session is made of.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The voice's name at the service.
    pub voice: &'a str,
    /// What the model is told.
    pub instructions: &'a str,
    /// Who tells where turns end.
    pub turn_detection: TurnDetection,
    /// The language that the caller speaks.
    pub language: Language,
    /// What the model may do.
    pub tools: &'a [ToolSpec],
}

/// Sets a session up. Its events about speech only inform us: it neither answers nor falls silent by itself.
pub fn session(setup: &Setup<'_>) -> Value {
    let turn_detection = match setup.turn_detection {
        TurnDetection::Own => Value::Null,
        TurnDetection::Server => json!({
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 300,
            "create_response": false,
            "interrupt_response": false,
        }),
        TurnDetection::Semantic => json!({
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": false,
            "interrupt_response": false,
        }),
    };
    let language = setup.language.code();
    let tools: Vec<_> = setup
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            })
        })
        .collect();
    json!({
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": setup.instructions,
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": TRANSCRIBER, "language": language},
                    "turn_detection": turn_detection,
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": setup.voice},
            },
            "tools": tools,
            "tool_choice": "auto",
            "max_output_tokens": LONGEST_ANSWER,
        },
    })
}

/// More of the caller's audio.
pub fn append(mulaw: &[u8]) -> Value {
    json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(mulaw)})
}

/// What was appended is one item of the caller.
pub fn commit(event_id: &str) -> Value {
    json!({"type": "input_audio_buffer.commit", "event_id": event_id})
}

/// What was appended is forgotten.
pub fn clear() -> Value {
    json!({"type": "input_audio_buffer.clear"})
}

/// Something that was said, in words.
pub fn said(role: &str, text: &str) -> Value {
    let kind = if role == "assistant" {
        "output_text"
    } else {
        "input_text"
    };
    json!({
        "type": "conversation.item.create",
        "item": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]},
    })
}

/// A function call of an earlier session.
pub fn called(call_id: &str, name: &str, arguments: &str) -> Value {
    json!({
        "type": "conversation.item.create",
        "item": {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments},
    })
}

/// What a tool answered.
pub fn output(call_id: &str, output: &str) -> Value {
    json!({
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": call_id, "output": output},
    })
}

/// Asks for an answer.
pub fn answer() -> Value {
    json!({"type": "response.create"})
}

/// Nothing more of the answer is wanted.
pub fn cancel() -> Value {
    json!({"type": "response.cancel"})
}

/// Of this item the caller has heard so much.
pub fn truncate(item_id: &str, audio_end_ms: u64) -> Value {
    json!({
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    })
}

/// The caller has heard nothing of this item.
pub fn delete(item_id: &str) -> Value {
    json!({"type": "conversation.item.delete", "item_id": item_id})
}

/// The audio of a delta; `None` when it is no base64.
pub fn audio_of(delta: &str) -> Option<Vec<u8>> {
    STANDARD.decode(delta).ok()
}

/// Whether this is how a session begins.
pub fn begins_a_session(text: &str) -> bool {
    let event: Result<Value, _> = serde_json::from_str(text);
    event.is_ok_and(|event| event["type"] == "session.created")
}
