//! One call's streaming recognition, whatever the engines do: which one listens, what it is sent, and what the dialogue is
//! answered. Pure: takes messages and the time, gives orders.

use super::jobs::{Job, Urgency};
use super::open_stream::Stream;
use super::protocol::{Heard, Piece, Protocol, Wire};
use super::ring::Ring;
use super::roster::{Next, Roster};
use super::transcript::{Settled, Transcript, Word};
use super::{Position, bytes_in};
use crate::ears::EarEvent;
use crate::providers::{Fault, Received};
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;
use talia_dialogue::{JobId, TurnId};
use talia_spanish::Expectation;

/// How much audio before the first sound belongs to a turn: the detector hears a word late.
const PRE_ROLL: u64 = bytes_in(Duration::from_millis(500));
/// A question comes this long after the last sound: words up to shortly before it are all the words.
const SLACK: u64 = bytes_in(Duration::from_millis(160));
/// How far an engine that reports its progress may be behind while the caller speaks.
const BEHIND: Duration = Duration::from_secs(3);
/// What an engine that fell behind is given when nobody else can take over.
const SHED_TO: u64 = bytes_in(Duration::from_secs(1));
/// Deepgram closes after 10 s without audio, and asks for a message every 3 to 5 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// How often progress is looked at while the caller speaks.
const LOOK: Duration = Duration::from_millis(500);
/// Messages of one stream that can't be read, before it is given up.
const MALFORMED: u32 = 8;
/// Questions that may be open; the dialogue has two at most.
const QUESTIONS: usize = 8;

/// Where the local recogniser stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// Before the streams: they are only asked when it fails.
    First,
    /// Behind one of them: it answers when they don't.
    Behind,
    /// Nowhere.
    Absent,
}

/// What is to be done, in order.
#[derive(Debug)]
pub enum Order {
    /// Open a stream to this engine of the chain, closing any other.
    Connect(usize),
    /// Close the stream.
    Disconnect,
    /// Send this on the open stream.
    Send(Wire),
    /// Tell the call.
    Report(EarEvent),
    /// Have the local recogniser write this μ-law audio down.
    WriteDown {
        /// Whose answer it is.
        job: JobId,
        /// The audio.
        mulaw: Vec<u8>,
        /// What was asked.
        expectation: Expectation,
    },
    /// The engine failed.
    Failed(usize, Fault),
    /// The engine does what it is for.
    Worked(usize),
    /// The engine said something unknown.
    Unknown(usize),
    /// Words were answered that may lack some, or audio was given up.
    Degraded(usize),
}

#[derive(Debug)]
struct Turn {
    id: TurnId,
    from: Position,
    began: Duration,
    partial: String,
}

enum Link {
    /// Nobody is connected to or will be.
    Off,
    Waiting {
        engine: usize,
        at: Duration,
    },
    Opening {
        engine: usize,
    },
    Open(Box<Stream>),
}

/// The machine.
pub struct Hearing {
    ring: Ring,
    transcript: Transcript,
    roster: Roster,
    local: Local,
    link: Link,
    turn: Option<Turn>,
    jobs: Vec<Job>,
    /// Open questions for the end of the turn.
    ends: Vec<JobId>,
    /// What belonged to earlier turns.
    answered_to: Position,
    /// What is expected next.
    expectation: Expectation,
    /// The next stream begins close to the present: the engine was too slow for more.
    sheds: bool,
    orders: VecDeque<Order>,
    heard: Vec<Heard>,
    wires: Vec<Wire>,
}

impl Hearing {
    /// A call that begins: the first engine is connected to at once, unless the local recogniser comes first.
    pub fn new(roster: Roster, local: Local, now: Duration) -> Self {
        let mut hearing = Self {
            ring: Ring::default(),
            transcript: Transcript::default(),
            roster,
            local,
            link: Link::Off,
            turn: None,
            jobs: Vec::new(),
            ends: Vec::new(),
            answered_to: 0,
            expectation: Expectation::Open,
            sheds: false,
            orders: VecDeque::new(),
            heard: Vec::new(),
            wires: Vec::new(),
        };
        if local != Local::First {
            hearing.connect(now);
        }
        hearing
    }

    /// The next order.
    pub fn poll(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// The caller's next μ-law bytes.
    pub fn audio(&mut self, mulaw: &[u8]) {
        let needed = self.needed();
        self.ring.push(mulaw, needed);
    }

    fn needed(&self) -> Position {
        let turn = self.turn.as_ref().map(|turn| turn.from);
        let jobs = self.jobs.iter().map(|job| job.span.start);
        jobs.chain(turn).min().unwrap_or(Position::MAX)
    }

    /// The caller began to speak.
    pub fn turn_started(&mut self, now: Duration, id: TurnId) {
        let from = self.ring.end().saturating_sub(PRE_ROLL).max(self.answered_to);
        self.turn = Some(Turn {
            id,
            from,
            began: now,
            partial: String::new(),
        });
        self.jobs.clear();
        self.ends.clear();
        if let Link::Open(stream) = &mut self.link {
            stream.turn_started(from);
        }
    }

    /// Nothing more is asked about this turn.
    pub fn turn_closed(&mut self, id: TurnId) {
        let Some(turn) = self.turn.take_if(|turn| turn.id == id) else {
            return;
        };
        self.jobs.clear();
        self.ends.clear();
        self.transcript.forget_before(turn.from);
        if let Link::Open(stream) = &mut self.link {
            stream.discard(&mut self.wires);
            self.send();
        }
    }

    /// What kind of answer comes next.
    pub fn expect(&mut self, expectation: Expectation) {
        if std::mem::replace(&mut self.expectation, expectation) == expectation {
            return;
        }
        if let Link::Open(stream) = &mut self.link
            && stream.is_ready()
        {
            stream.protocol.expect(expectation, &mut self.wires);
            self.send();
        }
    }

    /// The dialogue wants the words of the turn so far.
    pub fn ask(&mut self, now: Duration, job: JobId, turn: TurnId, expectation: Expectation) {
        let own = self.turn.as_ref().filter(|own| own.id == turn);
        let Some(from) = own.map(|own| own.from).filter(|_| self.jobs.len() < QUESTIONS) else {
            self.report(EarEvent::Failed { job });
            return;
        };
        self.expect(expectation);
        let span = from..self.ring.end();
        self.answered_to = self.answered_to.max(span.end);
        if let Link::Open(stream) = &mut self.link {
            stream.finalize_at(span.end);
        }
        self.jobs.push(Job {
            id: job,
            span,
            expectation,
            asked: now,
            blamed: false,
            is_handed: false,
        });
        if self.local == Local::First {
            self.hand_over(self.jobs.len() - 1);
        }
        self.answer(now);
    }

    /// Whether the engine that listens says itself when a turn has ended.
    pub fn detects_turns(&self) -> bool {
        matches!(&self.link, Link::Open(stream) if stream.traits.detects_turns)
    }

    /// The dialogue wants to know how likely the turn is over.
    pub fn ask_end(&mut self, job: JobId, turn: TurnId) {
        if self.turn.as_ref().is_none_or(|own| own.id != turn) || self.ends.len() >= QUESTIONS {
            return;
        }
        self.ends.push(job);
        self.answer_ends();
    }

    /// The stream to this engine is open; this is its protocol.
    pub fn connected(&mut self, now: Duration, engine: usize, protocol: Box<dyn Protocol>) {
        if !matches!(self.link, Link::Opening { engine: asked } if asked == engine) {
            return;
        }
        let cursor = self.resume_at(engine);
        let mut stream = Box::new(Stream::new(engine, protocol, cursor, now));
        if let Some(latest) = self.jobs.iter().map(|job| job.span.end).max() {
            stream.finalize_at(latest);
        }
        stream.protocol.begin(&mut self.wires, &mut self.heard);
        if self.expectation != Expectation::Open {
            stream.protocol.expect(self.expectation, &mut self.wires);
        }
        self.link = Link::Open(stream);
        self.send();
        self.take_in(now);
    }

    /// Where a new stream goes on: at the first audio of the turn whose words aren't final.
    fn resume_at(&mut self, engine: usize) -> Position {
        let live = self
            .ring
            .end()
            .saturating_sub(PRE_ROLL)
            .max(self.answered_to.min(self.ring.end()));
        let wanted = match self.needed() {
            Position::MAX => live,
            needed => self.transcript.final_up_to(needed),
        };
        let mut at = wanted.max(self.ring.start());
        if std::mem::take(&mut self.sheds) {
            at = at.max(self.ring.end().saturating_sub(SHED_TO));
        }
        if at > wanted {
            self.orders.push_back(Order::Degraded(engine));
        }
        at
    }

    /// The stream to this engine is gone or never came to be.
    pub fn disconnected(&mut self, now: Duration, engine: usize, fault: Fault) {
        let is_ours = match &self.link {
            Link::Opening { engine: ours } => *ours == engine,
            Link::Open(stream) => stream.engine == engine,
            Link::Off | Link::Waiting { .. } => false,
        };
        if is_ours {
            let next = self.roster.failed(now, &fault);
            self.orders.push_back(Order::Failed(engine, fault));
            self.go_on(now, next);
            self.answer(now);
        }
    }

    fn give_up(&mut self, now: Duration, fault: Fault) {
        if let Link::Open(stream) = &self.link {
            let engine = stream.engine;
            self.orders.push_back(Order::Disconnect);
            self.disconnected(now, engine, fault);
        }
    }

    fn connect(&mut self, now: Duration) {
        let next = self.roster.next(now);
        self.go_on(now, next);
    }

    fn go_on(&mut self, now: Duration, next: Next) {
        self.link = match next {
            Next::Nobody => Link::Off,
            Next::Connect { engine, at } if at <= now => {
                self.orders.push_back(Order::Connect(engine));
                Link::Opening { engine }
            }
            Next::Connect { engine, at } => Link::Waiting { engine, at },
        };
    }

    /// A message of the stream to this engine.
    pub fn message(&mut self, now: Duration, engine: usize, message: &Received) {
        let Link::Open(stream) = &mut self.link else { return };
        if stream.engine != engine {
            return;
        }
        match message {
            Received::Text(text) => stream.protocol.receive(text, &mut self.heard),
            Received::Binary(_) => self.heard.push(Heard::Unknown),
            Received::Closed(code) => {
                let fault = stream.protocol.closed(*code);
                self.disconnected(now, engine, fault);
                return;
            }
        }
        self.take_in(now);
        self.answer(now);
    }

    fn take_in(&mut self, now: Duration) {
        let heard = std::mem::take(&mut self.heard);
        for heard in heard {
            let Link::Open(stream) = &mut self.link else { return };
            let engine = stream.engine;
            if matches!(heard, Heard::Running(_) | Heard::Final(_))
                && let Some(from) = stream.resumed_at.take()
            {
                // What an earlier stream was still unsure about is heard again.
                self.transcript.run(from, Vec::new());
            }
            match heard {
                Heard::Ready => stream.ready(now),
                Heard::Running(piece) => {
                    let (span, words) = placed(stream, piece);
                    stream.heard_to = stream.heard_to.max(span.end);
                    self.transcript.run(span.start, words);
                    self.report_partial();
                }
                Heard::Final(piece) => {
                    let (span, words) = placed(stream, piece);
                    stream.heard_to = stream.heard_to.max(span.end);
                    self.roster.succeeded();
                    if !std::mem::replace(&mut stream.has_worked, true) {
                        self.orders.push_back(Order::Worked(engine));
                    }
                    if self.transcript.settle(span, words) == Settled::New {
                        self.report_partial();
                    }
                }
                Heard::Finalized { to } => {
                    let to = stream.map.call_end(to);
                    stream.finalized_to = stream.finalized_to.max(to);
                }
                Heard::TurnEnded { to, confidence } => {
                    stream.turn_end = Some((stream.map.call_end(to), confidence));
                    self.answer_ends();
                }
                Heard::Failed(fault) => self.give_up(now, fault),
                Heard::Nothing => {}
                Heard::Unknown => self.orders.push_back(Order::Unknown(engine)),
                Heard::Malformed => {
                    stream.malformed += 1;
                    if stream.malformed > MALFORMED {
                        self.give_up(now, Fault::malformed("the engine says what can't be read"));
                    } else {
                        self.orders.push_back(Order::Unknown(engine));
                    }
                }
            }
        }
    }

    fn report_partial(&mut self) {
        let Some(turn) = &mut self.turn else { return };
        let text = self.transcript.text(&(turn.from..Position::MAX));
        if !text.is_empty() && text != turn.partial {
            turn.partial.clone_from(&text);
            let turn = turn.id;
            self.report(EarEvent::Partial { turn, text });
        }
    }

    /// The local recogniser's answer; `None` when it failed or has no room.
    pub fn written_down(&mut self, now: Duration, job: JobId, text: Option<String>) {
        let Some(place) = self.jobs.iter().position(|own| own.id == job) else {
            return;
        };
        match text {
            Some(text) => {
                self.jobs.remove(place);
                self.report(EarEvent::Transcribed { job, text });
            }
            None if self.local == Local::First && matches!(self.link, Link::Off) => {
                // Now the streams are asked, with the whole turn; their time begins now.
                self.jobs[place].asked = now;
                self.connect(now);
                self.answer(now);
            }
            // A stream may still answer; if it doesn't, time does.
            None => self.answer(now),
        }
    }

    fn hand_over(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.is_handed = true;
        self.orders.push_back(Order::WriteDown {
            job: job.id,
            mulaw: self.ring.between(job.span.start, job.span.end),
            expectation: job.expectation,
        });
    }

    /// Answers the questions that can be answered, or must be.
    fn answer(&mut self, now: Duration) {
        let mut place = 0;
        while place < self.jobs.len() {
            let job = &self.jobs[place];
            // Words that came since belong to the same turn; nothing is gained by leaving them out.
            let text = self.transcript.text(&(job.span.start..Position::MAX));
            let urgency = job.urgency(now);
            let is_open = matches!(self.link, Link::Open(_));
            let is_off = matches!(self.link, Link::Off);
            let can_hand = self.local != Local::Absent && !job.is_handed;
            if self.has_all(job) {
                self.answer_with(place, text);
            } else if urgency >= Urgency::Soon && self.has_running_words(job) && !text.is_empty() {
                self.degraded();
                self.answer_with(place, text);
            } else if can_hand && (is_off || urgency >= Urgency::Late || (urgency >= Urgency::Soon && !is_open)) {
                self.hand_over(place);
            } else if urgency >= Urgency::Late && is_open && !job.blamed {
                for job in &mut self.jobs {
                    job.blamed = true;
                }
                self.leave(now, Fault::transient("no words in time"));
            } else if urgency == Urgency::Last || (is_off && !job.is_handed) {
                if text.is_empty() {
                    let job = self.jobs.remove(place).id;
                    self.report(EarEvent::Failed { job });
                } else {
                    self.degraded();
                    self.answer_with(place, text);
                }
            } else {
                place += 1;
            }
        }
    }

    fn answer_with(&mut self, place: usize, text: String) {
        let job = self.jobs.remove(place).id;
        self.report(EarEvent::Transcribed { job, text });
    }

    fn has_all(&self, job: &Job) -> bool {
        let is_final = self.transcript.final_up_to(job.span.start) + SLACK >= job.span.end;
        let Link::Open(stream) = &self.link else {
            return is_final;
        };
        let by_progress = stream.traits.answers_by_progress
            && (stream.heard_to >= job.span.end || stream.turn_end.is_some_and(|(to, _)| to + SLACK >= job.span.end));
        is_final || by_progress || stream.finalized_to + SLACK >= job.span.end
    }

    fn has_running_words(&self, job: &Job) -> bool {
        matches!(&self.link, Link::Open(stream)
            if stream.traits.reports_progress && stream.heard_to + SLACK >= job.span.end)
    }

    fn answer_ends(&mut self) {
        let Link::Open(stream) = &self.link else { return };
        let Some((to, probability)) = stream.turn_end else {
            return;
        };
        if to + bytes_in(LOOK) < self.ring.end() {
            return;
        }
        for job in std::mem::take(&mut self.ends) {
            self.report(EarEvent::EndOfTurn { job, probability });
        }
    }

    /// Sends the stream what it has not been sent, in at most `room` messages.
    pub fn pump(&mut self, now: Duration, room: usize) {
        let (has_turn, is_open) = (self.turn.is_some(), !self.jobs.is_empty());
        let Link::Open(stream) = &mut self.link else { return };
        let out = (&mut self.wires, &mut self.heard);
        if stream.pump(now, &self.ring, (has_turn || is_open, room), out) {
            let engine = stream.engine;
            self.orders.push_back(Order::Degraded(engine));
        }
        self.send();
        self.take_in(now);
        self.answer(now);
    }

    /// Whether audio waits for room.
    pub fn has_backlog(&self) -> bool {
        matches!(&self.link, Link::Open(stream) if stream.is_ready() && stream.backlog(&self.ring) > 0)
    }

    /// A deadline has come.
    pub fn tick(&mut self, now: Duration) {
        match &mut self.link {
            Link::Waiting { engine, at } if *at <= now => {
                let engine = *engine;
                self.go_on(now, Next::Connect { engine, at: now });
            }
            Link::Open(stream) if stream.late_at().is_some_and(|at| at <= now) => {
                self.give_up(now, Fault::transient("the engine is not ready in time"));
            }
            Link::Open(stream) if stream.is_ready() && stream.sent + KEEP_ALIVE <= now => {
                stream.sent = now;
                stream.protocol.keep_alive(&mut self.wires);
                self.send();
            }
            _ => {}
        }
        if self.is_behind(now) {
            self.fall_behind(now);
        }
        self.answer(now);
    }

    fn is_behind(&self, now: Duration) -> bool {
        let (Some(turn), Link::Open(stream)) = (&self.turn, &self.link) else {
            return false;
        };
        let behind = bytes_in(BEHIND);
        let unsent = stream.is_ready() && stream.backlog(&self.ring) > behind;
        let unheard =
            stream.traits.reports_progress && self.ring.end().saturating_sub(stream.heard_to.max(turn.from)) > behind;
        let long = stream.ready_for(now) >= BEHIND && now.saturating_sub(turn.began) >= BEHIND;
        long && (unsent || unheard)
    }

    /// The engine, or the way to it, is slower than the caller speaks: whoever else there is takes over, with all that the
    /// ring holds; if there is nobody, the same engine goes on from the present.
    fn fall_behind(&mut self, now: Duration) {
        let Link::Open(stream) = &self.link else { return };
        let engine = stream.engine;
        self.degraded();
        self.leave(now, Fault::transient("the engine falls behind"));
        self.sheds =
            matches!(self.link, Link::Opening { engine: next } | Link::Waiting { engine: next, .. } if next == engine);
    }

    /// The engine is reached, and too slow: others come first.
    fn leave(&mut self, now: Duration, fault: Fault) {
        let Link::Open(stream) = &self.link else { return };
        self.orders.push_back(Order::Disconnect);
        self.orders.push_back(Order::Failed(stream.engine, fault));
        let next = self.roster.leave(now);
        self.go_on(now, next);
    }

    fn degraded(&mut self) {
        if let Link::Open(stream) = &self.link {
            let engine = stream.engine;
            self.orders.push_back(Order::Degraded(engine));
        }
    }

    /// When [`Hearing::tick`] is due at the latest; always after `now`.
    pub fn next_deadline(&self, now: Duration) -> Option<Duration> {
        let link = match &self.link {
            Link::Off | Link::Opening { .. } => None,
            Link::Waiting { at, .. } => Some(*at),
            Link::Open(stream) => Some(stream.late_at().unwrap_or(stream.sent + KEEP_ALIVE)),
        };
        let jobs = self.jobs.iter().filter_map(|job| job.due(now));
        let look = self.turn.as_ref().map(|_| now + LOOK);
        let soonest = jobs.chain(link).chain(look).min();
        soonest.map(|at| at.max(now + Duration::from_millis(1)))
    }

    fn report(&mut self, event: EarEvent) {
        self.orders.push_back(Order::Report(event));
    }

    fn send(&mut self) {
        let wires = self.wires.drain(..);
        self.orders.extend(wires.map(Order::Send));
    }
}

/// A piece of a stream as a piece of the caller's audio.
fn placed(stream: &Stream, piece: Piece) -> (Range<Position>, Vec<Word>) {
    let map = &stream.map;
    let words = piece.words.into_iter().map(|word| Word {
        from: map.call(word.from),
        to: map.call_end(word.to),
        text: word.text,
    });
    let words = words.collect();
    (map.call(piece.span.start)..map.call_end(piece.span.end), words)
}
