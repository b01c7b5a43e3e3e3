//! What a server sends: `media`, `mark` and `clear`, with exactly the fields that Twilio takes.
//!
//! Twilio drops a message with one field too many or too few and says so once (warning 31951), so the shapes are
//! written by hand and tested against the strict reader of this crate.

use super::payload::encode_payload;
use std::fmt::Write as _;

/// Replaces `out` by a `media` message with `audio` (raw μ-law, 8 kHz, mono; any length).
///
/// Reusing `out` makes it free of allocation.
pub fn write_media(out: &mut String, stream_sid: &str, audio: &[u8]) {
    open(out, "media", stream_sid);
    out.push_str(r#","media":{"payload":""#);
    encode_payload(audio, out);
    out.push_str(r#""}}"#);
}

/// Replaces `out` by a `mark` message: Twilio echoes the name once all audio queued before it has been played.
pub fn write_mark(out: &mut String, stream_sid: &str, name: &str) {
    open(out, "mark", stream_sid);
    out.push_str(r#","mark":{"name":"#);
    push_json_string(out, name);
    out.push_str("}}");
}

/// Replaces `out` by a `clear` message: Twilio drops its queue and echoes every pending mark at once.
pub fn write_clear(out: &mut String, stream_sid: &str) {
    open(out, "clear", stream_sid);
    out.push('}');
}

fn open(out: &mut String, event: &str, stream_sid: &str) {
    out.clear();
    out.push_str(r#"{"event":""#);
    out.push_str(event);
    out.push_str(r#"","streamSid":"#);
    push_json_string(out, stream_sid);
}

/// Appends `text` as a JSON string with its quotes.
pub(super) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' => {
                // Writing to a string can't fail.
                let _ = write!(out, "\\u{:04x}", character as u32);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
