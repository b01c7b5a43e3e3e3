//! One call's streaming recognition, whatever the engines do: which one listens, what it is sent, and what the dialogue is
//! answered. Pure: takes messages and the time, gives orders.
//!
//! Here stand its state and what the call tells it. `link`: who is connected to; `intake`: what the engine says;
//! `answers`: what the dialogue is told; `pace`: what is sent when, and who is too slow.

mod answers;
mod intake;
mod link;
mod pace;

use self::link::Link;
use super::jobs::Job;
use super::protocol::{Heard, Wire};
use super::ring::Ring;
use super::roster::Roster;
use super::transcript::Transcript;
use super::{Position, bytes_in};
use crate::ears::EarEvent;
use crate::providers::Fault;
use std::collections::VecDeque;
use std::time::Duration;
use talia_dialogue::{JobId, TurnId};
use talia_spanish::Expectation;

/// How much audio before the first sound belongs to a turn: the detector hears a word late.
const PRE_ROLL: u64 = bytes_in(Duration::from_millis(500));

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
    /// This engine was sent so many more bytes of audio that are paid for.
    Charged(usize, u64),
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

    fn report(&mut self, event: EarEvent) {
        self.orders.push_back(Order::Report(event));
    }

    fn degraded(&mut self) {
        if let Link::Open(stream) = &self.link {
            let engine = stream.engine;
            self.orders.push_back(Order::Degraded(engine));
        }
    }

    fn send(&mut self) {
        let wires = self.wires.drain(..);
        self.orders.extend(wires.map(Order::Send));
    }
}
