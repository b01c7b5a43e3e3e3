//! The machine: takes inputs in, hands outputs out, and keeps everything one conversation is.

use crate::announcing::Announcements;
use crate::asked::{About, Asked, Filler};
use crate::digits::Digits;
use crate::echo::EchoGuard;
use crate::ending::Closing;
use crate::lines::Lines;
use crate::pauses::Pauses;
use crate::playout::PlayOut;
use crate::silence::Ladder;
use crate::turn::Turn;
use crate::voice::Voice;
use crate::words::{Carried, Repair};
use crate::{
    Cue, CueId, EndReason, Input, JobId, MarkId, Moment, Output, Refused, Resumption, SegmentId, Settings, TurnId,
};
use std::collections::VecDeque;

/// The turn-taking of one telephone conversation.
///
/// Every input is handled to its end: afterwards all outputs are in the queue and [`Self::next_deadline`] lies in the
/// future, until the call [is over](Self::is_over).
#[derive(Debug)]
pub struct Dialogue {
    pub(crate) settings: Settings,
    pub(crate) now: Moment,
    pub(crate) out: VecDeque<Output>,
    pub(crate) count: Count,
    /// When the line was opened.
    pub(crate) opened: Option<Moment>,
    pub(crate) over: bool,
    pub(crate) voice: Voice,
    pub(crate) echo: EchoGuard,
    pub(crate) pauses: Pauses,
    pub(crate) turn: Option<Turn>,
    /// Words of a finished turn that wait for our uninterruptible speech to end.
    pub(crate) carried: Option<Carried>,
    /// The question that the next one takes back.
    pub(crate) repair: Option<Repair>,
    /// The brain wants the rest of the caller's words: until when it is waited for.
    pub(crate) rest_until: Option<Moment>,
    pub(crate) playout: PlayOut,
    pub(crate) current: Option<Asked>,
    /// The last cue whose answer was heard to its end.
    pub(crate) finished: Option<CueId>,
    pub(crate) filler: Option<Filler>,
    pub(crate) expected: Expected,
    /// A sentence of the disclosure was heard.
    pub(crate) disclosed: bool,
    /// All of it was.
    pub(crate) disclosure_heard: bool,
    pub(crate) closing: Option<Closing>,
    /// All was said: the call ends as soon as the caller does not speak.
    pub(crate) hang_up_when_quiet: Option<EndReason>,
    /// The caller hung up; until when we wait for the last words to be written down.
    pub(crate) flush: Option<Moment>,
    pub(crate) digits: Digits,
    pub(crate) announcements: Announcements,
    pub(crate) ladder: Ladder,
    /// Lines of the transcript that wait for words.
    pub(crate) lines: Lines,
    pub(crate) last_said: String,
    /// Answers that failed in a row.
    pub(crate) failures: u8,
    /// Turns in a row that nobody could write down.
    pub(crate) unintelligible: u8,
    /// False alarms while the present answer was said.
    pub(crate) false_alarms: u8,
    pub(crate) refused: Refused,
}

/// What answer is expected, and what was before the present cue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    pub(crate) now: talia_spanish::Expectation,
    pub(crate) before: talia_spanish::Expectation,
}

/// The identities given out so far.
#[derive(Debug, Default)]
pub(crate) struct Count {
    turns: u32,
    segments: u32,
    jobs: u32,
    cues: u32,
}

impl Count {
    pub(crate) fn turn(&mut self) -> TurnId {
        self.turns += 1;
        TurnId(self.turns)
    }

    pub(crate) fn segment(&mut self) -> SegmentId {
        self.segments += 1;
        SegmentId(self.segments)
    }

    pub(crate) fn job(&mut self) -> JobId {
        self.jobs += 1;
        JobId(self.jobs)
    }

    pub(crate) fn cue(&mut self) -> CueId {
        self.cues += 1;
        CueId(self.cues)
    }
}

impl Dialogue {
    /// A conversation that has not begun.
    pub fn new(settings: Settings) -> Self {
        let settings = settings.bounded();
        Self {
            now: Moment::ZERO,
            out: VecDeque::with_capacity(16),
            count: Count::default(),
            opened: None,
            over: false,
            voice: Voice::new(settings.speech_onset, settings.pause),
            echo: EchoGuard::new(),
            pauses: Pauses::default(),
            turn: None,
            carried: None,
            repair: None,
            rest_until: None,
            playout: PlayOut::new(&settings),
            current: None,
            finished: None,
            filler: None,
            expected: Expected::default(),
            disclosed: false,
            disclosure_heard: false,
            closing: None,
            hang_up_when_quiet: None,
            flush: None,
            digits: Digits::default(),
            announcements: Announcements::default(),
            ladder: Ladder::default(),
            lines: Lines::default(),
            last_said: String::new(),
            failures: 0,
            unintelligible: 0,
            false_alarms: 0,
            refused: Refused::default(),
            settings,
        }
    }

    /// Takes one thing that happened at `now` in. A `now` before an earlier one counts as that one.
    pub fn handle(&mut self, now: Moment, input: Input<'_>) {
        self.now = self.now.max(now);
        if self.over {
            self.refused.late += 1;
            return;
        }
        self.voice.settle(self.now);
        match input {
            Input::Opened => self.on_opened(),
            Input::Resumed { disclosed, words, why } => self.on_resumed(disclosed, words, why),
            Input::Voice(step) => self.on_voice(step),
            Input::Partial { turn, text } => self.on_partial(turn, text),
            Input::Transcribed { job, text } => self.on_transcribed(job, text),
            Input::Listened { job } => self.on_listened(job),
            Input::Words { turn, text } => self.on_words(turn, text),
            Input::TranscriptionFailed { job } => self.on_transcription_failed(job),
            Input::EndOfTurn { job, probability } => self.on_end_of_turn(job, probability),
            Input::Digit(key) => self.on_digit(key),
            Input::Say(speech) => self.on_say(speech),
            Input::Speak { cue, utterance } => self.on_speak(cue, utterance),
            Input::Text { segment, text } => self.on_text(segment, text),
            Input::Expect { cue, expectation } => self.on_expect(cue, expectation),
            Input::NotYet { cue, thinking } => self.on_not_yet(cue, thinking),
            Input::Answered { cue } => self.on_answered(cue),
            Input::EndCall { cue } => self.on_end_call(cue),
            Input::Transfer { cue } => self.on_transfer(cue),
            Input::Audio { segment, mulaw } => self.on_audio(segment, mulaw),
            Input::AudioEnd { segment } => self.on_audio_end(segment, false),
            Input::AudioFailed { segment } => self.on_audio_end(segment, true),
            Input::Mark(name) => self.on_mark(name),
            Input::HungUp | Input::Finish(EndReason::CallerHungUp) => self.on_hung_up(),
            Input::Announce { text } => self.on_announce(text),
            Input::Finish(reason) => self.begin_closing(reason),
            Input::End(reason) => self.hang_up(reason),
            Input::Tick => {}
        }
        self.settle();
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether the call has ended: after the last output nothing more will come.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What was refused so far, by reason.
    pub fn refused(&self) -> Refused {
        self.refused
    }

    fn on_opened(&mut self) {
        if self.opened.is_some() {
            self.refused.late += 1;
            return;
        }
        self.opened = Some(self.now);
        self.think(About::Opening, Cue::Opening);
    }

    fn on_resumed(&mut self, disclosed: bool, words: &str, why: Resumption) {
        if self.opened.is_some() {
            self.refused.late += 1;
        } else if disclosed {
            self.opened = Some(self.now);
            self.disclosed = true;
            self.disclosure_heard = true;
            let words = words.trim().to_owned();
            self.think(About::Opening, Cue::Resumed { words, why });
        } else {
            // The disclosure comes first, whatever was said before; then the words have their answer.
            self.on_opened();
            self.carry(words);
        }
    }

    fn on_mark(&mut self, name: &str) {
        if !MarkId::parse(name).is_some_and(|mark| self.playout.acknowledge(mark, self.now)) {
            self.refused.marks += 1;
        }
    }

    /// Lets everything happen that is due now.
    fn settle(&mut self) {
        // A decision may free the way for another, but each pass uses up what it decides on: three passes are enough
        // for the longest chain (words judged, answer dropped, next question asked).
        for _ in 0..4 {
            let before = (self.out.len(), self.over);
            for rule in [
                Self::enforce_limits,
                Self::follow_turn,
                Self::follow_playout,
                Self::follow_brain,
                Self::follow_idle,
                Self::follow_lines,
            ] {
                if self.over {
                    return;
                }
                rule(self);
            }
            if before == (self.out.len(), self.over) {
                return;
            }
        }
    }

    pub(crate) fn hang_up(&mut self, reason: EndReason) {
        if self.over {
            return;
        }
        self.finalise();
        self.out.push_back(Output::HangUp(reason));
        self.over = true;
    }
}
