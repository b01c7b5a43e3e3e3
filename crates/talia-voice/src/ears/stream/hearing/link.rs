//! Who is connected to: the first engine that is well, the next one when it is lost, and from where on it hears.

use super::super::open_stream::Stream;
use super::super::protocol::Protocol;
use super::super::roster::Next;
use super::super::{Position, bytes_in};
use super::{Hearing, Order, PRE_ROLL};
use crate::providers::Fault;
use std::time::Duration;
use talia_spanish::Expectation;

/// What an engine that fell behind is given when nobody else can take over.
const SHED_TO: u64 = bytes_in(Duration::from_secs(1));

/// The stream of the call, or the way to it.
pub(super) enum Link {
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

impl Hearing {
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

    pub(super) fn give_up(&mut self, now: Duration, fault: Fault) {
        if let Link::Open(stream) = &self.link {
            let engine = stream.engine;
            self.orders.push_back(Order::Disconnect);
            self.disconnected(now, engine, fault);
        }
    }

    /// The engine is reached, and too slow: others come first.
    pub(super) fn leave(&mut self, now: Duration, fault: Fault) {
        let Link::Open(stream) = &self.link else { return };
        self.orders.push_back(Order::Disconnect);
        self.orders.push_back(Order::Failed(stream.engine, fault));
        let next = self.roster.leave(now);
        self.go_on(now, next);
    }

    pub(super) fn connect(&mut self, now: Duration) {
        let next = self.roster.next(now);
        self.go_on(now, next);
    }

    pub(super) fn go_on(&mut self, now: Duration, next: Next) {
        self.link = match next {
            Next::Nobody => Link::Off,
            Next::Connect { engine, at } if at <= now => {
                self.orders.push_back(Order::Connect(engine));
                Link::Opening { engine }
            }
            Next::Connect { engine, at } => Link::Waiting { engine, at },
        };
    }
}
