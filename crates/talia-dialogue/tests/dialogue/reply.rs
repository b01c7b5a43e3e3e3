//! What a virtual brain answers.

use crate::world::ms;
use std::time::Duration;
use talia_dialogue::SpeechKind;
use talia_spanish::Expectation;

/// What the brain answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// Before each sentence.
    pub(crate) delay: Duration,
    pub(crate) sentences: Vec<(SpeechKind, String)>,
    pub(crate) expect: Option<Expectation>,
    pub(crate) ends: bool,
    /// A person takes over at its end.
    pub(crate) transfers: bool,
    /// The brain says its answers itself.
    pub(crate) own_voice: bool,
    /// The words are taken for unfinished.
    pub(crate) not_yet: bool,
    /// `Answered` never comes.
    pub(crate) silent: bool,
}

impl Reply {
    pub(crate) fn say(text: &str) -> Self {
        Self {
            delay: ms(100),
            sentences: vec![(SpeechKind::Answer, text.to_owned())],
            ..Self::default()
        }
    }

    pub(crate) fn goodbye(text: &str) -> Self {
        Self {
            sentences: vec![(SpeechKind::Goodbye, text.to_owned())],
            ends: true,
            delay: ms(100),
            ..Self::default()
        }
    }

    pub(crate) fn transfer(text: &str) -> Self {
        Self {
            transfers: true,
            ..Self::say(text)
        }
    }

    pub(crate) fn opening() -> Self {
        Self {
            delay: ms(20),
            sentences: vec![
                (
                    SpeechKind::Disclosure,
                    "Hola, soy TalIA, una inteligencia artificial.".into(),
                ),
                (SpeechKind::Answer, "¿En qué te puedo ayudar?".into()),
            ],
            ..Self::default()
        }
    }
}
