//! What the machine was told and did not use, counted by reason.

/// Inputs that were refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Sentences, ends and expectations for a cue that is forgotten, over or was never asked.
    pub cues: u64,
    /// Audio of a sentence that is dropped, complete or unknown.
    pub audio: u64,
    /// Text of a sentence that is dropped, complete or unknown, or beyond the longest: bytes of it.
    pub text_bytes: u64,
    /// Bytes of audio beyond the longest sentence.
    pub audio_bytes: u64,
    /// Answers of the ears that nobody waits for.
    pub jobs: u64,
    /// Marks of an older generation, marks counted before, and names that are not ours.
    pub marks: u64,
    /// Keys that a telephone does not have, and keys beyond the longest row.
    pub digits: u64,
    /// Announcements for a call that is about to end, and those too many.
    pub announcements: u64,
    /// Anything that came after the end, or a second opening.
    pub late: u64,
}
