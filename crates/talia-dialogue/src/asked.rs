//! One question to the brain and how far its answer has come.

use crate::announcing::Announcement;
use crate::{CueId, Moment, TurnId};

/// What a cue is about, without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Opening,
    Turn,
    Digits,
    NotUnderstood,
    Silence,
    /// Somebody else's words.
    Announcement,
    Closing,
}

/// The stages of the turn that led to the cue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stages {
    pub(crate) turn: TurnId,
    pub(crate) speech_ended: Moment,
    pub(crate) transcribed: Moment,
}

/// The question that the brain is busy with, until its whole answer was heard or dropped.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: CueId,
    pub(crate) about: About,
    pub(crate) at: Moment,
    /// The caller's words in it, kept in case the caller goes on.
    pub(crate) words: String,
    /// When the brain last said something, or something of it was heard.
    pub(crate) progress: Moment,
    /// The brain has said all.
    pub(crate) answered: bool,
    /// The call ends when all of it was heard.
    pub(crate) ends_call: bool,
    /// …because a person takes over.
    pub(crate) transfers: bool,
    /// When its first sentence came.
    pub(crate) first_text: Option<Moment>,
    /// Samples heard of its sentences that are done.
    pub(crate) heard: u32,
    /// The last of its sentences that is done broke off, or nothing of it was made.
    pub(crate) unsaid: bool,
    pub(crate) stages: Option<Stages>,
    /// What is said without a brain.
    pub(crate) announces: Option<Announcement>,
    pub(crate) measured: bool,
    pub(crate) bridged: bool,
}

impl Asked {
    pub(crate) fn new(id: CueId, about: About, at: Moment) -> Self {
        Self {
            id,
            about,
            at,
            words: String::new(),
            progress: at,
            answered: false,
            ends_call: about == About::Closing,
            transfers: false,
            first_text: None,
            heard: 0,
            unsaid: false,
            stages: None,
            announces: None,
            measured: false,
            bridged: false,
        }
    }
}

/// The question for a few words that bridge a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filler {
    pub(crate) id: CueId,
}
