//! The ears of one call: audio frames in, what was heard out.
//!
//! Voice activity is computed inline (tens of microseconds a step), whoever hears. Words come from streaming recognisers (a
//! [`stream`] task of the call), or from the local one, which runs with the end-of-turn prediction in the bounded [`pool`], one
//! thread a job. All of it comes back as [`EarEvent`]s.

pub mod callers;
pub mod early;
pub mod end_of_turn;
pub mod pool;
pub mod stream;
pub mod stt;
pub mod vad;

use crate::ears::{
    callers::{Caller, Callers},
    end_of_turn::EndOfTurn,
    pool::Pool,
    stream::session::{Chain, Command, Session, Writer},
    stt::{Recording, Stt},
    vad::{VoiceDetector, VoiceProbability},
};
use crate::providers::{Tally, Work};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use talia_audio::{frame, level, mulaw};
use talia_dialogue::{JobId, TurnId, VoiceStep};
use talia_spanish::{Expectation, Language};
use talia_speech::EngineError;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// How much audio before the first sound belongs to a turn: the detector hears a word late.
const PRE_ROLL: Duration = Duration::from_millis(500);
/// Audio of one turn beyond which the oldest is dropped; the recogniser can't take more at once.
const LONGEST_TURN: Duration = Duration::from_mins(1);
/// What smart-turn looks at.
const END_OF_TURN_WINDOW: Duration = Duration::from_secs(8);

/// Silence after which the recogniser of this machine is asked, two steps of Silero: when it asks in vain, the next job takes
/// the place of this one.
const EARLY_WORDS: Duration = Duration::from_millis(64);

/// Events of the ears that may wait for their call.
const EVENTS: usize = 256;

/// Where ears report to, and where their call reads it.
pub fn channel() -> (mpsc::Sender<EarEvent>, mpsc::Receiver<EarEvent>) {
    mpsc::channel(EVENTS)
}

/// What the ears report.
#[derive(Debug)]
pub enum EarEvent {
    /// Words of the turn that is under way, as they run.
    Partial { turn: TurnId, text: String },
    /// Words of a transcription job.
    Transcribed { job: JobId, text: String },
    /// The job failed or was refused.
    Failed { job: JobId },
    /// How likely the caller has finished.
    EndOfTurn { job: JobId, probability: f32 },
}

/// What the ears of all calls share.
#[derive(Clone)]
pub struct EarEngines {
    /// Makes one detector a call.
    pub detector: Arc<dyn vad::DetectorSource>,
    /// Writes speech down.
    pub stt: Arc<dyn Stt>,
    /// Predicts ends of turns; `None` leaves it to silence and words.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
    /// Where transcriptions run.
    pub stt_pool: Pool,
    /// Where predictions run.
    pub end_of_turn_pool: Pool,
    /// How many callers there are.
    pub callers: Callers,
    /// Streaming recognisers; without them the local one hears alone.
    pub streams: Option<Arc<Chain>>,
}

impl EarEngines {
    /// Silence after which words may be asked for though it is no pause yet; `None` where a service hears, which would be
    /// told again and again that the caller has finished.
    pub fn early_words(&self) -> Option<Duration> {
        self.streams.is_none().then_some(EARLY_WORDS)
    }

    /// Starts the streaming recognisers' task of a call, which counts in `work` what they are sent; `None` when the local
    /// one hears alone.
    pub fn session(
        &self,
        language: Language,
        events: &mpsc::Sender<EarEvent>,
        work: &Work,
        tasks: &TaskTracker,
    ) -> Option<Session> {
        let writer = Writer {
            stt: self.stt.clone(),
            pool: self.stt_pool.clone(),
        };
        let chain = self.streams.clone()?;
        Some(Session::start(chain, writer, language, events.clone(), work, tasks))
    }
}

/// The ears of one call.
pub struct Ears {
    engines: EarEngines,
    caller: Caller,
    detector: Box<dyn VoiceDetector>,
    language: Language,
    events: mpsc::Sender<EarEvent>,
    /// Where the streaming recognisers' task runs…
    tasks: TaskTracker,
    /// …and that task.
    session: Option<Session>,
    /// The newest frame, decoded.
    frame: Vec<i16>,
    /// μ-law of the last half second, for the beginning of the next turn.
    recent: VecDeque<u8>,
    /// The turn that is under way, and its audio in μ-law, as far as somebody here will want it.
    turn: Option<(TurnId, Vec<u8>)>,
    /// Cancels the transcription that a newer one replaces.
    running: Option<Arc<AtomicBool>>,
    /// Nobody else hears the caller's words.
    listens: bool,
    /// What all that hear are given…
    work: Work,
    /// …and of it the recogniser of this machine, when it hears alone.
    tally: Tally,
    /// The newest samples, as many as a step of the detector has: what its level is measured on.
    newest: Vec<i16>,
    verdicts: Vec<VoiceProbability>,
}

impl Ears {
    /// Ears that report to `events`, once they are told to [`Self::listen`]. A `session` of [`EarEngines::session`] may be
    /// open already; what is listened to is counted in `work`.
    pub fn new(
        engines: EarEngines,
        language: Language,
        (events, tasks): (mpsc::Sender<EarEvent>, TaskTracker),
        (session, work): (Option<Session>, Work),
    ) -> Result<Self, EngineError> {
        let detector = engines.detector.detector()?;
        let recent = VecDeque::with_capacity(frame::samples_in(PRE_ROLL) as usize + frame::FRAME_SAMPLES);
        Ok(Self {
            listens: false,
            tally: work.of(engines.stt.name()),
            work,
            caller: engines.callers.enter(),
            engines,
            detector,
            language,
            events,
            tasks,
            session,
            frame: Vec::with_capacity(frame::FRAME_SAMPLES),
            recent,
            turn: None,
            running: None,
            newest: Vec::with_capacity(1_024),
            verdicts: Vec::with_capacity(8),
        })
    }

    /// The caller's words are theirs from now on: opens the streams of the recognisers, if there are any and they are not
    /// open yet. A turn that is under way stays with the local one: they would miss its beginning.
    pub fn listen(&mut self) {
        self.listens = true;
        if self.session.is_none() && self.turn.is_none() {
            self.session = self
                .engines
                .session(self.language, &self.events, &self.work, &self.tasks);
        }
    }

    /// Takes one piece of the caller's audio, μ-law; calls `voice` for each step of the detector that it completes.
    pub fn hear(&mut self, mulaw: &[u8], voice: impl FnMut(VoiceStep)) {
        if self.listens && self.session.is_none() {
            self.tally.hears(mulaw.len() as u64);
        }
        self.tell(|| Command::Audio(mulaw.to_vec()));
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.extend(mulaw.iter().map(|byte| mulaw::decode(*byte)));
        self.keep(mulaw);
        self.detect(&frame, voice);
        self.frame = frame;
    }

    fn tell(&self, command: impl FnOnce() -> Command) -> bool {
        match &self.session {
            Some(session) if session.tell(command()) => true,
            Some(_) => {
                tracing::error!("the ears are too slow for their caller");
                false
            }
            None => false,
        }
    }

    fn keep(&mut self, mulaw: &[u8]) {
        self.recent.extend(mulaw);
        let keep = frame::samples_in(PRE_ROLL) as usize;
        let surplus = self.recent.len().saturating_sub(keep);
        self.recent.drain(..surplus);
        let longest = frame::samples_in(self.longest_turn()) as usize;
        if let Some((_, audio)) = &mut self.turn {
            let surplus = (audio.len() + mulaw.len()).saturating_sub(longest);
            audio.drain(..surplus.min(audio.len()));
            audio.extend_from_slice(&mulaw[..mulaw.len().min(longest)]);
        }
    }

    /// How much of a turn is wanted here: a stream's task has all of it by itself, and only a predictor wants its end.
    fn longest_turn(&self) -> Duration {
        match (&self.session, &self.engines.end_of_turn) {
            (None, _) => LONGEST_TURN,
            (Some(_), Some(_)) => END_OF_TURN_WINDOW,
            (Some(_), None) => Duration::ZERO,
        }
    }

    fn detect(&mut self, samples: &[i16], mut voice: impl FnMut(VoiceStep)) {
        self.newest.extend_from_slice(samples);
        self.verdicts.clear();
        if let Err(error) = self.detector.push(samples, &mut self.verdicts) {
            // A detector that fails makes the caller inaudible to the dialogue, not the call to crash.
            tracing::warn!(error = %error, "the voice detector failed on a piece of audio");
        }
        let duration = self.detector.step();
        let step = frame::samples_in(duration) as usize;
        for verdict in &self.verdicts {
            let window = &self.newest[self.newest.len().saturating_sub(step)..];
            let level_dbfs = level::rms_dbfs(window);
            voice(VoiceStep {
                probability: verdict.probability,
                level_dbfs,
                duration,
            });
        }
        let surplus = self.newest.len().saturating_sub(step);
        self.newest.drain(..surplus);
    }

    /// Keeps the audio of this turn from half a second ago.
    pub fn begin_turn(&mut self, turn: TurnId) {
        self.tell(|| Command::TurnStarted(turn));
        let mut audio = Vec::new();
        if !self.longest_turn().is_zero() {
            audio.reserve(frame::SAMPLE_RATE as usize * 4);
            audio.extend(&self.recent);
        }
        self.turn = Some((turn, audio));
    }

    /// Nothing more will be asked about this turn.
    pub fn close_turn(&mut self, turn: TurnId) {
        self.tell(|| Command::TurnClosed(turn));
        if self.turn.as_ref().is_some_and(|(current, _)| *current == turn) {
            self.turn = None;
        }
    }

    /// What kind of answer comes next: recognisers that can be told are told before the caller speaks.
    pub fn expect(&mut self, expectation: Expectation) {
        self.tell(|| Command::Expect(expectation));
    }

    /// Has the turn's audio so far written down; the answer comes as an [`EarEvent`].
    pub fn transcribe(&mut self, job: JobId, turn: TurnId, expectation: Expectation) {
        if self.session.is_some() {
            if !self.tell(|| Command::Ask { job, turn, expectation }) {
                let _ = self.events.try_send(EarEvent::Failed { job });
            }
            return;
        }
        if let Some(running) = self.running.take() {
            // Its audio is contained in the new job's.
            running.store(true, Ordering::Relaxed);
        }
        let Some(samples) = self.audio_of(turn, LONGEST_TURN) else {
            let _ = self.events.try_send(EarEvent::Failed { job });
            return;
        };
        let cancel = Arc::new(AtomicBool::new(false));
        self.running = Some(cancel.clone());
        let recording = Recording {
            samples,
            expectation,
            language: self.language,
            alone: self.caller.is_alone(),
        };
        let (stt, events) = (self.engines.stt.clone(), self.events.clone());
        let admitted = self.engines.stt_pool.run(move || {
            let event = match stt.transcribe(&recording, &cancel) {
                Ok(text) => EarEvent::Transcribed { job, text },
                Err(error) => {
                    tracing::debug!(error = %error, "a transcription ended without words");
                    EarEvent::Failed { job }
                }
            };
            // The call may be over: then nobody listens.
            let _ = events.blocking_send(event);
        });
        if !admitted {
            let _ = self.events.try_send(EarEvent::Failed { job });
        }
    }

    /// Has the recogniser of this machine write down μ-law audio that nobody else has; `done` gets the words, on a thread
    /// that may block. False: there is no room, and nothing comes.
    pub fn dictate(&self, mulaw: &[u8], expectation: Expectation, done: impl FnOnce(String) + Send + 'static) -> bool {
        let recording = Recording {
            samples: decoded(mulaw),
            expectation,
            language: self.language,
            alone: self.caller.is_alone(),
        };
        let stt = self.engines.stt.clone();
        let admitted = self.engines.stt_pool.run(move || {
            let text = stt.transcribe(&recording, &Arc::default());
            done(text.unwrap_or_default());
        });
        if admitted {
            self.tally.hears(mulaw.len() as u64);
        }
        admitted
    }

    /// Asks how likely the turn is over; the answer comes as an [`EarEvent`], or not at all without a predictor.
    pub fn predict_end_of_turn(&mut self, job: JobId, turn: TurnId) {
        if self.session.as_ref().is_some_and(Session::detects_turns) {
            self.tell(|| Command::AskEnd { job, turn });
            return;
        }
        let Some(predictor) = self.engines.end_of_turn.clone() else {
            return;
        };
        let Some(samples) = self.audio_of(turn, END_OF_TURN_WINDOW) else {
            return;
        };
        let events = self.events.clone();
        self.engines.end_of_turn_pool.run(move || {
            if let Some(probability) = predictor.probability(&samples) {
                let _ = events.blocking_send(EarEvent::EndOfTurn { job, probability });
            }
        });
    }

    fn audio_of(&self, turn: TurnId, most: Duration) -> Option<Vec<i16>> {
        let (current, audio) = self.turn.as_ref()?;
        let start = audio.len().saturating_sub(frame::samples_in(most) as usize);
        (*current == turn && !audio.is_empty()).then(|| decoded(&audio[start..]))
    }
}

fn decoded(mulaw: &[u8]) -> Vec<i16> {
    mulaw.iter().map(|byte| mulaw::decode(*byte)).collect()
}

impl Drop for Ears {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.store(true, Ordering::Relaxed);
        }
    }
}
