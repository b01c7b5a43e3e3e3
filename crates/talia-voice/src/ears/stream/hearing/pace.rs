//! What is sent when, what is due at which time, and when an engine is too slow for the caller.

use super::super::bytes_in;
use super::super::roster::Next;
use super::link::Link;
use super::{Hearing, Order};
use crate::providers::Fault;
use std::time::Duration;

/// How far an engine that reports its progress may be behind while the caller speaks.
const BEHIND: Duration = Duration::from_secs(3);
/// Deepgram closes after 10 s without audio, and asks for a message every 3 to 5 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// How often progress is looked at while the caller speaks.
pub(super) const LOOK: Duration = Duration::from_millis(500);

impl Hearing {
    /// Sends the stream what it has not been sent, in at most `room` messages.
    pub fn pump(&mut self, now: Duration, room: usize) {
        let (has_turn, is_open) = (self.turn.is_some(), !self.jobs.is_empty());
        let Link::Open(stream) = &mut self.link else { return };
        let out = (&mut self.wires, &mut self.heard);
        if stream.pump(now, &self.ring, (has_turn || is_open, room), out) {
            let engine = stream.engine;
            self.orders.push_back(Order::Degraded(engine));
        }
        let (engine, charged) = (stream.engine, stream.newly_charged());
        self.send();
        if charged > 0 {
            self.orders.push_back(Order::Charged(engine, charged));
        }
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
}
