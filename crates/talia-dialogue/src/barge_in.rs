//! The verdict on a sound that the caller made while we spoke.

use crate::Settings;
use std::time::Duration;
use talia_spanish::ear::listening::{is_backchannel, is_hallucination, is_interruption, word_count};

/// A sound that is shorter than this and brings no words in time is taken for a cough.
const SHORT: Duration = Duration::from_millis(300);
/// How long we stay silent for words that may still come, from the moment that we stopped.
pub(crate) const LONGEST_JUDGING: Duration = Duration::from_secs(2);
/// What we have left to say when the caller's "sí" is an answer rather than a sign of listening.
pub(crate) const TAIL: Duration = Duration::from_secs(1);

/// Silence after which the words of a sound are asked for while we judge it: shorter than a turn's pause, because the
/// line is silent meanwhile.
pub(crate) const SOUND_ENDS: Duration = Duration::from_millis(100);

/// What to do about the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not known yet.
    Wait,
    /// It was nothing: go on.
    Resume,
    /// It was an interruption.
    Yield,
}

/// What is known about the sound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// The words so far.
    pub(crate) words: Option<&'a str>,
    /// They cover the whole sound.
    pub(crate) all_words: bool,
    /// Words may still come.
    pub(crate) pending: bool,
    /// They are our own.
    pub(crate) echo: bool,
    /// The caller still speaks.
    pub(crate) speaking: bool,
    /// How long the caller has spoken.
    pub(crate) voiced: Duration,
    /// How long we have been judging.
    pub(crate) judging: Duration,
    /// We had almost finished.
    pub(crate) tail: bool,
}

/// Judges by the words alone.
pub(crate) fn by_words(evidence: &Evidence<'_>, settings: &Settings) -> Verdict {
    let nothing = if evidence.speaking || !evidence.all_words {
        Verdict::Wait
    } else {
        Verdict::Resume
    };
    let Some(words) = evidence.words else {
        return Verdict::Wait;
    };
    if is_hallucination(words) || evidence.echo {
        nothing
    } else if is_interruption(words, settings.language) || evidence.tail {
        Verdict::Yield
    } else if is_backchannel(words, settings.language) {
        nothing
    } else if word_count(words) >= settings.barge_in_words {
        Verdict::Yield
    } else {
        nothing
    }
}

/// Judges by words and, when their time is over, by how long the sound lasted.
pub(crate) fn judge(evidence: &Evidence<'_>, settings: &Settings) -> Verdict {
    let verdict = by_words(evidence, settings);
    if verdict != Verdict::Wait || evidence.judging < settings.barge_in_verdict {
        return verdict;
    }
    if evidence.speaking {
        return Verdict::Yield;
    }
    if evidence.voiced >= SHORT && evidence.pending && evidence.judging < LONGEST_JUDGING {
        return Verdict::Wait;
    }
    Verdict::Resume
}
