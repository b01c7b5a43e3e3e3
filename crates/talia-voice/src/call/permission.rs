//! Whether this call may be recorded: asked and answered between dialogue and brain, whichever brain that is.
//!
//! [`Asking`] decides. Here the question is put behind the disclosure and what the brain wanted to begin with is kept back until it
//! is answered; the caller's words go to [`Asking`] first, and to the brain where they are not its. A brain with ears of its own
//! brings them after the turn: the cue waits for them. Its model is told what was asked and said, as of any line of ours.

use super::CallTask;
use crate::brain::script::{Assistant, RecordingTalk};
use crate::brain::{Senses, Thought};
use crate::config::Consent;
use crate::recordings::Archive;
use crate::recordings::asking::{Asking, Decision, Next, Permission, Standing, Then};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use talia_dialogue::{Cue, CueId, Entry, Input, Resumption, Speaker, SpeechKind, TurnId};
use talia_spanish::ear::listening;
use talia_spanish::{Expectation, Language, tongue};

/// What is remembered of it for the call's next stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KeptPermission {
    standing: Standing,
    /// What the brain wanted to begin with, while the caller hasn't heard it.
    greeting: Vec<String>,
}

/// The talk about it with this caller.
#[derive(Debug)]
pub(super) struct PermissionTalk {
    assistant: Arc<Assistant>,
    /// What lets recordings begin; none: calls are not recorded, and all of this does nothing.
    consent: Option<Consent>,
    asking: Asking,
    /// The opening, while what is said behind its disclosure is kept back…
    opening: Option<CueId>,
    /// … here, until the caller has heard it…
    greeting: Vec<String>,
    /// … with what it asks for.
    expects: Expectation,
    /// Turns whose words somebody has understood who hasn't written them down…
    due: Vec<TurnId>,
    /// … the words that have come since…
    written: Vec<String>,
    /// … and the cue that waits for them.
    waits: Option<(CueId, Cue)>,
    /// The caller's last line in the transcript.
    line: Option<String>,
    /// What we asked last that has nothing to do with recording.
    question: Option<String>,
}

impl PermissionTalk {
    /// Goes on from what was kept. `told`: the caller has heard that the call is recorded, and it is.
    pub(super) fn new(
        archive: Option<&Archive>,
        assistant: &Arc<Assistant>,
        (kept, told): (KeptPermission, bool),
    ) -> Self {
        let consent = archive.map(Archive::consent);
        let asked = assistant.recording_talk().and_then(RecordingTalk::asked);
        let mut asking = Asking::new(asked.filter(|_| consent == Some(Consent::OnlyAfterYes)), kept.standing);
        if told && consent == Some(Consent::AfterNotice) {
            asking.told();
        }
        Self {
            assistant: assistant.clone(),
            consent,
            asking,
            opening: None,
            greeting: kept.greeting,
            expects: Expectation::Open,
            due: Vec::new(),
            written: Vec::new(),
            waits: None,
            line: None,
            question: None,
        }
    }

    /// What the next stream needs.
    pub(super) fn kept(&self) -> KeptPermission {
        KeptPermission {
            standing: self.asking.standing().clone(),
            greeting: self.greeting.clone(),
        }
    }

    /// Whether a call whose caller was told may be recorded from its beginning on.
    pub(super) fn is_given(&self) -> bool {
        self.asking.standing().permission == Permission::Given
    }

    /// Whether the caller's next words are not the brain's.
    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_asking()
    }

    /// The caller has heard the disclosure: whether a recording begins with it.
    pub(super) fn disclosed(&mut self) -> bool {
        let begins = self.consent == Some(Consent::AfterNotice);
        if begins {
            self.asking.told();
        }
        begins
    }

    /// The turn's words come later.
    pub(super) fn words_due(&mut self, turn: TurnId) {
        self.due.push(turn);
    }

    /// Nobody wants an answer to this cue any more.
    pub(super) fn forget(&mut self, cue: CueId) {
        self.waits.take_if(|(waits, _)| *waits == cue);
    }

    /// A line of the transcript is final, under this id.
    pub(super) fn line(&mut self, id: &str, entry: &Entry) {
        if entry.speaker == Speaker::Caller {
            self.line = Some(id.to_owned());
            return;
        }
        let (text, whole) = (entry.text.trim(), entry.unheard.is_none());
        self.asking.said(text, whole);
        if whole && self.greeting.last().is_some_and(|last| last == text) {
            self.greeting.clear();
        }
        let own = self.talk().and_then(RecordingTalk::asked);
        if whole && text.ends_with('?') && own != Some(text) {
            self.question = Some(text.to_owned());
        }
    }

    fn talk(&self) -> Option<&RecordingTalk> {
        self.assistant.recording_talk()
    }

    /// A phrase of the talk.
    fn phrase(&self, which: impl FnOnce(&RecordingTalk) -> &'static str) -> Option<String> {
        self.talk().map(which).map(str::to_owned)
    }

    /// All that asks, `again` of somebody who was not understood.
    fn question(&self, again: bool) -> Vec<String> {
        let lines = &self.assistant.lines;
        let excuse = self.phrase(|talk| talk.again).filter(|_| again);
        let keys = lines.keys_yes_no.as_ref().filter(|_| again);
        let keys = keys.and_then(|phrase| self.assistant.filled(phrase));
        let question = self.talk().and_then(|talk| talk.question.clone());
        excuse.into_iter().chain(keys).chain(question).collect()
    }

    /// What is said first after a break.
    fn resumed(&self) -> Option<String> {
        let phrase = self.assistant.lines.resumed.as_ref()?;
        self.assistant.filled(phrase)
    }
}

impl CallTask {
    /// Asks the brain, or whoever asks the caller something before the brain does.
    pub(super) fn ask_brain(&mut self, cue: CueId, about: Cue) {
        let talk = &mut self.permission;
        match &about {
            Cue::Opening => {
                if talk.asking.begin() {
                    talk.opening = Some(cue);
                    talk.greeting.clear();
                }
                self.pass_on(cue, about);
            }
            Cue::Filler | Cue::Closing(_) => self.pass_on(cue, about),
            Cue::Turn { revises, .. }
                if !talk.due.is_empty() && (talk.is_asking() || talk.asking.is_answered_by(*revises)) =>
            {
                talk.waits = Some((cue, about));
            }
            _ => self.consult(cue, about),
        }
    }

    /// Words that were due are there; the cue that waited for the last of them goes on.
    pub(super) fn words_came(&mut self, turn: TurnId, text: &str) {
        let talk = &mut self.permission;
        talk.due.retain(|due| *due != turn);
        if talk.is_asking() || talk.waits.is_some() {
            talk.written.push(text.to_owned());
        }
        if talk.due.is_empty()
            && let Some((cue, about)) = talk.waits.take()
        {
            self.consult(cue, about);
        }
    }

    /// What the brain says behind the disclosure is kept back while the caller has to be asked first.
    pub(super) fn keep_back(&mut self, cue: CueId, thought: Thought) -> Option<Thought> {
        if self.permission.opening != Some(cue) {
            return Some(thought);
        }
        match thought {
            Thought::Say { text, kind } if kind != SpeechKind::Disclosure => {
                self.mouth.foresee(text.clone());
                self.permission.greeting.push(text);
            }
            Thought::Expect(expectation) => self.permission.expects = expectation,
            Thought::Done => {
                self.permission.opening = None;
                self.ask_permission(cue, false);
            }
            other => return Some(other),
        }
        None
    }

    /// What the caller said is written down after it was answered by a brain that hears by itself.
    pub(super) fn look_for_withdrawal(&mut self, text: &str) {
        if !self.brain.senses().is_some_and(|senses| Senses::hears(senses)) {
            return;
        }
        let now = self.now();
        if let Some(decision) = self.permission.asking.withdraw(now, text) {
            self.decide(decision);
            if let Some(text) = self.permission.phrase(|talk| talk.stopped) {
                self.tell(Input::Announce { text: &text });
            }
        }
    }

    fn pass_on(&mut self, cue: CueId, about: Cue) {
        if let Cue::Digits(digits) = &about {
            self.sources.typed(digits, self.now());
        }
        self.brain.think(cue, about);
        self.remembers_more = true;
    }

    fn consult(&mut self, cue: CueId, about: Cue) {
        let now = self.now();
        let talk = &mut self.permission;
        talk.due.clear();
        let written = std::mem::take(&mut talk.written).join(" ");
        let mut said = String::new();
        let next = match &about {
            Cue::Turn { text, revises, .. } => {
                said = if written.trim().is_empty() {
                    text.clone()
                } else {
                    written
                };
                talk.asking.words(now, (cue, *revises), &said)
            }
            Cue::Digits(keys) => talk.asking.keys(now, cue, keys),
            Cue::Silence { .. } => talk.asking.silence(now, cue),
            Cue::NotUnderstood => talk.asking.not_understood(now, cue),
            Cue::Resumed {
                words,
                why: Resumption::StreamLost,
            } => {
                said.clone_from(words);
                talk.asking.resumed(now, cue, words)
            }
            Cue::Resumed { .. } => talk.asking.give_up(now, cue),
            Cue::Opening | Cue::Filler | Cue::Closing(_) => Next::Brain,
        };
        if next != Next::Brain {
            self.remembers_more = true;
        }
        let lost = matches!(
            &about,
            Cue::Resumed {
                why: Resumption::StreamLost,
                ..
            }
        );
        match next {
            // What was kept back was said already, and is still to be heard; "ajá" asks for it, too.
            Next::Brain if lost && !self.permission.greeting.is_empty() && is_nothing_new(&said) => {
                self.say(cue, self.permission.resumed().as_deref());
                self.follow(cue, about, Then::Greet);
            }
            Next::Brain => {
                let says = matches!(about, Cue::Turn { .. } | Cue::Digits(_) | Cue::Resumed { .. });
                if says && !std::mem::take(&mut self.permission.greeting).is_empty() {
                    self.brain.passed_over();
                }
                self.pass_on(cue, about);
            }
            Next::Ask { again } => {
                self.brain.answered_for(&said);
                if lost {
                    self.say(cue, self.permission.resumed().as_deref());
                }
                self.ask_permission(cue, again);
            }
            Next::Decided(decision, then) => {
                self.decide(decision);
                let beside = match &then {
                    Then::Words(words) => said.strip_suffix(words.as_str()),
                    _ => None,
                };
                self.brain.answered_for(beside.unwrap_or(&said));
                if lost {
                    self.say(cue, self.permission.resumed().as_deref());
                }
                if !matches!(
                    about,
                    Cue::Resumed {
                        why: Resumption::NobodyAnswered,
                        ..
                    }
                ) {
                    let text = self.permission.phrase(|talk| match decision.permission {
                        Permission::Given => talk.given,
                        Permission::Withdrawn => talk.stopped,
                        _ => talk.refused,
                    });
                    self.say(cue, text.as_deref());
                }
                self.follow(cue, about, then);
            }
            Next::Stays(then) => self.follow(cue, about, then),
        }
    }

    /// Begins or ends the recording, and writes down why.
    fn decide(&mut self, decision: Decision) {
        self.remembers_more = true;
        self.app.metrics.recording_answered(decision.answer);
        let talk = &self.permission;
        let asked = talk.talk().and_then(|talk| talk.question.clone());
        let asked = asked.filter(|_| decision.asked > 0 && decision.answer != crate::recordings::asking::Answer::Stop);
        let line = talk.line.clone().filter(|_| decision.is_of_words());
        if let (Some(consent), Some(word)) = (talk.consent, decision.permission.word()) {
            self.recorder
                .recording_consent((word, consent.as_str()), &decision, (asked, line));
        }
        match decision.permission {
            Permission::Given => {
                self.told_of_recording = true;
                self.recording.begin(self.app.clock.wall());
            }
            Permission::Withdrawn => {
                self.told_of_recording = false;
                self.recording.end();
            }
            Permission::NotAsked | Permission::Asked | Permission::Refused | Permission::NotGiven => {}
        }
    }

    fn follow(&mut self, cue: CueId, about: Cue, then: Then) {
        match then {
            Then::Greet => {
                for text in self.permission.greeting.clone() {
                    self.say(cue, Some(&text));
                }
                let expects = self.permission.expects;
                self.take_thought(cue, Thought::Expect(expects));
                self.take_thought(cue, Thought::Done);
            }
            Then::Words(text) => {
                self.permission.greeting.clear();
                self.brain.passed_over();
                let (turn, revises) = match about {
                    Cue::Turn { turn, revises, .. } => (turn, revises),
                    // No turn has this number: they count from 1.
                    _ => (TurnId(0), None),
                };
                self.pass_on(cue, Cue::Turn { turn, text, revises });
            }
            Then::Cue => {
                self.permission.greeting.clear();
                self.pass_on(cue, about);
            }
            Then::Nothing => {
                self.say(cue, self.permission.question.clone().as_deref());
                self.take_thought(cue, Thought::Done);
            }
        }
    }

    fn ask_permission(&mut self, cue: CueId, again: bool) {
        for text in self.permission.question(again) {
            self.say(cue, Some(&text));
        }
        self.take_thought(cue, Thought::Expect(Expectation::YesNo));
        self.take_thought(cue, Thought::Done);
    }

    /// Says a text of ours, sentence by sentence.
    fn say(&mut self, cue: CueId, text: Option<&str>) {
        for sentence in text.into_iter().flat_map(tongue::sentences) {
            let text = sentence.trim().to_owned();
            let kind = SpeechKind::Answer;
            self.take_thought(cue, Thought::Say { text, kind });
        }
    }
}

/// Whether these words of the caller's want no answer of their own.
fn is_nothing_new(words: &str) -> bool {
    words.trim().is_empty() || listening::is_backchannel(words, Language::default())
}
