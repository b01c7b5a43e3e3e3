//! The caller: follows a script, frame by frame, by what is heard of the assistant. Pure: takes the time.

use std::{collections::VecDeque, sync::Arc};

use serde::Serialize;
use talia_audio::frame::FRAME_SAMPLES;

use crate::{
    assistant_ear::Scene,
    keywords,
    lines::{Line, PreparedScript},
    script::Step,
};

/// Keys are pressed one each 200 ms, unless the script says otherwise.
const KEY_MS: u64 = 200;
/// While a word is awaited, what was heard so far is transcribed this often.
const PARTIAL_MS: u64 = 400;
/// Steps that may pass in one tick; more would be a script that never waits.
const STEPS_PER_TICK: usize = 64;

/// Why the caller makes a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeechKind {
    /// A turn of its own.
    Say,
    /// Over the assistant, to stop it.
    Interrupt,
    /// Over the assistant, to encourage it.
    Backchannel,
    /// No speech at all.
    Noise,
}

/// The script and the assistant didn't go together; the caller hangs up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum ScriptFault {
    /// The assistant didn't do what a step waited for.
    #[error("step {step} waited for the assistant in vain")]
    WaitedInVain {
        /// Counted from 1.
        step: usize,
    },
    /// The assistant should have hung up.
    #[error("step {step} expected the other side to hang up")]
    NotHungUp {
        /// Counted from 1.
        step: usize,
    },
}

/// What the caller does in a tick, beside its voice.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A line begins with this tick's frame.
    Began {
        /// Why.
        kind: SpeechKind,
        /// Its words.
        text: String,
    },
    /// The line ended with the frame of the tick before.
    Ended {
        /// Why it was said.
        kind: SpeechKind,
    },
    /// The caller wants to understand what the assistant has said in this turn; see [`Caller::understood`].
    Listen {
        /// To be handed back with the text.
        request: u64,
    },
    /// Presses a key.
    Press(char),
    /// Hangs up.
    HangUp,
    /// The media socket fails.
    DropSocket {
        /// Without a closing frame.
        abrupt: bool,
    },
    /// The script failed.
    Fault(ScriptFault),
}

/// A line from outside, for [`Step::Live`].
#[derive(Debug, Clone)]
pub enum LiveInput {
    /// Says it, after what was said before.
    Say(Line),
    /// Presses keys.
    Press(char),
    /// Hangs up.
    HangUp,
}

#[derive(Debug)]
struct Mouth {
    line: Line,
    kind: SpeechKind,
    offset: usize,
    /// Whether the step is over with it.
    ends_step: bool,
}

/// The caller of one call.
#[derive(Debug)]
pub struct Caller {
    prepared: Arc<PreparedScript>,
    step: usize,
    step_since_ms: Option<u64>,
    mouth: Option<Mouth>,
    /// When the caller's own turn ended.
    last_spoke_ms: Option<u64>,
    answers_used: Vec<bool>,
    turns: u32,
    next_request: u64,
    pending: Option<(u64, u64)>,
    understood: Option<String>,
    /// The assistant's speech up to here has been answered or found to need no answer.
    judged_ms: Option<u64>,
    pressed: usize,
    live: VecDeque<LiveInput>,
    live_open: bool,
    over: bool,
}

impl Caller {
    /// A caller at the first step.
    pub fn new(prepared: Arc<PreparedScript>) -> Self {
        let answers = prepared.answers.len();
        Self {
            prepared,
            step: 0,
            step_since_ms: None,
            mouth: None,
            last_spoke_ms: None,
            answers_used: vec![false; answers],
            turns: 0,
            next_request: 0,
            pending: None,
            understood: None,
            judged_ms: None,
            pressed: 0,
            live: VecDeque::new(),
            live_open: true,
            over: false,
        }
    }

    /// The step that is being done, counted from 1.
    pub fn step(&self) -> usize {
        self.step + 1
    }

    /// Takes what a listener understood for an [`Act::Listen`]; a late answer to an older request is ignored.
    pub fn understood(&mut self, request: u64, text: String) {
        if self.pending.is_some_and(|(pending, _)| pending == request) {
            self.pending = None;
            self.understood = Some(text);
        }
    }

    /// Takes a line from outside; none: there will be no more.
    pub fn live(&mut self, input: Option<LiveInput>) {
        match input {
            Some(input) => self.live.push_back(input),
            None => self.live_open = false,
        }
    }

    /// Lives for 20 ms: fills `voice` with what is said and returns what is done.
    pub fn tick(&mut self, now_ms: u64, scene: Scene, voice: &mut [i16; FRAME_SAMPLES]) -> Vec<Act> {
        voice.fill(0);
        let mut acts = Vec::new();
        for _ in 0..STEPS_PER_TICK {
            if self.over || self.speak(now_ms, voice, &mut acts) {
                return acts;
            }
            let since_ms = *self.step_since_ms.get_or_insert(now_ms);
            if !self.act(now_ms, since_ms, scene, &mut acts) {
                return acts;
            }
        }
        acts
    }

    /// Says the next frame of a line; false when there is none.
    fn speak(&mut self, now_ms: u64, voice: &mut [i16; FRAME_SAMPLES], acts: &mut Vec<Act>) -> bool {
        let Some(mouth) = &mut self.mouth else { return false };
        if let Some(frame) = mouth.line.samples[mouth.offset..].first_chunk::<FRAME_SAMPLES>() {
            *voice = *frame;
            if mouth.offset == 0 {
                acts.push(Act::Began {
                    kind: mouth.kind,
                    text: mouth.line.text.clone(),
                });
            }
            mouth.offset += FRAME_SAMPLES;
            return true;
        }
        let (kind, ends_step) = (mouth.kind, mouth.ends_step);
        self.mouth = None;
        acts.push(Act::Ended { kind });
        if matches!(kind, SpeechKind::Say | SpeechKind::Interrupt) {
            self.last_spoke_ms = Some(now_ms);
        }
        if ends_step {
            self.next_step();
        }
        false
    }

    /// Does the current step; false when it waits for time to pass.
    fn act(&mut self, now_ms: u64, since_ms: u64, scene: Scene, acts: &mut Vec<Act>) -> bool {
        let prepared = Arc::clone(&self.prepared);
        let script = &prepared.script;
        let line = prepared.steps.get(self.step).and_then(Option::clone);
        match script.steps.get(self.step) {
            None | Some(Step::HangUp) => self.hang_up(acts),
            Some(Step::WaitForAnswerEnd { silence_ms }) => {
                if self.answered(now_ms, scene, silence_ms.unwrap_or(script.silence_ms)) {
                    return self.next_step();
                }
                self.lose_patience(now_ms, since_ms, scene, acts)
            }
            Some(Step::Say { .. } | Step::Play { .. }) => self.say(line, SpeechKind::Say, true),
            Some(Step::Interrupt { after_ms, at_word, .. }) => {
                if scene.speaking && scene.speech_ms >= *after_ms && self.word_heard(at_word.as_deref(), now_ms, acts) {
                    return self.say(line, SpeechKind::Interrupt, true);
                }
                self.lose_patience(now_ms, since_ms, scene, acts)
            }
            Some(Step::Backchannel { after_ms, .. }) => {
                if scene.speaking && scene.speech_ms >= *after_ms {
                    return self.say(line, SpeechKind::Backchannel, true);
                }
                self.lose_patience(now_ms, since_ms, scene, acts)
            }
            Some(Step::NoiseBurst { after_ms, .. }) => {
                if after_ms.is_none_or(|after_ms| scene.speaking && scene.speech_ms >= after_ms) {
                    return self.say(line, SpeechKind::Noise, true);
                }
                self.lose_patience(now_ms, since_ms, scene, acts)
            }
            Some(Step::Silence { ms }) => now_ms - since_ms >= *ms && self.next_step(),
            Some(Step::Digits { digits, pause_ms }) => match digits.chars().nth(self.pressed) {
                None => self.next_step(),
                Some(digit) if now_ms - since_ms >= self.pressed as u64 * pause_ms.unwrap_or(KEY_MS) => {
                    self.pressed += 1;
                    acts.push(Act::Press(digit));
                    true
                }
                Some(_) => false,
            },
            Some(Step::Converse { until, max_turns, .. }) => {
                if let Some(text) = self.understood.take() {
                    if until.iter().any(|word| keywords::last_position(&text, word).is_some()) {
                        return self.next_step();
                    }
                    self.judged_ms = scene.last_audible_ms;
                    if let Some(answer) = self.answer(&text).or(line) {
                        if self.turns == *max_turns {
                            return self.next_step();
                        }
                        self.turns += 1;
                        return self.say(Some(answer), SpeechKind::Say, false);
                    }
                }
                self.listen_to_turn(now_ms, scene, acts);
                self.lose_patience(now_ms, since_ms, scene, acts)
            }
            Some(Step::Live) => match self.live.pop_front() {
                Some(LiveInput::Say(line)) => self.say(Some(line), SpeechKind::Say, false),
                Some(LiveInput::Press(digit)) => {
                    acts.push(Act::Press(digit));
                    true
                }
                Some(LiveInput::HangUp) => self.hang_up(acts),
                None => !self.live_open && self.next_step(),
            },
            Some(Step::ExpectHangUp { within_ms }) => {
                if now_ms - since_ms < *within_ms {
                    return false;
                }
                acts.push(Act::Fault(ScriptFault::NotHungUp { step: self.step() }));
                self.hang_up(acts)
            }
            Some(Step::DropSocket { abrupt }) => {
                acts.push(Act::DropSocket { abrupt: *abrupt });
                self.next_step();
                // What follows happens on the next socket.
                false
            }
        }
    }

    /// Whether the assistant has spoken since the caller did, and now leaves the turn.
    fn answered(&self, now_ms: u64, scene: Scene, silence_ms: u64) -> bool {
        scene.last_audible_ms.is_some_and(|audible| {
            self.last_spoke_ms.is_none_or(|spoke| audible > spoke) && now_ms.saturating_sub(audible) >= silence_ms
        })
    }

    fn listen_to_turn(&mut self, now_ms: u64, scene: Scene, acts: &mut Vec<Act>) {
        let ended = self.answered(now_ms, scene, self.prepared.script.silence_ms);
        if !ended {
            // The assistant goes on: what was understood so far is no whole turn.
            self.pending = None;
        } else if self.pending.is_none() && scene.last_audible_ms > self.judged_ms {
            self.listen(now_ms, acts);
        }
    }

    fn listen(&mut self, now_ms: u64, acts: &mut Vec<Act>) {
        self.next_request += 1;
        self.pending = Some((self.next_request, now_ms));
        acts.push(Act::Listen {
            request: self.next_request,
        });
    }

    fn word_heard(&mut self, word: Option<&str>, now_ms: u64, acts: &mut Vec<Act>) -> bool {
        let Some(word) = word else { return true };
        let heard = self.understood.take();
        if heard.is_some_and(|text| keywords::last_position(&text, word).is_some()) {
            return true;
        }
        if self.pending.is_none() && self.judged_ms.is_none_or(|last| now_ms - last >= PARTIAL_MS) {
            self.judged_ms = Some(now_ms);
            self.listen(now_ms, acts);
        }
        false
    }

    /// The answer whose keyword comes last in the text; it is used up unless it may be repeated.
    fn answer(&mut self, text: &str) -> Option<Line> {
        let prepared = Arc::clone(&self.prepared);
        let (_, chosen) = prepared
            .script
            .answers
            .iter()
            .enumerate()
            .filter(|(index, answer)| answer.repeat || !self.answers_used[*index])
            .filter_map(|(index, answer)| {
                let position = answer
                    .when
                    .iter()
                    .filter_map(|word| keywords::last_position(text, word))
                    .max()?;
                Some((position, index))
            })
            .max_by_key(|(position, index)| (*position, std::cmp::Reverse(*index)))?;
        self.answers_used[chosen] = true;
        prepared.answers.get(chosen).cloned()
    }

    fn say(&mut self, line: Option<Line>, kind: SpeechKind, ends_step: bool) -> bool {
        match line {
            Some(line) => {
                self.pending = None;
                self.mouth = Some(Mouth {
                    line,
                    kind,
                    offset: 0,
                    ends_step,
                });
            }
            None if ends_step => {
                self.next_step();
            }
            None => {}
        }
        true
    }

    /// Gives up when neither the step nor the assistant has moved for the script's patience. Always false.
    fn lose_patience(&mut self, now_ms: u64, since_ms: u64, scene: Scene, acts: &mut Vec<Act>) -> bool {
        let moved = since_ms
            .max(scene.last_audible_ms.unwrap_or(0))
            .max(self.last_spoke_ms.unwrap_or(0));
        if !scene.speaking && now_ms.saturating_sub(moved) >= self.prepared.script.patience_ms {
            acts.push(Act::Fault(ScriptFault::WaitedInVain { step: self.step() }));
            self.hang_up(acts);
        }
        false
    }

    fn hang_up(&mut self, acts: &mut Vec<Act>) -> bool {
        self.over = true;
        acts.push(Act::HangUp);
        true
    }

    /// Always true.
    fn next_step(&mut self) -> bool {
        self.step += 1;
        self.step_since_ms = None;
        self.pressed = 0;
        self.turns = 0;
        self.pending = None;
        self.understood = None;
        self.judged_ms = None;
        true
    }
}
