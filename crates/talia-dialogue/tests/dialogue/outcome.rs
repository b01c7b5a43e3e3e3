//! What came of a conversation: its transcript, questions and end.

use crate::world::World;
use talia_dialogue::{Cue, EndReason, Entry, Moment, Output, Speaker};

impl World {
    pub(crate) fn entries(&self) -> Vec<&Entry> {
        self.log
            .iter()
            .filter_map(|(_, output)| {
                if let Output::Transcript(entry) = output {
                    Some(entry)
                } else {
                    None
                }
            })
            .collect()
    }

    /// The transcript in short: speaker and words.
    pub(crate) fn transcript(&self) -> Vec<String> {
        let line = |entry: &&Entry| {
            let who = if entry.speaker == Speaker::Caller { "C" } else { "A" };
            let cut = entry
                .unheard
                .as_ref()
                .map_or(String::new(), |unheard| format!(" [{unheard}]"));
            format!("{who}: {}{cut}", entry.text)
        };
        self.entries().iter().map(line).collect()
    }

    pub(crate) fn cues(&self) -> Vec<&Cue> {
        self.oracle.cues.iter().map(|(_, cue)| cue).collect()
    }

    pub(crate) fn turns_asked(&self) -> Vec<(&str, bool)> {
        let turn = |cue: &'_ Cue| matches!(cue, Cue::Turn { .. });
        self.oracle
            .cues
            .iter()
            .filter(|(_, cue)| turn(cue))
            .filter_map(|(_, cue)| {
                if let Cue::Turn { text, revises, .. } = cue {
                    Some((text.as_str(), revises.is_some()))
                } else {
                    None
                }
            })
            .collect()
    }

    pub(crate) fn when(&self, wanted: impl Fn(&Output) -> bool) -> Option<Moment> {
        self.log.iter().find(|(_, output)| wanted(output)).map(|(at, _)| *at)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().filter(|(_, output)| wanted(output)).count()
    }

    pub(crate) fn end(&self) -> Option<EndReason> {
        self.log.iter().find_map(|(_, output)| {
            if let Output::HangUp(reason) = output {
                Some(*reason)
            } else {
                None
            }
        })
    }
}
