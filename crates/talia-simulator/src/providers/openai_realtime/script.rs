//! What the fake says, how fast, and how it misbehaves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::providers::tone_words::Vocabulary;

/// An answer of the fake, chosen by words.
#[derive(Debug, Clone)]
pub struct Reply {
    /// A word that the caller must have said since the last answer; matched as a part.
    pub when: String,
    /// What is said before the tools, in the same answer. Empty: nothing.
    pub first: String,
    /// Tools that are called before anything else is said.
    pub calls: Vec<(String, Value)>,
    /// What is said: at once, or after the tools have answered. Empty: nothing.
    pub say: String,
}

impl Reply {
    /// Says this when that word was heard.
    pub fn say(when: &str, say: &str) -> Self {
        Self {
            when: when.to_owned(),
            first: String::new(),
            calls: Vec::new(),
            say: say.to_owned(),
        }
    }

    /// Says this before the tools.
    #[must_use]
    pub fn after(mut self, first: &str) -> Self {
        first.clone_into(&mut self.first);
        self
    }

    /// Calls this tool before.
    #[must_use]
    pub fn calling(mut self, name: &str, arguments: Value) -> Self {
        self.calls.push((name.to_owned(), arguments));
        self
    }
}

/// How the fake behaves when nothing is wrong.
#[derive(Debug, Clone)]
pub struct RealtimeScript {
    /// What it can hear.
    pub vocabulary: Arc<Vocabulary>,
    /// Its answers: the first that fits.
    pub replies: Vec<Reply>,
    /// What it says when none fits.
    pub otherwise: String,
    /// From a question to the first audio.
    pub thinks: Duration,
    /// From word to word: a word sounds 240 ms, so less is faster than real time.
    pub word_every: Duration,
    /// From a commit to its words.
    pub writes_down_after: Duration,
    /// How long a session lives.
    pub session_lasts: Duration,
}

impl RealtimeScript {
    /// Quick, with these answers.
    pub fn new(vocabulary: Vocabulary, replies: Vec<Reply>) -> Self {
        Self {
            vocabulary: Arc::new(vocabulary),
            replies,
            otherwise: "Perdón, ¿me lo repites?".to_owned(),
            thinks: Duration::from_millis(150),
            word_every: Duration::from_millis(30),
            writes_down_after: Duration::from_millis(250),
            session_lasts: Duration::from_hours(1),
        }
    }
}

/// One misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The handshake is answered with this status.
    Refuse(u16),
    /// The connection breaks when so many bytes of audio have come since the last item.
    DropWhileHearing(usize),
    /// It breaks before an answer's first audio.
    DropBeforeAnswer,
    /// It breaks after so many words of an answer.
    DropAfterWords(usize),
    /// It breaks when an answer is complete.
    DropAfterAnswer,
    /// An answer never begins.
    NeverAnswer,
    /// An answer stops after so many words, and the connection stays.
    StopAfterWords(usize),
    /// An answer fails.
    FailAnswer,
    /// An answer is complete, and holds nothing.
    AnswerNothing,
    /// Audio comes on after a cancel.
    TalkOn,
    /// Every delta comes twice.
    Repeat,
    /// Events that nobody knows stand between the others.
    UnknownEvents,
    /// The session has expired.
    Expire,
    /// Words of the caller come so late, in milliseconds.
    LateWords(u64),
    /// Words of the caller never come.
    NoWords,
}
