//! What the service tells, as far as we use it. Source: `OpenAI`'s types of the Realtime API (general availability).

use serde::Deserialize;

/// One event of the service. What we don't know, or don't use, is [`Event::Other`].
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Event {
    #[serde(rename = "session.created", alias = "session.updated")]
    Session { session: Session },
    #[serde(rename = "input_audio_buffer.speech_stopped")]
    SpeechStopped {},
    #[serde(rename = "input_audio_buffer.speech_started")]
    SpeechStarted {},
    #[serde(rename = "input_audio_buffer.committed")]
    Committed { item_id: String },
    #[serde(rename = "conversation.item.input_audio_transcription.completed")]
    Written { item_id: String, transcript: String },
    #[serde(rename = "conversation.item.input_audio_transcription.failed")]
    NotWritten { item_id: String },
    #[serde(rename = "response.created")]
    ResponseCreated { response: Response },
    #[serde(rename = "response.output_audio.delta")]
    Audio(Delta),
    #[serde(rename = "response.output_audio_transcript.delta")]
    Transcript(Delta),
    #[serde(rename = "response.output_item.done")]
    ItemDone { response_id: String, item: Item },
    #[serde(rename = "response.done")]
    ResponseDone { response: Response },
    #[serde(rename = "error")]
    Error { error: ServiceError },
    /// Known, and of no use to us.
    #[serde(
        rename = "rate_limits.updated",
        alias = "conversation.item.added",
        alias = "conversation.item.done",
        alias = "conversation.item.created",
        alias = "conversation.item.truncated",
        alias = "conversation.item.deleted",
        alias = "conversation.item.input_audio_transcription.delta",
        alias = "conversation.item.input_audio_transcription.segment",
        alias = "input_audio_buffer.cleared",
        alias = "response.output_item.added",
        alias = "response.content_part.added",
        alias = "response.content_part.done",
        alias = "response.output_audio.done",
        alias = "response.output_audio_transcript.done",
        alias = "response.function_call_arguments.delta",
        alias = "response.function_call_arguments.done"
    )]
    Unused {},
    #[serde(other)]
    Other,
}

/// More of an item of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub(super) event_id: String,
    pub(super) response_id: String,
    pub(super) item_id: String,
    /// Text, or audio in base64.
    #[serde(rename = "delta")]
    pub(super) more: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    /// Unix seconds.
    #[serde(default)]
    pub(super) expires_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Response {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) usage: Option<TokenUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenUsage {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) input_token_details: InputDetails,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputDetails {
    pub(super) cached_tokens: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) call_id: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) arguments: Option<String>,
}

/// An error; most of them leave the session as it is. The message may hold a caller's words: it is not read.
#[derive(Debug, Deserialize)]
pub(super) struct ServiceError {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) event_id: Option<String>,
}

/// Reads an event; `None` when it is no JSON of an event.
pub(super) fn read(text: &str) -> Option<Event> {
    serde_json::from_str(text).ok()
}
