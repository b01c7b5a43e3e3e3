//! What must hold in every conversation, checked on each output.

use std::collections::HashMap;
use talia_audio::frame::samples_in;
use talia_dialogue::{
    Cue, CueId, MarkId, Output, SegmentId, Speaker, SpeechKind, State, TurnId, UtteranceId, heard_prefix,
};

/// A sentence as the oracle knows it.
struct Said {
    text: String,
    cue: CueId,
    kind: SpeechKind,
    made: u32,
    complete: bool,
    /// Sent, in this generation.
    sent: u32,
    /// Sent, in any generation.
    most_sent: u32,
    heard: u32,
}

impl Said {
    fn new(text: &str, cue: CueId, kind: SpeechKind) -> Self {
        Self {
            text: text.to_owned(),
            cue,
            kind,
            made: 0,
            complete: false,
            sent: 0,
            most_sent: 0,
            heard: 0,
        }
    }
}

/// The byte that a virtual voice makes at a position of a sentence, so that order and completeness can be checked.
pub(crate) fn voice_byte(segment: SegmentId, position: u32) -> u8 {
    ((segment.0 * 31 + position) % 251) as u8
}

/// Watches one conversation.
#[derive(Default)]
pub(crate) struct Oracle {
    said: HashMap<SegmentId, Said>,
    frames: Vec<u8>,
    generation: u32,
    last: Option<SegmentId>,
    pub(crate) disclosed: bool,
    ended: bool,
    /// The line returns no marks: what is heard by the clock can't be seen from here.
    pub(crate) deaf: bool,
    pub(crate) cues: Vec<(CueId, Cue)>,
    pub(crate) forgotten: Vec<CueId>,
    utterances: HashMap<UtteranceId, SegmentId>,
    pub(crate) words_due: Vec<TurnId>,
}

impl Oracle {
    pub(crate) fn audio_made(&mut self, segment: SegmentId, samples: u32) {
        if let Some(said) = self.said.get_mut(&segment).filter(|said| !said.complete) {
            said.made += samples;
        }
    }

    pub(crate) fn text_grew(&mut self, segment: SegmentId, text: &str) {
        if let Some(said) = self.said.get_mut(&segment).filter(|said| !said.complete) {
            said.text.push_str(text);
        }
    }

    pub(crate) fn audio_ended(&mut self, segment: SegmentId) {
        if let Some(said) = self.said.get_mut(&segment) {
            said.complete = true;
        }
    }

    /// A mark's echo is about to be handed in.
    pub(crate) fn echoed(&mut self, mark: MarkId) {
        if mark.generation == self.generation
            && let Some(said) = self.said.get_mut(&mark.segment)
        {
            said.heard = said.heard.max(mark.samples);
        }
    }

    /// Checks the outputs of one input; `state` is the machine's state after it.
    pub(crate) fn check(&mut self, outputs: &[Output], state: State) {
        // What a clear throws away right behind it is never played over the caller.
        let cleared = outputs.iter().rposition(|output| *output == Output::Clear);
        for (place, output) in outputs.iter().enumerate() {
            assert!(!self.ended, "something after the end: {output:?}");
            match output {
                Output::Frame(frame) => {
                    assert!(
                        cleared.is_some_and(|cleared| place < cleared)
                            || !matches!(state, State::CallerSpeaking | State::Judging),
                        "a frame while the caller has the floor ({state:?}): {outputs:?}"
                    );
                    self.frames.extend_from_slice(frame);
                }
                Output::Mark(mark) => self.check_mark(*mark),
                Output::Clear => self.check_clear(),
                Output::Synthesize {
                    segment,
                    cue,
                    text,
                    kind,
                } => {
                    let said = Said::new(text, *cue, *kind);
                    assert!(self.said.insert(*segment, said).is_none(), "a sentence twice");
                }
                Output::Speak { segment, utterance } => {
                    let (cue, _) = self.cues.last().expect("a question");
                    let said = Said::new("", *cue, SpeechKind::Answer);
                    assert!(self.said.insert(*segment, said).is_none(), "a sentence twice");
                    assert!(self.utterances.insert(*utterance, *segment).is_none(), "spoken twice");
                }
                Output::Cut { utterance, heard } => {
                    let segment = self
                        .utterances
                        .remove(utterance)
                        .expect("cut once, after it was spoken");
                    let said = self.said.get_mut(&segment).expect("known");
                    let samples = samples_in(*heard) as u32;
                    // What was sent behind the last mark is not known by sentence here.
                    let most = said.made.min(said.most_sent + 1_600);
                    assert!(samples <= most, "{samples} heard, {most} sent");
                    assert!(
                        self.deaf || samples >= said.heard,
                        "{samples} heard, {} marked",
                        said.heard
                    );
                    said.complete = true;
                }
                Output::TurnClosed { turn, words_due: true } => self.words_due.push(*turn),
                Output::DisclosureHeard => {
                    assert!(!self.disclosed, "the disclosure was heard twice");
                    self.disclosed = true;
                }
                Output::Think { cue, about } => {
                    if let Cue::Turn {
                        revises: Some(earlier),
                        text,
                        ..
                    } = about
                    {
                        let known = self.cues.iter().find(|(id, _)| id == earlier);
                        let Some((_, Cue::Turn { text: words, .. })) = known else {
                            panic!("revises no turn")
                        };
                        assert!(text.starts_with(words.as_str()), "{text:?} does not contain {words:?}");
                        assert!(self.forgotten.contains(earlier), "revised and not forgotten");
                    }
                    if !matches!(about, Cue::Opening | Cue::Closing(_)) {
                        assert!(self.disclosed, "a question before the disclosure was heard: {about:?}");
                    }
                    self.cues.push((*cue, about.clone()));
                }
                Output::Forget { cue } => {
                    assert!(!self.forgotten.contains(cue), "forgotten twice");
                    self.forgotten.push(*cue);
                }
                Output::Transcript(entry) if entry.speaker == Speaker::Assistant => {
                    let whole = entry.unheard.is_none();
                    let fits = self.said.values().any(|said| {
                        if whole {
                            said.text.trim() == entry.text.trim()
                                && (entry.by_timer || (said.complete && (said.heard == said.made)))
                        } else {
                            let most = heard_prefix(&said.text, said.heard as f32 / said.made.max(1) as f32);
                            if entry.by_timer {
                                said.text.starts_with(&entry.text)
                            } else {
                                most.starts_with(&entry.text)
                            }
                        }
                    });
                    assert!(fits, "nobody said or heard that: {entry:?}");
                }
                Output::HangUp(_) => self.ended = true,
                _ => {}
            }
        }
    }

    fn check_mark(&mut self, mark: MarkId) {
        assert_eq!(mark.generation, self.generation, "a mark of another generation");
        let disclosed = self.disclosed;
        if let Some(last) = self.last.filter(|last| *last != mark.segment) {
            let before = &self.said[&last];
            let ended = before.complete && before.sent == before.made;
            // An answer that is not wanted any more may end where its audio ran dry.
            let dropped = self.forgotten.contains(&before.cue) && (self.deaf || before.sent == before.heard);
            assert!(ended || dropped, "a sentence was left before its end");
        }
        let said = self.said.get_mut(&mark.segment).expect("a mark of an unknown sentence");
        assert!(
            disclosed || said.kind == SpeechKind::Disclosure,
            "something before the disclosure"
        );
        if self.deaf && self.generation > 0 {
            said.sent = mark.samples;
            said.most_sent = said.most_sent.max(said.sent);
            self.frames.clear();
            return;
        }
        let length = mark.samples - said.sent;
        let padded = length.next_multiple_of(160) as usize;
        assert_eq!(self.frames.len(), padded, "the mark's place is not what was sent");
        assert!(padded <= 1_600, "marks too far apart: {padded}");
        for (index, byte) in self.frames.drain(..).enumerate() {
            let expected = if (index as u32) < length {
                voice_byte(mark.segment, said.sent + index as u32)
            } else {
                0xFF
            };
            assert_eq!(byte, expected, "wrong audio at {} of {mark}", said.sent + index as u32);
        }
        said.sent = mark.samples;
        said.most_sent = said.most_sent.max(said.sent);
        assert!(said.sent <= said.made);
        self.last = Some(mark.segment);
    }

    fn check_clear(&mut self) {
        for said in self.said.values_mut() {
            let fixed = matches!(said.kind, SpeechKind::Disclosure | SpeechKind::Goodbye);
            assert!(
                self.deaf || !fixed || said.sent == said.heard,
                "a {:?} was cut",
                said.kind
            );
            said.sent = said.heard;
        }
        self.generation += 1;
        self.frames.clear();
        self.last = None;
    }
}
