//! What somebody else says to the caller through us: said as soon as nobody has the floor, between two answers.

use crate::asked::{About, Asked};
use crate::dialogue::Dialogue;
use crate::{Speech, SpeechKind};
use std::collections::VecDeque;
use talia_spanish::tongue;

/// Announcements that may wait.
const WAITING: usize = 4;

/// One that waits, or is being said.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    text: String,
    /// The caller has begun to speak over it before anything of it was heard. It is tried once more, not for ever.
    tried: bool,
}

/// Those that wait, in order.
#[derive(Debug, Default)]
pub(crate) struct Announcements(VecDeque<Announcement>);

impl Announcements {
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Hardly anything of it was heard: it is the next one again.
    pub(crate) fn put_back(&mut self, announcement: Announcement) {
        if !announcement.tried {
            self.0.push_front(Announcement {
                tried: true,
                ..announcement
            });
        }
    }
}

impl Dialogue {
    /// Whether [`crate::Input::Announce`] would be taken: the call isn't about to end, and few enough wait.
    pub fn takes_announcements(&self) -> bool {
        !self.is_ending() && self.announcements.0.len() < WAITING
    }

    /// Whether the call is about to end, or has ended.
    pub fn is_ending(&self) -> bool {
        self.over || self.closing.is_some() || self.hang_up_when_quiet.is_some() || self.flush.is_some()
    }

    pub(crate) fn on_announce(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() || !self.takes_announcements() {
            self.refused.announcements += 1;
            return;
        }
        self.announcements.0.push_back(Announcement {
            text: text.to_owned(),
            tried: false,
        });
    }

    /// Says the next one. No brain is asked: the words are there.
    pub(crate) fn announce(&mut self) {
        let Some(announcement) = self.announcements.0.pop_front() else {
            return;
        };
        let cue = self.count.cue();
        let mut asked = Asked::new(cue, About::Announcement, self.now);
        asked.answered = true;
        self.expected.before = self.expected.now;
        self.false_alarms = 0;
        let sentences: Vec<String> = tongue::sentences(&announcement.text)
            .into_iter()
            .map(str::to_owned)
            .collect();
        asked.announces = Some(announcement);
        self.current = Some(asked);
        for text in &sentences {
            let kind = SpeechKind::Answer;
            self.on_say(Speech { cue, text, kind });
        }
    }
}
