//! The ledger's lines: what the caller has heard of us, and what we have heard of the caller.

use crate::sentence::Sentence;
use crate::{Entry, Moment, Speaker};

/// The line of a sentence that was played to its end. `None` when nothing of it was heard.
pub(crate) fn played(sentence: &Sentence) -> Option<Entry> {
    cut(std::slice::from_ref(sentence))
}

/// The line of sentences that are dropped together: the heard words of the first, and everything left unheard.
/// `None` when there is nothing to tell.
pub(crate) fn cut(sentences: &[Sentence]) -> Option<Entry> {
    let first = sentences.first()?;
    let (heard, rest) = first.split();
    let mut unheard = rest.to_owned();
    for text in sentences[1..].iter().map(|sentence| sentence.text.trim()) {
        if !unheard.is_empty() && !text.is_empty() {
            unheard.push(' ');
        }
        unheard.push_str(text);
    }
    if heard.is_empty() && unheard.is_empty() {
        return None;
    }
    // All words that came were heard, and more of them would have come: that is a cut too.
    let growing = first.utterance.is_some() && !first.complete;
    Some(Entry {
        speaker: Speaker::Assistant,
        text: heard.to_owned(),
        unheard: (growing || !unheard.is_empty()).then_some(unheard),
        began: first.began,
        ended: first.ended.max(first.began),
        kind: Some(first.kind),
        by_timer: first.by_timer,
        own_voice: first.utterance.is_some(),
    })
}

/// The line of the caller's words.
pub(crate) fn caller(text: &str, began: Moment, ended: Moment) -> Entry {
    Entry {
        speaker: Speaker::Caller,
        text: text.trim().to_owned(),
        unheard: None,
        began,
        ended: ended.max(began),
        kind: None,
        by_timer: false,
        own_voice: false,
    }
}
