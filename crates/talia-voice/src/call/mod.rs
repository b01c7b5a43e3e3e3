//! One task a call: a single `select!` loop around the dialogue.
//!
//! The task carries inputs in (frames, words, thoughts, audio, marks, time) and executes outputs (frames, marks,
//! questions to ears, brain and mouth, lines of the transcript). It decides nothing: all policy is in
//! [`talia_dialogue::Dialogue`].

pub mod live;
mod record;

use crate::{
    app::App,
    brain::{Brain, Thought, script::ScriptBrain},
    ears::{EarEvent, Ears},
    engines,
    line::{AnsweredCall, CloseCause, LineCommand, LineEvent, MediaSocket},
    mouth::{Mouth, MouthEvent},
};
use live::{Live, LiveEvent};
use record::Recorder;
use std::{sync::Arc, time::Duration};
use talia_audio::{frame::FRAME_SAMPLES, mulaw};
use talia_dialogue::{BargeIn, CueId, Dialogue, EndReason, Entry, Input, Output, Settings, Speech};
use talia_speech::EngineError;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Events of ears, brain and mouth that may wait for the call.
const WAITING_EVENTS: usize = 256;

/// Talks with the caller until the call is over.
pub async fn answer(app: Arc<App>, socket: MediaSocket, call: AnsweredCall) {
    let tasks = TaskTracker::new();
    match CallTask::new(app, socket, call, &tasks) {
        Ok(call) => Box::pin(call.run()).await,
        Err(error) => tracing::error!(error = %error, "a call could not be answered"),
    }
    // Everything that hangs on the call has lost its channels by now; this only waits for it to notice.
    tasks.close();
    tasks.wait().await;
}

struct CallTask {
    app: Arc<App>,
    socket: MediaSocket,
    call: AnsweredCall,
    /// The call's clock starts here, on the server's monotonic clock.
    origin: Duration,
    dialogue: Dialogue,
    ears: Ears,
    ear_events: mpsc::Receiver<EarEvent>,
    brain: Box<dyn Brain>,
    thoughts: mpsc::Receiver<(CueId, Thought)>,
    mouth: Mouth,
    mouth_events: mpsc::Receiver<MouthEvent>,
    recorder: Recorder,
    live: Live,
    /// Commands to the line, collected and sent at once.
    commands: Vec<LineCommand>,
    samples: Vec<i16>,
    ended: Option<EndReason>,
    /// The socket broke with the call still alive: Twilio comes back for it.
    broken: bool,
    /// Nothing comes from the socket any more; the caller's last words may still be with the ears.
    line_gone: bool,
}

impl CallTask {
    fn new(app: Arc<App>, socket: MediaSocket, call: AnsweredCall, tasks: &TaskTracker) -> Result<Self, EngineError> {
        let named = app.assistants.by_id(&call.assistant);
        let assistant = named.unwrap_or_else(|| app.assistants.for_number(&call.to)).clone();
        let (ear_sender, ear_events) = mpsc::channel(WAITING_EVENTS);
        let (thought_sender, thoughts) = mpsc::channel(WAITING_EVENTS);
        let (mouth_sender, mouth_events) = mpsc::channel(WAITING_EVENTS);
        let settings = Settings {
            language: assistant.language,
            longest_call: app.config.limits.longest_call,
            ..Settings::default()
        };
        let voice = engines::voice_of(&assistant);
        let person = call.person();
        let caller_number = person.starts_with('+').then(|| person.to_owned());
        let errand = call.errand.clone();
        let origin = app.clock.elapsed();
        let live = Live::new(app.live_feed.clone(), call.call_sid.to_string());
        let engines = app.engines.clone();
        Ok(Self {
            origin,
            dialogue: Dialogue::new(settings),
            ears: Ears::new(engines.ears, assistant.language, ear_sender)?,
            ear_events,
            brain: Box::new(ScriptBrain::new(assistant, caller_number, thought_sender).on_errand(errand)),
            thoughts,
            mouth: Mouth::new(engines.mouth, voice, mouth_sender, tasks),
            mouth_events,
            recorder: Recorder::new(app.store.clone(), call.call_sid.to_string(), app.clock.wall()),
            live,
            commands: Vec::with_capacity(16),
            samples: Vec::with_capacity(FRAME_SAMPLES),
            ended: None,
            broken: false,
            line_gone: false,
            app,
            socket,
            call,
        })
    }

    fn now(&self) -> Duration {
        self.app.clock.elapsed().saturating_sub(self.origin)
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.now();
        self.dialogue.handle(now, input);
    }

    async fn run(mut self) {
        self.live.send(LiveEvent::Opened {
            from: self.call.from.clone(),
            to: self.call.to.clone(),
        });
        self.tell(Input::Opened);
        self.execute().await;
        while self.ended.is_none() {
            let wait = self
                .dialogue
                .next_deadline()
                .map_or(Duration::from_secs(1), |at| at.saturating_sub(self.now()));
            tokio::select! {
                biased;
                event = self.socket.next(), if !self.line_gone => self.on_line(event),
                Some(event) = self.ear_events.recv() => self.on_ears(event),
                Some((cue, thought)) = self.thoughts.recv() => self.on_thought(cue, thought),
                Some(event) = self.mouth_events.recv() => self.on_mouth(event),
                () = tokio::time::sleep(wait) => self.tell(Input::Tick),
            }
            self.execute().await;
        }
        self.finish().await;
    }

    fn on_line(&mut self, event: LineEvent) {
        match event {
            LineEvent::Media { payload, .. } => {
                self.samples.clear();
                self.samples.extend(payload.iter().map(|byte| mulaw::decode(*byte)));
                let now = self.now();
                let dialogue = &mut self.dialogue;
                self.ears
                    .hear(&self.samples, |step| dialogue.handle(now, Input::Voice(step)));
            }
            LineEvent::Mark(name) => self.tell(Input::Mark(&name)),
            LineEvent::Digit(digit) => self.tell(Input::Digit(digit)),
            LineEvent::Stopped | LineEvent::Closed(CloseCause::CallOver) => {
                self.line_gone = true;
                self.tell(Input::HungUp);
            }
            LineEvent::Closed(_) => {
                self.broken = true;
                self.line_gone = true;
                self.tell(Input::HungUp);
            }
        }
    }

    fn on_ears(&mut self, event: EarEvent) {
        match event {
            EarEvent::Transcribed { job, text } => {
                self.live.send(LiveEvent::Partial { text: text.clone() });
                self.tell(Input::Transcribed { job, text: &text });
            }
            EarEvent::Failed { job } => self.tell(Input::TranscriptionFailed { job }),
            EarEvent::EndOfTurn { job, probability } => self.tell(Input::EndOfTurn { job, probability }),
        }
    }

    fn on_thought(&mut self, cue: CueId, thought: Thought) {
        match thought {
            Thought::Say { text, kind } => self.tell(Input::Say(Speech { cue, text: &text, kind })),
            Thought::Expect(expectation) => self.tell(Input::Expect { cue, expectation }),
            Thought::Lead(lead) => {
                let now = self.now();
                self.recorder.lead(&lead, now, false);
            }
            Thought::Foresee(text) => self.mouth.foresee(text),
            Thought::EndCall => self.tell(Input::EndCall { cue }),
            Thought::Done => self.tell(Input::Answered { cue }),
        }
    }

    fn on_mouth(&mut self, event: MouthEvent) {
        match event {
            MouthEvent::Audio { segment, mulaw } => self.tell(Input::Audio { segment, mulaw: &mulaw }),
            MouthEvent::End { segment } => self.tell(Input::AudioEnd { segment }),
            MouthEvent::Failed { segment } => self.tell(Input::AudioFailed { segment }),
        }
    }

    /// Does what the dialogue wants done, and sends what is for the line in one write.
    async fn execute(&mut self) {
        self.perform();
        if !self.commands.is_empty() && !self.line_gone && self.socket.send(&self.commands).await.is_err() {
            self.broken = true;
            self.line_gone = true;
            self.tell(Input::HungUp);
            self.perform();
        }
        self.commands.clear();
    }

    fn perform(&mut self) {
        while let Some(output) = self.dialogue.poll_output() {
            match output {
                Output::Frame(frame) => self.commands.push(LineCommand::Frame(frame)),
                Output::Mark(mark) => self.commands.push(LineCommand::Mark(mark.to_string())),
                Output::Clear => self.commands.push(LineCommand::Clear),
                Output::TurnStarted { turn } => {
                    self.ears.begin_turn(turn);
                    self.live.send(LiveEvent::CallerSpeaks);
                }
                Output::TurnClosed { turn } => self.ears.close_turn(turn),
                Output::Transcribe {
                    job, turn, expectation, ..
                } => self.ears.transcribe(job, turn, expectation),
                Output::PredictEndOfTurn { job, turn } => self.ears.predict_end_of_turn(job, turn),
                Output::Think { cue, about } => self.brain.think(cue, about),
                Output::Forget { cue } => self.brain.forget(cue),
                Output::Synthesize { segment, text, .. } => {
                    self.live.send(LiveEvent::Says { text: text.clone() });
                    self.mouth.synthesize(segment, text);
                }
                Output::CancelSynthesis { segment } => self.mouth.cancel(segment),
                Output::Transcript(entry) => self.line(entry),
                Output::DisclosureHeard => self.recorder.disclosure_heard(self.now()),
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
                    self.live.send(LiveEvent::Turn(timing));
                }
                Output::HangUp(reason) => self.ended = Some(reason),
            }
        }
    }

    /// A line of the transcript is final. An answer of which nothing was heard leaves no line.
    fn line(&mut self, entry: Entry) {
        self.brain.heard(&entry);
        if !entry.text.is_empty() {
            self.live.send(LiveEvent::Line(entry.clone()));
            self.recorder.segment(entry);
        }
    }

    /// Makes the call's last rows durable, then lets the line go: what Twilio asks next depends on them.
    async fn finish(mut self) {
        let reason = self.ended.unwrap_or(EndReason::Failure);
        let now = self.now();
        self.recorder.lead(&self.brain.lead(), now, true);
        if !self.broken {
            // What failed is counted by the store, and what was deferred is written later.
            let _ = self.app.store.call_ended(self.call.call_sid.as_str(), reason).await;
        }
        if reason != EndReason::CallerHungUp {
            // The line may be gone already; there is nothing left to do about it.
            let _ = self.socket.send(&[LineCommand::Close]).await;
        }
        self.live.send(LiveEvent::Ended { reason });
        tracing::info!(
            call.sid = self.call.call_sid.as_str(),
            call.reason = ?reason,
            call.broken = self.broken,
            call.duration_ms = self.now().as_millis() as u64,
            "conversation ended"
        );
    }
}
