//! What is said about recording a call, in the assistant's language, without *tú* or *usted*: nobody knows yet which.

use super::recording_notice;
use talia_spanish::{Language, tongue};

/// The sentences, as they are said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingTalk {
    /// Asks whether the call may be recorded; none: nobody is asked.
    pub question: Option<String>,
    /// Before it is asked again of somebody whose answer could not be made out.
    pub again: &'static str,
    /// After a yes.
    pub given: &'static str,
    /// Where it isn't recorded.
    pub refused: &'static str,
    /// Where it is recorded no more.
    pub stopped: &'static str,
}

impl RecordingTalk {
    pub(super) fn new(question: Option<String>, language: Language) -> Self {
        let (again, given, refused, stopped) = match language {
            Language::Spanish => (
                "No entendí bien.",
                "Gracias.",
                "De acuerdo, no se graba.",
                "Entendido, ya no se graba.",
            ),
            Language::English => (
                "I didn't quite get that.",
                "Thank you.",
                "All right, it is not recorded.",
                "Understood, it is no longer recorded.",
            ),
        };
        Self {
            question,
            again,
            given,
            refused,
            stopped,
        }
    }

    /// Whether a text asks for leave to record.
    pub(super) fn is_question(text: &str, language: Language) -> bool {
        text.trim_end().ends_with('?') && recording_notice::tells(text, language)
    }

    /// The sentence of the question that a caller has to have heard.
    pub fn asked(&self) -> Option<&str> {
        let question = self.question.as_deref()?;
        tongue::sentences(question).last().map(|sentence| sentence.trim())
    }

    /// All of it.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let asking = self.question.as_deref();
        let answers = asking.map(|_| [self.again, self.given, self.refused]);
        asking
            .into_iter()
            .chain(answers.into_iter().flatten())
            .chain([self.stopped])
    }
}
