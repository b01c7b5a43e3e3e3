//! Why an assistant can't be used, as its company is told.

use super::phrase::GAPS;
use crate::brain::knowledge::KnowledgeError;
use std::path::PathBuf;

/// Why an assistant can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    /// The file can't be read.
    #[error("{path}: {error}")]
    Read { path: PathBuf, error: std::io::Error },
    /// The file is not what an assistant looks like.
    #[error("{path}: {message}")]
    Parse { path: PathBuf, message: String },
    /// A phrase asks for something that no phrase can have.
    #[error("{path}: «{{{gap}}}» is not a gap; use one of {}", GAPS.join(", "))]
    UnknownGap { path: PathBuf, gap: String },
    /// Two assistants answer the same number, or two answer all the others.
    #[error("{path}: {number} is answered by another assistant too")]
    Twice { path: PathBuf, number: String },
    /// What the company has written down can't be read.
    #[error("knowledge: {0}")]
    Knowledge(#[from] KnowledgeError),
    /// Calls are recorded, and the disclosure doesn't say so.
    #[error(
        "assistant {id}: calls are recorded ([recordings]), and its disclosure for {country} doesn't say so: «{disclosure}». \
         Reword it (\"… se graba …\"), or set recordings.notice"
    )]
    RecordingUntold {
        id: String,
        country: String,
        disclosure: String,
    },
    /// Calls are recorded only after a yes, and the disclosure says that they are.
    #[error(
        "assistant {id}: calls are recorded only after a yes (recordings.mode), and its disclosure for {country} says that they are: \
         «{disclosure}». Leave it out there, or say on what condition (\"… solo se graba si …\")"
    )]
    RecordingOverstated {
        id: String,
        country: String,
        disclosure: String,
    },
    /// Calls are recorded only after a yes, and there is nothing to ask for it with.
    #[error(
        "recordings.question: asks nobody who speaks {language} whether the call may be recorded: «{question}». \
         It has to name the recording and to end in a question mark (\"¿Puedo grabar esta llamada?\")"
    )]
    RecordingUnasked { language: &'static str, question: String },
    /// The folder holds no assistant.
    #[error("{0}: no assistant (*.toml) in this folder")]
    Empty(PathBuf),
}
