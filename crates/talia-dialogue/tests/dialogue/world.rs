//! The virtual clock and everything around the machine: caller, ears, brain, mouth.

use crate::line::Line;
use crate::oracle::{Oracle, voice_byte};
use crate::reply::Reply;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;
use talia_dialogue::Dialogue;
use talia_dialogue::{
    Cue, CueId, EndReason, Input, JobId, Moment, Output, Resumption, SegmentId, Settings, Speech, SpeechKind,
    TranscriptionPurpose, TurnId, UtteranceId, VoiceStep, heard_prefix,
};
use talia_spanish::Expectation;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// From one moment to a later one.
pub(crate) fn between(earlier: Moment, later: Moment) -> Duration {
    later.checked_sub(earlier).expect("in order")
}

/// What the caller says, and when.
#[derive(Clone, Debug)]
pub(crate) struct Utterance {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    pub(crate) text: String,
    pub(crate) level: f32,
}

#[derive(Clone, Debug)]
enum Event {
    Words(JobId, TurnId),
    Listened(JobId),
    LateWords(TurnId, String),
    Speak(CueId, UtteranceId),
    Text(SegmentId, String),
    WordsFailed(JobId),
    End(JobId),
    Say(CueId, SpeechKind, String),
    Expect(CueId, Expectation),
    Answered(CueId),
    NotYet(CueId),
    EndCall(CueId),
    Transfer(CueId),
    Audio(SegmentId, u32, u32),
    AudioEnd(SegmentId),
    AudioFailed(SegmentId),
    Digit(char),
    HungUp,
    Announce(String),
    Finish(EndReason),
    Ends(EndReason),
}

/// One call.
pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) dialogue: Dialogue,
    pub(crate) line: Line,
    pub(crate) oracle: Oracle,
    pub(crate) caller: Vec<Utterance>,
    pub(crate) brain: Box<dyn FnMut(&Cue) -> Reply>,
    /// How long a transcription takes; `None` when it fails.
    pub(crate) words_delay: Option<Duration>,
    /// How sure the predictor is when the caller has finished an utterance.
    pub(crate) sure: f32,
    /// From the order of a sentence to its first audio.
    pub(crate) voice_delay: Duration,
    /// Between two pieces of audio of 417 ms.
    pub(crate) voice_gap: Duration,
    /// How late ticks are.
    pub(crate) late: Duration,
    /// The brain hears by itself: only words that decide about an interruption are written down at once.
    pub(crate) listens: bool,
    /// A streaming recogniser runs along.
    pub(crate) partials: bool,
    /// Samples a character.
    pub(crate) pace: u32,
    /// The voice fails for sentences that contain this.
    pub(crate) mute: Option<&'static str>,
    /// No steps of the detector come any more from here on.
    pub(crate) steps_until: Moment,
    pub(crate) log: Vec<(Moment, Output)>,
    pub(crate) inputs: u64,
    /// What the machine itself took.
    pub(crate) machine: Duration,
    events: BinaryHeap<Reverse<(Moment, u64)>>,
    what: HashMap<u64, Event>,
    turns: HashMap<TurnId, Moment>,
    open_turn: Option<TurnId>,
    next_step: Moment,
    utterances: HashMap<UtteranceId, Vec<String>>,
}

impl World {
    pub(crate) fn new(brain: impl FnMut(&Cue) -> Reply + 'static) -> Self {
        Self::with(Settings::default(), brain)
    }

    pub(crate) fn with(settings: Settings, brain: impl FnMut(&Cue) -> Reply + 'static) -> Self {
        Self {
            now: Moment::ZERO,
            dialogue: Dialogue::new(settings),
            line: Line::new(),
            oracle: Oracle::default(),
            caller: Vec::new(),
            brain: Box::new(brain),
            words_delay: Some(ms(150)),
            sure: 0.9,
            voice_delay: ms(100),
            voice_gap: ms(60),
            late: Duration::ZERO,
            listens: false,
            partials: false,
            pace: 500,
            mute: None,
            steps_until: Moment::MAX,
            log: Vec::new(),
            inputs: 0,
            machine: Duration::ZERO,
            events: BinaryHeap::new(),
            what: HashMap::new(),
            turns: HashMap::new(),
            open_turn: None,
            next_step: Moment::ZERO,
            utterances: HashMap::new(),
        }
    }

    /// The caller says `text` from `from` on, at a telephone's usual pace.
    pub(crate) fn speaks(&mut self, from: u64, text: &str) {
        let length = (text.chars().count() as u64 * 65).max(250);
        self.sounds(from, length, text);
    }

    /// The caller makes a sound of a given length that is written down as `text`.
    pub(crate) fn sounds(&mut self, from: u64, length: u64, text: &str) {
        self.caller.push(Utterance {
            from: ms(from),
            to: ms(from + length),
            text: text.to_owned(),
            level: -20.0,
        });
    }

    pub(crate) fn presses(&mut self, at: u64, key: char) {
        self.schedule(ms(at), Event::Digit(key));
    }

    pub(crate) fn hangs_up(&mut self, at: u64) {
        self.schedule(ms(at), Event::HungUp);
    }

    /// Somebody else says `text` through us.
    pub(crate) fn announces(&mut self, at: u64, text: &str) {
        self.schedule(ms(at), Event::Announce(text.to_owned()));
    }

    pub(crate) fn ends(&mut self, at: u64, reason: EndReason) {
        self.schedule(ms(at), Event::Ends(reason));
    }

    pub(crate) fn finishes(&mut self, at: u64, reason: EndReason) {
        self.schedule(ms(at), Event::Finish(reason));
    }

    /// The conversation goes on after a break, instead of from its opening.
    pub(crate) fn resumes(&mut self, disclosed: bool, words: &str) {
        self.oracle.disclosed = disclosed;
        self.give(Input::Resumed {
            disclosed,
            words,
            why: Resumption::StreamLost,
        });
    }

    fn schedule(&mut self, at: Moment, event: Event) {
        let number = self.what.len() as u64;
        self.what.insert(number, event);
        self.events.push(Reverse((at.max(self.now), number)));
    }

    /// Runs from the opening to the end or to `until`.
    pub(crate) fn run(&mut self, until: u64) -> &mut Self {
        self.oracle.deaf = self.line.deaf;
        if self.inputs == 0 {
            self.give(Input::Opened);
        }
        while !self.dialogue.is_over() {
            let step = if self.next_step < self.steps_until {
                Some(self.next_step)
            } else {
                None
            };
            let event = self.events.peek().map(|Reverse((at, _))| *at);
            let tick = self.dialogue.next_deadline().map(|at| at + self.late);
            let echo = self.line.next_echo();
            let Some(next) = [step, event, tick, echo].into_iter().flatten().min() else {
                break;
            };
            if next > ms(until) {
                break;
            }
            self.now = self.now.max(next);
            if echo == Some(next) {
                if let Some(mark) = self.line.echo(next)
                    && !self.line.deaf
                {
                    self.oracle.echoed(mark);
                    self.give(Input::Mark(&mark.to_string()));
                }
            } else if event == Some(next) {
                if let Some(event) = self
                    .events
                    .pop()
                    .and_then(|Reverse((_, number))| self.what.get(&number).cloned())
                {
                    self.happen(event);
                }
            } else if step == Some(next) {
                self.next_step += ms(32);
                if self.partials
                    && let Some(turn) = self.open_turn
                {
                    let text = self.heard_in(turn);
                    self.give(Input::Partial { turn, text: &text });
                }
                let voice = self.caller.iter().find(|said| said.from < next && next <= said.to);
                let (probability, level_dbfs) = voice.map_or((0.02, -70.0), |said| (0.95, said.level));
                self.give(Input::Voice(VoiceStep {
                    probability,
                    level_dbfs,
                    duration: ms(32),
                }));
            } else {
                self.give(Input::Tick);
            }
        }
        self
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Words(job, turn) => {
                let text = self.heard_in(turn);
                self.give(Input::Transcribed { job, text: &text });
            }
            Event::Listened(job) => self.give(Input::Listened { job }),
            Event::LateWords(turn, text) => self.give(Input::Words { turn, text: &text }),
            Event::Speak(cue, utterance) => self.give(Input::Speak { cue, utterance }),
            Event::Text(segment, text) => {
                self.oracle.text_grew(segment, &text);
                self.give(Input::Text { segment, text: &text });
            }
            Event::WordsFailed(job) => self.give(Input::TranscriptionFailed { job }),
            Event::End(job) => {
                let ended = self
                    .caller
                    .iter()
                    .any(|said| said.to <= self.now && said.to + ms(700) >= self.now);
                let probability = if ended { self.sure } else { 0.1 };
                self.give(Input::EndOfTurn { job, probability });
            }
            Event::Say(cue, kind, text) => self.give(Input::Say(Speech { cue, text: &text, kind })),
            Event::Expect(cue, expectation) => self.give(Input::Expect { cue, expectation }),
            Event::NotYet(cue) => self.give(Input::NotYet { cue, thinking: false }),
            Event::Answered(cue) => self.give(Input::Answered { cue }),
            Event::EndCall(cue) => self.give(Input::EndCall { cue }),
            Event::Transfer(cue) => self.give(Input::Transfer { cue }),
            Event::Audio(segment, from, to) => {
                let mulaw: Vec<u8> = (from..to).map(|position| voice_byte(segment, position)).collect();
                self.oracle.audio_made(segment, to - from);
                self.give(Input::Audio { segment, mulaw: &mulaw });
            }
            Event::AudioEnd(segment) => {
                self.oracle.audio_ended(segment);
                self.give(Input::AudioEnd { segment });
            }
            Event::AudioFailed(segment) => {
                self.oracle.audio_ended(segment);
                self.give(Input::AudioFailed { segment });
            }
            Event::Digit(key) => self.give(Input::Digit(key)),
            Event::HungUp => self.give(Input::HungUp),
            Event::Announce(text) => self.give(Input::Announce { text: &text }),
            Event::Finish(reason) => self.give(Input::Finish(reason)),
            Event::Ends(reason) => self.give(Input::End(reason)),
        }
    }

    /// What a recogniser would write down of the turn so far.
    fn heard_in(&self, turn: TurnId) -> String {
        let began = self.turns[&turn].saturating_sub(ms(500));
        let mut words = Vec::new();
        for said in self
            .caller
            .iter()
            .filter(|said| said.to > began && said.from < self.now)
        {
            let part = between(said.from, self.now).as_secs_f32() / between(said.from, said.to).as_secs_f32();
            words.push(heard_prefix(&said.text, part));
        }
        words.join(" ")
    }

    pub(crate) fn give(&mut self, input: Input<'_>) {
        self.inputs += 1;
        #[expect(clippy::disallowed_methods, reason = "measures how fast the machine itself runs")]
        let started = std::time::Instant::now();
        self.dialogue.handle(self.now, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.dialogue.poll_output() {
            outputs.push(output);
        }
        self.machine += started.elapsed();
        for output in &outputs {
            if let Output::CancelSynthesis { segment } = output {
                self.oracle.audio_ended(*segment);
            }
        }
        self.oracle.check(&outputs, self.dialogue.state());
        match self.dialogue.next_deadline() {
            Some(at) => assert!(
                at > self.now && !self.dialogue.is_over(),
                "{at:?} is not after {:?}",
                self.now
            ),
            None => assert!(self.dialogue.is_over(), "waits without a timer"),
        }
        for output in outputs {
            self.carry_out(&output);
            self.log.push((self.now, output));
        }
    }

    fn carry_out(&mut self, output: &Output) {
        match output {
            Output::Frame(_) => self.line.frame(self.now),
            Output::Mark(mark) => self.line.mark(self.now, *mark),
            Output::Clear => self.line.clear(self.now),
            Output::TurnStarted { turn } => {
                self.turns.insert(*turn, self.now);
                self.open_turn = Some(*turn);
            }
            Output::TurnClosed { turn, words_due } => {
                self.open_turn = self.open_turn.filter(|open| open != turn);
                if let Some(delay) = self.words_delay.filter(|_| *words_due) {
                    let text = self.heard_in(*turn);
                    self.schedule(self.now + delay, Event::LateWords(*turn, text));
                }
            }
            Output::Transcribe { job, purpose, .. } if self.listens && *purpose == TranscriptionPurpose::Pause => {
                self.schedule(self.now, Event::Listened(*job));
            }
            Output::Transcribe { job, turn, .. } => match self.words_delay {
                Some(delay) => self.schedule(self.now + delay, Event::Words(*job, *turn)),
                None => self.schedule(self.now + ms(50), Event::WordsFailed(*job)),
            },
            Output::PredictEndOfTurn { job, .. } => self.schedule(self.now + ms(40), Event::End(*job)),
            Output::Think { cue, about } => self.think(*cue, about),
            Output::Forget { cue } => self.what.values_mut().for_each(|event| {
                // A forgotten question's sentences may still be under way: the machine has to refuse them itself.
                if matches!(event, Event::EndCall(own) | Event::Transfer(own) if own == cue) {
                    *event = Event::Answered(*cue);
                }
            }),
            Output::Synthesize { segment, text, .. } => self.synthesize(*segment, text),
            Output::Speak { segment, utterance } => self.speak(*segment, *utterance),
            _ => {}
        }
    }

    fn think(&mut self, cue: CueId, about: &Cue) {
        let reply = (self.brain)(about);
        let mut at = self.now;
        if let Some(expectation) = reply.expect {
            self.schedule(at + reply.delay, Event::Expect(cue, expectation));
        }
        for (kind, text) in reply.sentences {
            at += reply.delay;
            if reply.own_voice && kind == SpeechKind::Answer {
                let utterance = UtteranceId(self.utterances.len() as u32 + 1);
                let words = text.split_inclusive(' ').map(str::to_owned).collect();
                self.utterances.insert(utterance, words);
                self.schedule(at, Event::Speak(cue, utterance));
            } else {
                self.schedule(at, Event::Say(cue, kind, text));
            }
        }
        if reply.not_yet {
            self.schedule(at + reply.delay, Event::NotYet(cue));
            return;
        }
        if reply.transfers {
            self.schedule(at, Event::Transfer(cue));
        }
        if reply.ends {
            self.schedule(at, Event::EndCall(cue));
        }
        if !reply.silent {
            self.schedule(at + ms(1), Event::Answered(cue));
        }
    }

    /// Text comes a little before its audio, and the end when both are there.
    fn speak(&mut self, segment: SegmentId, utterance: UtteranceId) {
        let words = self.utterances[&utterance].clone();
        let mut at = self.now;
        let mut from = 0;
        for word in words {
            let to = from + word.chars().count() as u32 * self.pace + 11;
            self.schedule(at, Event::Text(segment, word));
            self.schedule(at + ms(5), Event::Audio(segment, from, to));
            from = to;
            at += self.voice_gap;
        }
        self.schedule(at + ms(5), Event::AudioEnd(segment));
    }

    fn synthesize(&mut self, segment: SegmentId, text: &str) {
        let mut at = self.now + self.voice_delay;
        if self.mute.is_some_and(|mute| text.contains(mute)) {
            self.schedule(at, Event::AudioFailed(segment));
            return;
        }
        let total = text.chars().count() as u32 * self.pace + 37;
        let mut from = 0;
        while from < total {
            let to = (from + 3_333).min(total);
            self.schedule(at, Event::Audio(segment, from, to));
            from = to;
            at += self.voice_gap;
        }
        self.schedule(at, Event::AudioEnd(segment));
    }
}
