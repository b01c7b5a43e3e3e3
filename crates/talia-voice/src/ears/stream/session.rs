//! One call's task around [`Hearing`]: sockets, the local recogniser, time. It decides nothing.

use super::connection::{Connection, Happened, Link};
use super::hearing::{Hearing, Local, Order};
use super::protocol::StreamingStt;
use super::roster::Roster;
use crate::clock::Clock;
use crate::config::Link as ChainLink;
use crate::ears::EarEvent;
use crate::ears::pool::Pool;
use crate::ears::stt::{self, Recording, Stt};
use crate::providers::{Fault, Health, Socket, Tally, Watch, Work};
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use talia_audio::mulaw;
use talia_dialogue::{JobId, TurnId};
use talia_spanish::{Expectation, Language};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Commands that may wait: ten seconds of frames.
const COMMANDS: usize = 512;
/// Events of connections that may wait.
const EVENTS: usize = 64;
/// Answers of the local recogniser that may wait.
const ANSWERS: usize = 8;
/// Messages to an engine for which there is always room, however much audio waits.
const RESERVED: usize = 8;
/// How long a probe may take to connect.
const PROBE: Duration = Duration::from_secs(3);
/// What is waited when nothing is due.
const IDLE: Duration = Duration::from_secs(10);

/// One engine of a chain.
pub struct Engine {
    /// What it speaks.
    pub stt: Arc<dyn StreamingStt>,
    /// How it is doing, all calls together.
    pub watch: Watch,
}

/// The streaming recognisers of the configuration, the first one first, and what all calls share of them.
pub struct Chain {
    /// The engines.
    pub engines: Vec<Engine>,
    /// Where the local recogniser stands among them.
    pub local: Local,
    /// The source of time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Chain {
    /// The streaming recognisers among these links; `None` when the local one hears alone.
    pub fn of(links: &[ChainLink], health: &Arc<Health>, clock: &Clock, metrics: &Arc<Metrics>) -> Option<Arc<Self>> {
        let engines = links.iter().filter_map(|link| match link {
            ChainLink::Local => None,
            ChainLink::Provider(provider) => Some(Engine {
                stt: stt::streaming(provider)?,
                watch: health.watch(&provider.name),
            }),
        });
        let engines: Vec<_> = engines.collect();
        let local = match links.iter().position(|link| matches!(link, ChainLink::Local)) {
            None => Local::Absent,
            Some(0) => Local::First,
            Some(_) => Local::Behind,
        };
        (!engines.is_empty()).then(|| {
            Arc::new(Self {
                engines,
                local,
                clock: clock.clone(),
                metrics: metrics.clone(),
            })
        })
    }

    /// Tries engines that failed, off every call's path, until `stop`.
    pub fn probe(&self, language: Language, stop: &CancellationToken) {
        for engine in &self.engines {
            let (watch, stt, stop) = (engine.watch.clone(), engine.stt.clone(), stop.clone());
            tokio::spawn(watch.probe_when_due(stop, move || {
                let target = stt.target(language);
                async move {
                    let socket = Socket::open(&target, PROBE).await?;
                    socket.close().await;
                    Ok(())
                }
            }));
        }
    }
}

/// Who writes whole pieces of speech down on this machine, and where.
#[derive(Clone)]
pub struct Writer {
    /// The recogniser.
    pub stt: Arc<dyn Stt>,
    /// Its threads.
    pub pool: Pool,
}

/// What the call tells its ears.
#[derive(Debug)]
pub enum Command {
    /// The caller's next μ-law bytes.
    Audio(Vec<u8>),
    /// The caller began to speak.
    TurnStarted(TurnId),
    /// Nothing more is asked about this turn.
    TurnClosed(TurnId),
    /// What kind of answer comes next.
    Expect(Expectation),
    /// The words of the turn so far, please.
    Ask {
        /// To be answered under this name.
        job: JobId,
        /// The turn.
        turn: TurnId,
        /// What was asked.
        expectation: Expectation,
    },
    /// How likely is the turn over?
    AskEnd {
        /// To be answered under this name.
        job: JobId,
        /// The turn.
        turn: TurnId,
    },
}

/// Handle to the task; it ends when this is dropped.
#[derive(Debug)]
pub struct Session {
    commands: mpsc::Sender<Command>,
    detects_turns: Arc<AtomicBool>,
}

impl Session {
    /// Starts the task. Events go to `events`; what is listened to is counted in `work`.
    pub fn start(
        chain: Arc<Chain>,
        writer: Writer,
        language: Language,
        events: mpsc::Sender<EarEvent>,
        work: &Work,
        tasks: &TaskTracker,
    ) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let detects_turns = Arc::new(AtomicBool::new(false));
        let well: Vec<_> = chain.engines.iter().map(|engine| engine.watch.is_available()).collect();
        let now = chain.clock.elapsed();
        let (link_sender, link_events) = mpsc::channel(EVENTS);
        let (answer_sender, answers) = mpsc::channel(ANSWERS);
        let task = Task {
            tallies: chain.engines.iter().map(|engine| work.of(engine.stt.name())).collect(),
            local_tally: work.of(writer.stt.name()),
            hearing: Hearing::new(Roster::new(&well, now, jitter()), chain.local, now),
            chain,
            writer,
            language,
            events,
            commands: receiver,
            link: None,
            links: 0,
            link_sender,
            link_events,
            answer_sender,
            answers,
            running: None,
            detects_turns: detects_turns.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(task.run().in_current_span());
        Self {
            commands,
            detects_turns,
        }
    }

    /// Tells the task; false when it is so far behind that it can't take more, which no live call sees.
    pub fn tell(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Whether the engine that listens now says itself when a turn has ended.
    pub fn detects_turns(&self) -> bool {
        self.detects_turns.load(Ordering::Relaxed)
    }
}

struct Task {
    hearing: Hearing,
    chain: Arc<Chain>,
    /// By engine.
    tallies: Vec<Tally>,
    local_tally: Tally,
    writer: Writer,
    language: Language,
    events: mpsc::Sender<EarEvent>,
    commands: mpsc::Receiver<Command>,
    link: Option<Link>,
    /// Connections made so far: events of older ones are late.
    links: u64,
    link_sender: mpsc::Sender<(u64, Happened)>,
    link_events: mpsc::Receiver<(u64, Happened)>,
    answer_sender: mpsc::Sender<(JobId, Option<String>)>,
    answers: mpsc::Receiver<(JobId, Option<String>)>,
    /// Cancels the transcription that a newer one replaces.
    running: Option<Arc<AtomicBool>>,
    detects_turns: Arc<AtomicBool>,
    tasks: TaskTracker,
}

impl Task {
    fn now(&self) -> Duration {
        self.chain.clock.elapsed()
    }

    async fn run(mut self) {
        loop {
            self.carry_out().await;
            let now = self.now();
            let wait = self
                .hearing
                .next_deadline(now)
                .map_or(IDLE, |at| at.saturating_sub(now));
            let full = self
                .link
                .as_ref()
                .filter(|link| self.hearing.has_backlog() && link.room() <= RESERVED);
            let outbox = full.map(Link::outbox);
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                Some((link, happened)) = self.link_events.recv() => self.on_link(link, happened),
                Some((job, text)) = self.answers.recv() => {
                    let now = self.now();
                    self.hearing.written_down(now, job, text);
                }
                () = has_room(outbox) => {}
                () = tokio::time::sleep(wait) => {}
            }
            let now = self.now();
            self.hearing.tick(now);
            self.detects_turns
                .store(self.hearing.detects_turns(), Ordering::Relaxed);
        }
        if let Some(running) = self.running.take() {
            running.store(true, Ordering::Relaxed);
        }
    }

    fn on_command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Audio(mulaw) => self.hearing.audio(&mulaw),
            Command::TurnStarted(turn) => self.hearing.turn_started(now, turn),
            Command::TurnClosed(turn) => self.hearing.turn_closed(turn),
            Command::Expect(expectation) => self.hearing.expect(expectation),
            Command::Ask { job, turn, expectation } => self.hearing.ask(now, job, turn, expectation),
            Command::AskEnd { job, turn } => self.hearing.ask_end(job, turn),
        }
    }

    fn on_link(&mut self, link: u64, happened: Happened) {
        let now = self.now();
        let Some(current) = self.link.as_ref().filter(|current| current.id == link) else {
            return;
        };
        let engine = current.engine;
        match happened {
            Happened::Opened => {
                let protocol = self.chain.engines[engine].stt.protocol(self.language);
                self.hearing.connected(now, engine, protocol);
            }
            Happened::Came(message) => self.hearing.message(now, engine, &message),
            Happened::Lost(fault) => self.hearing.disconnected(now, engine, fault),
        }
    }

    async fn carry_out(&mut self) {
        loop {
            let room = self
                .link
                .as_ref()
                .map_or(0, |link| link.room().saturating_sub(RESERVED));
            let now = self.now();
            self.hearing.pump(now, room);
            let Some(order) = self.hearing.poll() else { return };
            self.do_one(order).await;
            while let Some(order) = self.hearing.poll() {
                self.do_one(order).await;
            }
        }
    }

    async fn do_one(&mut self, order: Order) {
        let name = |engine: usize| self.chain.engines[engine].stt.name();
        match order {
            Order::Connect(engine) => {
                self.links += 1;
                let target = self.chain.engines[engine].stt.target(self.language);
                let connection = Connection {
                    id: self.links,
                    target,
                    events: self.link_sender.clone(),
                };
                self.link = Some(connection.open(engine, &self.tasks));
            }
            Order::Disconnect => self.link = None,
            Order::Send(wire) => {
                let Some(link) = &self.link else { return };
                if !link.send(wire) {
                    let (now, engine) = (self.now(), link.engine);
                    self.link = None;
                    let fault = Fault::transient("the engine reads nothing any more");
                    self.hearing.disconnected(now, engine, fault);
                }
            }
            // What a connection didn't take is the next one's.
            Order::Charged(engine, bytes) if self.link.is_some() => self.tallies[engine].hears(bytes),
            Order::Charged(..) => {}
            // The call may be over: then nobody listens.
            Order::Report(event) => drop(self.events.send(event).await),
            Order::WriteDown {
                job,
                mulaw,
                expectation,
            } => self.write_down(job, &mulaw, expectation),
            Order::Failed(engine, fault) => self.chain.engines[engine].watch.failed(&fault),
            Order::Worked(engine) => self.chain.engines[engine].watch.succeeded(),
            Order::Unknown(engine) => self.chain.metrics.provider_unknown_event(name(engine)),
            Order::Degraded(engine) => self.chain.metrics.hearing_degraded(name(engine)),
        }
    }

    fn write_down(&mut self, job: JobId, mulaw: &[u8], expectation: Expectation) {
        if let Some(running) = self.running.take() {
            // Its audio is contained in the new one's.
            running.store(true, Ordering::Relaxed);
        }
        let cancel = Arc::new(AtomicBool::new(false));
        self.running = Some(cancel.clone());
        let recording = Recording {
            samples: mulaw.iter().map(|byte| mulaw::decode(*byte)).collect(),
            expectation,
            language: self.language,
            alone: false,
        };
        let (stt, answers) = (self.writer.stt.clone(), self.answer_sender.clone());
        let admitted = self.writer.pool.run(move || {
            let text = stt.transcribe(&recording, &cancel);
            let text = text.inspect_err(|error| tracing::debug!(error = %error, "a transcription ended without words"));
            // The call may be over: then nobody listens.
            let _ = answers.blocking_send((job, text.ok()));
        });
        if admitted {
            self.local_tally.hears(mulaw.len() as u64);
        } else {
            let now = self.now();
            self.hearing.written_down(now, job, None);
        }
    }
}

/// Waits until a connection takes messages again.
async fn has_room(outbox: Option<mpsc::Sender<super::protocol::Wire>>) {
    match outbox {
        Some(outbox) => drop(outbox.reserve_many(RESERVED + 1).await),
        None => std::future::pending().await,
    }
}

/// Spreads the calls that lose an engine together.
fn jitter() -> f32 {
    let mut byte = [0; 1];
    // Without randomness nobody is spread, and nothing else is lost.
    let _ = getrandom::fill(&mut byte);
    f32::from(byte[0]) / 255.0
}
