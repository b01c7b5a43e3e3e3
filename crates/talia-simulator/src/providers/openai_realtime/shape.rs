//! The documented shape of every message that a client may send. Source: `OpenAI`'s types of the Realtime API, general
//! availability.

use serde_json::Value;

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: &'static str,
    pub(super) param: String,
}

fn violation(code: &'static str, param: impl Into<String>) -> Violation {
    Violation {
        code,
        param: param.into(),
    }
}

const SESSION: &[&str] = &[
    "type",
    "audio",
    "include",
    "instructions",
    "max_output_tokens",
    "model",
    "output_modalities",
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "tool_choice",
    "tools",
    "tracing",
    "truncation",
];
const RESPONSE: &[&str] = &[
    "audio",
    "conversation",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "output_modalities",
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "tool_choice",
    "tools",
];

/// Checks a message; nothing is known of the session's state here.
pub(super) fn check(message: &Value) -> Result<(), Violation> {
    let kind = message["type"].as_str().unwrap_or_default();
    match kind {
        "session.update" => {
            keys(message, "", &["type", "event_id", "session"])?;
            session(&message["session"])
        }
        "input_audio_buffer.append" => {
            keys(message, "", &["type", "event_id", "audio"])?;
            text(message, "audio")
        }
        "input_audio_buffer.commit" | "input_audio_buffer.clear" => keys(message, "", &["type", "event_id"]),
        "conversation.item.create" => {
            keys(message, "", &["type", "event_id", "item", "previous_item_id"])?;
            item(&message["item"])
        }
        "conversation.item.truncate" => {
            keys(
                message,
                "",
                &["type", "event_id", "item_id", "content_index", "audio_end_ms"],
            )?;
            text(message, "item_id")?;
            if message["content_index"] != 0 || !message["audio_end_ms"].is_u64() {
                return Err(violation("invalid_value", "audio_end_ms"));
            }
            Ok(())
        }
        "conversation.item.delete" | "conversation.item.retrieve" => {
            keys(message, "", &["type", "event_id", "item_id"])?;
            text(message, "item_id")
        }
        "response.create" => {
            keys(message, "", &["type", "event_id", "response"])?;
            keys(&message["response"], "response", RESPONSE)
        }
        "response.cancel" => keys(message, "", &["type", "event_id", "response_id"]),
        _ => Err(violation("invalid_value", "type")),
    }
}

fn keys(value: &Value, at: &str, allowed: &[&str]) -> Result<(), Violation> {
    let Some(object) = value.as_object() else {
        return if value.is_null() {
            Ok(())
        } else {
            Err(violation("invalid_type", at))
        };
    };
    match object.keys().find(|key| !allowed.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(violation("unknown_parameter", format!("{at}.{key}"))),
    }
}

fn text(value: &Value, key: &str) -> Result<(), Violation> {
    match value[key].as_str() {
        Some(text) if !text.is_empty() => Ok(()),
        _ => Err(violation("missing_required_parameter", key)),
    }
}

fn session(session: &Value) -> Result<(), Violation> {
    keys(session, "session", SESSION)?;
    if session["type"] != "realtime" {
        return Err(violation("missing_required_parameter", "session.type"));
    }
    let modalities = &session["output_modalities"];
    if !modalities.is_null()
        && modalities != &serde_json::json!(["audio"])
        && modalities != &serde_json::json!(["text"])
    {
        return Err(violation("invalid_value", "session.output_modalities"));
    }
    let most = &session["max_output_tokens"];
    if !most.is_null() && most != "inf" && !most.as_u64().is_some_and(|most| (1..=4_096).contains(&most)) {
        return Err(violation("invalid_value", "session.max_output_tokens"));
    }
    audio(&session["audio"])?;
    for tool in session["tools"].as_array().into_iter().flatten() {
        keys(tool, "session.tools", &["type", "name", "description", "parameters"])?;
        if tool["type"] != "function" || tool["parameters"]["type"] != "object" {
            return Err(violation("invalid_value", "session.tools"));
        }
        text(tool, "name")?;
    }
    Ok(())
}

fn audio(audio: &Value) -> Result<(), Violation> {
    keys(audio, "session.audio", &["input", "output"])?;
    let (input, output) = (&audio["input"], &audio["output"]);
    keys(
        input,
        "session.audio.input",
        &["format", "noise_reduction", "transcription", "turn_detection"],
    )?;
    keys(output, "session.audio.output", &["format", "speed", "voice"])?;
    format(&input["format"])?;
    format(&output["format"])?;
    keys(
        &input["transcription"],
        "session.audio.input.transcription",
        &["model", "language", "languages", "prompt", "keywords", "delay"],
    )?;
    let detection = &input["turn_detection"];
    let at = "session.audio.input.turn_detection";
    match detection["type"].as_str() {
        None if detection.is_null() => Ok(()),
        Some("server_vad") => keys(
            detection,
            at,
            &[
                "type",
                "create_response",
                "idle_timeout_ms",
                "interrupt_response",
                "prefix_padding_ms",
                "silence_duration_ms",
                "threshold",
            ],
        ),
        Some("semantic_vad") => keys(
            detection,
            at,
            &["type", "create_response", "eagerness", "interrupt_response"],
        ),
        _ => Err(violation("invalid_value", at)),
    }
}

fn format(format: &Value) -> Result<(), Violation> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(()),
        Some("audio/pcm") => keys(format, "format", &["type", "rate"]),
        Some("audio/pcmu" | "audio/pcma") => keys(format, "format", &["type"]),
        _ => Err(violation("invalid_value", "format")),
    }
}

fn item(item: &Value) -> Result<(), Violation> {
    match item["type"].as_str() {
        Some("message") => {
            keys(item, "item", &["type", "id", "object", "role", "status", "content"])?;
            let kinds: &[&str] = match item["role"].as_str() {
                Some("user") => &["input_text", "input_audio"],
                Some("system") => &["input_text"],
                // Audio of the assistant can't be put in.
                Some("assistant") => &["output_text"],
                _ => return Err(violation("invalid_value", "item.role")),
            };
            let content = item["content"].as_array().filter(|content| !content.is_empty());
            let content = content.ok_or_else(|| violation("missing_required_parameter", "item.content"))?;
            for part in content {
                keys(part, "item.content", &["type", "text", "audio", "transcript"])?;
                let kind = part["type"].as_str().unwrap_or_default();
                if !kinds.contains(&kind) {
                    return Err(violation("invalid_value", "item.content.type"));
                }
                text(part, if kind == "input_audio" { "audio" } else { "text" })?;
            }
            Ok(())
        }
        Some("function_call") => {
            keys(
                item,
                "item",
                &["type", "id", "object", "status", "call_id", "name", "arguments"],
            )?;
            text(item, "name")
        }
        Some("function_call_output") => {
            keys(item, "item", &["type", "id", "object", "status", "call_id", "output"])?;
            text(item, "call_id")
        }
        _ => Err(violation("invalid_value", "item.type")),
    }
}
