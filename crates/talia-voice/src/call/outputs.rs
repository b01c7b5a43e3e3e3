//! Does what the dialogue wants done, one output after the other.

use super::{CallTask, live::LiveEvent};
use crate::line::LineCommand;
use talia_dialogue::{BargeIn, Cue, Entry, Output, Speaker};

impl CallTask {
    /// Everything that the dialogue wants now. What is for the line is collected.
    pub(super) fn perform(&mut self) {
        while let Some(output) = self.dialogue.poll_output() {
            self.recording.sent(&output);
            match output {
                Output::Frame(frame) => self.commands.push(LineCommand::Frame(frame)),
                Output::Mark(mark) => self.commands.push(LineCommand::Mark(mark.to_string())),
                Output::Clear => self.commands.push(LineCommand::Clear),
                Output::TurnStarted { turn } => {
                    self.ears.begin_turn(turn);
                    if let Some(senses) = self.brain.senses() {
                        senses.turn_started(turn);
                    }
                    self.live.send(LiveEvent::CallerSpeaks);
                }
                Output::TurnClosed { turn, words_due } => {
                    self.ears.close_turn(turn);
                    if words_due {
                        self.permission.words_due(turn);
                    }
                    if let Some(senses) = self.brain.senses() {
                        senses.turn_closed(turn, words_due);
                    }
                }
                Output::Transcribe {
                    job,
                    turn,
                    expectation,
                    purpose,
                } => {
                    let senses = self.brain.senses();
                    if !senses.is_some_and(|senses| senses.transcribe(job, turn, purpose)) {
                        self.ears.transcribe(job, turn, expectation);
                    }
                }
                Output::PredictEndOfTurn { job, turn } => {
                    self.ears.predict_end_of_turn(job, turn);
                    if let Some(senses) = self.brain.senses() {
                        senses.predict_end_of_turn(job);
                    }
                }
                Output::Speak { segment, utterance } => {
                    self.own_voice.insert(utterance, segment);
                }
                Output::Cut { utterance, heard } => {
                    self.own_voice.remove(&utterance);
                    if let Some(senses) = self.brain.senses() {
                        senses.cut(utterance, heard);
                    }
                }
                Output::Think { cue, about } => {
                    if matches!(about, Cue::Turn { .. } | Cue::Resumed { .. }) {
                        self.words.clear();
                    }
                    if let Cue::Turn { turn, .. } = &about {
                        self.asked_turn = Some(*turn);
                    }
                    self.ask_brain(cue, about);
                }
                Output::Prepare { turn, text, revises } => {
                    if !self.permission.is_asking() {
                        self.brain.prepare(turn, &text, revises);
                    }
                }
                Output::Forget { cue } => {
                    self.permission.forget(cue);
                    self.brain.forget(cue);
                }
                Output::Synthesize { segment, text, .. } => {
                    self.live.send(LiveEvent::Says { text: text.clone() });
                    let characters = text.chars().count() as u64;
                    self.mouth.synthesize(segment, text);
                    self.count_spoken(characters);
                }
                Output::CancelSynthesis { segment } => self.mouth.cancel(segment),
                Output::Transcript(entry) => self.line(&entry),
                Output::DisclosureHeard => {
                    self.disclosed = true;
                    if self.permission.disclosed() {
                        self.told_of_recording = true;
                        self.remembers_more = true;
                        self.recording.begin(self.app.clock.wall());
                    }
                    self.recorder.disclosure_heard(self.now());
                }
                Output::BargeIn(barge_in) => {
                    self.app.metrics.barge_in(barge_in);
                    self.live.send(match barge_in {
                        BargeIn::Paused { reaction } => LiveEvent::Paused { reaction },
                        BargeIn::Resumed => LiveEvent::Resumed,
                        BargeIn::Yielded => LiveEvent::Yielded,
                    });
                }
                Output::Measured(timing) => {
                    self.app.metrics.turn(&timing);
                    self.recorder.turn(&timing);
                    if let Some(trace) = &self.trace {
                        self.app.traces.leave(trace.turn(&timing));
                    }
                    self.keep_usage();
                    self.live.send(LiveEvent::Turn(timing));
                }
                Output::HangUp(reason) => self.ended = Some(reason),
            }
        }
    }

    /// A line of the transcript is final. An answer of which nothing was heard leaves no line.
    fn line(&mut self, entry: &Entry) {
        self.brain.heard(entry);
        self.remembers_more = true;
        if entry.speaker == Speaker::Caller && !self.words_are_asked {
            if !self.words.is_empty() {
                self.words.push(' ');
            }
            self.words.push_str(&entry.text);
        }
        if !entry.text.is_empty() {
            let (id, line) = self.recorder.line(entry, self.now());
            self.live.send(LiveEvent::Line(line.entry.clone()));
            self.sources.line(&id, entry, self.reading);
            self.permission.line(&id, entry);
            self.lines.push((id, line));
        }
        if entry.speaker == Speaker::Caller {
            self.look_for_withdrawal(&entry.text);
        }
    }
}
