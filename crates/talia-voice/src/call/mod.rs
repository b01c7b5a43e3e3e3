//! One task a call: a single `select!` loop around the dialogue.
//!
//! The task carries inputs in (frames, words, thoughts, audio, marks, time) and executes outputs (frames, marks,
//! questions to ears, brain and mouth, lines of the transcript). It decides nothing: all policy is in
//! [`talia_dialogue::Dialogue`].

mod commands;
mod end;
pub mod live;
mod memory;
mod meter;
mod outputs;
mod permission;
mod record;
mod senses;
mod sources;
mod thinking;
pub mod tools;

use crate::{
    app::App,
    brain::{Brain, Handover, LeadDraft, Thought, realtime::Wake, tools::Reading},
    ears::{self, EarEvent, Ears, early::Early},
    engines,
    line::{AnsweredCall, CloseCause, Commanded, LineCommand, LineEvent, MediaSocket},
    mouth::{Mouth, MouthEvent},
    privacy::CallMask,
    providers::Work,
    recordings::CallRecording,
    store::NewSegment,
    telemetry::{self, spans::CallTrace},
};
use commands::Obeyed;
use live::{Live, LiveEvent};
use memory::{Beginning, Kept, Memory};
use meter::Meter;
use permission::PermissionTalk;
use record::Recorder;
use sources::Sources;
use std::{collections::HashMap, sync::Arc, time::Duration};
use talia_dialogue::{CueId, Dialogue, EndReason, Input, SegmentId, Settings, Speech, TurnId, UtteranceId};
use talia_spanish::ear::Country;
use talia_speech::EngineError;
use thinking::Shared;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Events of ears, brain and mouth that may wait for the call.
const WAITING_EVENTS: usize = 256;

/// The call's socket, and what others want done in the call.
pub type Line = (MediaSocket, mpsc::Receiver<Commanded>);

/// Talks with the caller until the call is over.
pub async fn answer(app: Arc<App>, line: Line, call: AnsweredCall) {
    let span = telemetry::call_span(call.call_sid.as_str());
    talk(app, line, call).instrument(span).await;
}

async fn talk(app: Arc<App>, line: Line, call: AnsweredCall) {
    let early = app.early_ears.fetch(call.call_sid.as_str());
    let tasks = early
        .as_ref()
        .map_or_else(TaskTracker::new, |early| early.tasks.clone());
    let beginning = memory::beginning(&app, &call).await;
    match CallTask::new(app, line, (call, beginning), early, &tasks) {
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
    /// This stream starts here, on the server's monotonic clock…
    origin: Duration,
    /// …and here on the call's own, which starts with the first stream.
    offset: Duration,
    /// What an earlier stream of the call left.
    kept: Option<Kept>,
    dialogue: Dialogue,
    ears: Ears,
    ear_events: mpsc::Receiver<EarEvent>,
    brain: Box<dyn Brain>,
    /// What a brain with ears and a mouth of its own waits for.
    wakes: mpsc::Receiver<Wake>,
    wake_sender: mpsc::Sender<Wake>,
    /// What such a brain says, by the ledger's names.
    own_voice: HashMap<UtteranceId, SegmentId>,
    thoughts: mpsc::Receiver<(CueId, Thought)>,
    mouth: Mouth,
    mouth_events: mpsc::Receiver<MouthEvent>,
    recorder: Recorder,
    /// Both sides of the line, where calls are recorded.
    recording: CallRecording,
    /// None: nobody wants it.
    trace: Option<CallTrace>,
    live: Live,
    /// What others want done in the call…
    commanded: mpsc::Receiver<Commanded>,
    /// … and what was done of it.
    obeyed: Obeyed,
    /// Commands to the line, collected and sent at once.
    commands: Vec<LineCommand>,
    ended: Option<EndReason>,
    /// To whom the caller goes when all was said.
    handover: Option<Handover>,
    /// The caller's words that the brain wasn't asked about yet.
    words: String,
    /// The newest turn that the brain was asked about…
    asked_turn: Option<TurnId>,
    /// …and whether the line that is written now is one of those.
    words_are_asked: bool,
    /// Transfers that nobody answered, and of which the caller was told.
    told: usize,
    /// The caller has heard that an AI is speaking…
    disclosed: bool,
    /// … and that the call is recorded, or has agreed to it.
    told_of_recording: bool,
    /// Whether it may be.
    permission: PermissionTalk,
    /// Lines of the transcript that are not handed over yet.
    lines: Vec<(String, NewSegment)>,
    /// Where the lead's fields were heard…
    sources: Sources,
    /// … and the language and country that they are read in.
    reading: Reading,
    /// What is remembered has changed since it was kept.
    remembers_more: bool,
    /// What providers did, and what that costs.
    meter: Meter,
    /// Characters given to the mouth.
    spoken: u64,
    /// The socket broke with the call still alive: Twilio comes back for it.
    broken: bool,
    /// Nothing comes from the socket any more; the caller's last words may still be with the ears.
    line_gone: bool,
}

impl CallTask {
    fn new(
        app: Arc<App>,
        (socket, commanded): Line,
        (call, beginning): (AnsweredCall, Beginning),
        early: Option<Early>,
        tasks: &TaskTracker,
    ) -> Result<Self, EngineError> {
        let named = app.assistants.by_id(&call.assistant);
        let assistant = named.unwrap_or_else(|| app.assistants.for_number(&call.to)).clone();
        let early = early.filter(|early| early.language == assistant.language);
        let (hearing, ear_sender, ear_events, work) = if let Some(early) = early {
            (Some(early.session), early.sender, early.events, early.work)
        } else {
            let (sender, events) = ears::channel();
            (None, sender, events, Work::default())
        };
        let (wake_sender, wakes) = mpsc::channel(WAITING_EVENTS);
        let (thought_sender, thoughts) = mpsc::channel(WAITING_EVENTS);
        let (mouth_sender, mouth_events) = mpsc::channel(WAITING_EVENTS);
        let voice = engines::voice_of(&assistant);
        let origin = app.clock.elapsed();
        let live = Live::new(
            app.live_feed.clone(),
            app.live.clone(),
            app.mask.clone(),
            call.call_sid.clone(),
        );
        let engines = app.engines.clone();
        let wished = Arc::default();
        let shared = Shared {
            thoughts: thought_sender,
            wakes: wake_sender.clone(),
            wished: Arc::clone(&wished),
            tasks,
        };
        let mut brain = thinking::of_call(&app, &call, &assistant, shared);
        let usual = Settings::default();
        let early_words = brain.senses().is_none().then(|| engines.ears.early_words()).flatten();
        let settings = Settings {
            language: assistant.language,
            longest_call: app.config.limits.longest_call.saturating_sub(beginning.offset),
            early_words: early_words.unwrap_or(usual.early_words),
            ..usual
        };
        let mut kept = beginning.kept;
        if let Some(earlier) = &kept
            && brain.recall(earlier.memory.brain.clone()).is_err()
        {
            tracing::error!(
                call.sid = call.call_sid.as_str(),
                "a conversation's memory can't be recalled"
            );
            kept = None;
        }
        let mut mask = CallMask::new(app.mask.clone());
        if let Some(kept) = &kept {
            kept.memory.sources.spoken().for_each(|text| mask.recall(text));
        }
        let told = kept.as_ref().is_some_and(|kept| kept.memory.told_of_recording);
        let standing = kept.as_mut().map(|kept| std::mem::take(&mut kept.memory.permission));
        let permission = PermissionTalk::new(app.archive.as_deref(), &assistant, (standing.unwrap_or_default(), told));
        Ok(Self {
            origin,
            offset: beginning.offset,
            disclosed: kept.as_ref().is_some_and(|kept| kept.disclosed),
            told: kept.as_ref().map_or(0, |kept| kept.memory.told),
            told_of_recording: told,
            permission,
            sources: kept
                .as_mut()
                .map(|kept| std::mem::take(&mut kept.memory.sources))
                .unwrap_or_default(),
            reading: Reading {
                language: assistant.language,
                country: Country::from_iso(&assistant.country).unwrap_or_default(),
            },
            kept,
            dialogue: Dialogue::new(settings),
            ears: Ears::new(
                engines.ears,
                assistant.language,
                (ear_sender, tasks.clone()),
                (hearing, work.clone()),
            )?,
            ear_events,
            brain,
            wakes,
            wake_sender,
            own_voice: HashMap::new(),
            thoughts,
            mouth: Mouth::new(engines.mouth, voice, mouth_sender, &work, tasks),
            mouth_events,
            recorder: Recorder::new((app.store.clone(), mask), &call, (beginning.began, &assistant)),
            recording: CallRecording::new(
                app.archive.clone(),
                call.call_sid.as_str(),
                i64::from(call.streams_before) + 1,
                tasks,
            ),
            trace: app.traces.wants(call.call_sid.as_str()).then(|| {
                let stream = i64::from(call.streams_before) + 1;
                CallTrace::new(call.call_sid.as_str(), &assistant.id, stream, beginning.began)
            }),
            live,
            commanded,
            obeyed: Obeyed::default(),
            commands: Vec::with_capacity(16),
            ended: None,
            handover: None,
            words: String::new(),
            asked_turn: None,
            words_are_asked: false,
            lines: Vec::new(),
            remembers_more: false,
            meter: Meter::new(
                (call.call_sid.to_string(), i64::from(call.streams_before) + 1),
                (app.config.prices.clone(), app.metrics.clone()),
                (wished, work),
            ),
            spoken: 0,
            broken: false,
            line_gone: false,
            app,
            socket,
            call,
        })
    }

    fn now(&self) -> Duration {
        self.offset + self.app.clock.elapsed().saturating_sub(self.origin)
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
        match self.kept.take() {
            Some(kept) => {
                // Until the brain is asked about them: the line may break again before that.
                self.words.clone_from(&kept.memory.words);
                // Recordings may be newer than the disclosure that was heard.
                if kept.disclosed && self.told_of_recording && self.permission.is_given() {
                    self.recording.begin(self.app.clock.wall());
                }
                self.tell(Input::Resumed {
                    disclosed: kept.disclosed,
                    words: &kept.memory.words,
                    why: kept.why,
                });
            }
            None => self.tell(Input::Opened),
        }
        self.execute().await;
        while self.ended.is_none() {
            let wait = self
                .dialogue
                .next_deadline()
                .map_or(Duration::from_secs(1), |at| at.saturating_sub(self.now()));
            let wait = self.until_brain_wakes().map_or(wait, |brain| brain.min(wait));
            tokio::select! {
                biased;
                event = self.socket.next(), if !self.line_gone => self.on_line(event),
                Some(event) = self.ear_events.recv() => self.on_ears(event),
                Some((cue, thought)) = self.thoughts.recv() => self.on_thought(cue, thought),
                Some(event) = self.mouth_events.recv() => self.on_mouth(event),
                Some(commanded) = self.commanded.recv() => self.on_command(commanded),
                Some(wake) = self.wakes.recv() => {
                    if let Some(senses) = self.brain.senses() {
                        senses.woken(wake);
                    }
                }
                () = self.brain.attend() => {}
                () = tokio::time::sleep(wait) => {
                    self.tell(Input::Tick);
                    if let Some(senses) = self.brain.senses() {
                        senses.tick();
                    }
                }
            }
            self.execute().await;
        }
        self.finish().await;
    }

    fn on_line(&mut self, event: LineEvent) {
        match event {
            LineEvent::Media { payload, timestamp_ms } => {
                self.recording.caller(&payload, timestamp_ms);
                if let Some(senses) = self.brain.senses() {
                    senses.hear(&payload);
                }
                let now = self.now();
                let dialogue = &mut self.dialogue;
                self.ears
                    .hear(&payload[..], |step| dialogue.handle(now, Input::Voice(step)));
            }
            LineEvent::Mark(name) => {
                self.recording.mark_back(&name);
                self.tell(Input::Mark(&name));
            }
            LineEvent::Digit(digit) => {
                self.recording.key();
                self.tell(Input::Digit(digit));
            }
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
            EarEvent::Partial { turn, text } => {
                self.tell(Input::Partial { turn, text: &text });
                self.live.send(LiveEvent::Partial { text });
            }
            EarEvent::Transcribed { job, text } => {
                self.live.send(LiveEvent::Partial { text: text.clone() });
                self.tell(Input::Transcribed { job, text: &text });
            }
            EarEvent::Failed { job } => self.tell(Input::TranscriptionFailed { job }),
            EarEvent::EndOfTurn { job, probability } => self.tell(Input::EndOfTurn { job, probability }),
        }
    }

    fn on_thought(&mut self, cue: CueId, thought: Thought) {
        if let Some(thought) = self.keep_back(cue, thought) {
            self.take_thought(cue, thought);
        }
    }

    fn take_thought(&mut self, cue: CueId, thought: Thought) {
        match thought {
            Thought::Say { text, kind } => self.tell(Input::Say(Speech { cue, text: &text, kind })),
            Thought::Expect(expectation) => {
                self.ears.expect(expectation);
                self.recording.expecting(expectation);
                self.tell(Input::Expect { cue, expectation });
            }
            Thought::Lead(lead) => self.keep_lead(&lead, false),
            Thought::Foresee(text) => self.mouth.foresee(text),
            Thought::EndCall => self.tell(Input::EndCall { cue }),
            Thought::Transfer(handover) => {
                self.handover = Some(handover);
                self.tell(Input::Transfer { cue });
            }
            Thought::NotYet { thinking } => self.tell(Input::NotYet { cue, thinking }),
            Thought::Used(usage) => {
                // Once over, it stays over: the goodbye begins once.
                let before = self.meter.tokens();
                let limit = self.app.config.limits.tokens;
                if self.meter.thought(&usage) > limit && before <= limit {
                    self.tell(Input::Finish(EndReason::TimeLimit));
                }
            }
            Thought::OverLimit => self.tell(Input::Finish(EndReason::TimeLimit)),
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
        while self.sense() {}
        self.hear_without_brain();
        // Before what may wait for the line: whoever goes on after our death knows as much as the transcript.
        self.keep_words();
        if !self.commands.is_empty() && !self.line_gone && self.socket.send(&self.commands).await.is_err() {
            self.broken = true;
            self.line_gone = true;
            self.tell(Input::HungUp);
            self.perform();
            self.keep_words();
        }
        self.commands.clear();
    }

    /// Hands over the lines that are final, and what is remembered with them.
    fn keep_words(&mut self) {
        if std::mem::take(&mut self.remembers_more) {
            let (lines, memory, now) = (std::mem::take(&mut self.lines), self.memory(), self.now());
            self.recorder.words(lines, &memory, now);
        }
    }

    fn memory(&self) -> Memory {
        Memory {
            // What can't be written down is lost with this process only.
            brain: self.brain.memory().unwrap_or_default(),
            words: self.words.clone(),
            told: self.told,
            told_of_recording: self.told_of_recording,
            permission: self.permission.kept(),
            sources: self.sources.clone(),
        }
    }

    /// Keeps what is known of the lead, with where it was heard.
    fn keep_lead(&mut self, lead: &LeadDraft, last: bool) {
        let calling = Some(self.call.person()).filter(|number| number.starts_with('+'));
        self.sources.update(lead, self.reading, calling);
        let (heard, now) = (self.sources.heard(lead), self.now());
        self.recorder.lead(lead, heard, (now, last));
    }

    /// Keeps what providers did since it was last kept.
    fn keep_usage(&mut self) {
        for usage in self.meter.fresh() {
            self.recorder.usage(usage);
        }
    }
}
