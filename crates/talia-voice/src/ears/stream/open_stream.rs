//! One open stream: what was sent on it, and how far its engine has heard.

use super::audio_map::AudioMap;
use super::protocol::{Feeding, Heard, Protocol, Traits, Wire};
use super::ring::Ring;
use super::{Position, bytes_in};
use std::time::Duration;

/// The longest piece of audio in one message: replays are sent in such pieces, faster than they were spoken.
const LONGEST_CHUNK: u64 = bytes_in(Duration::from_millis(100));
/// An engine that isn't ready by now won't be.
const READY: Duration = Duration::from_secs(3);

pub(super) struct Stream {
    pub(super) engine: usize,
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) traits: Traits,
    pub(super) map: AudioMap,
    opened: Duration,
    ready: Option<Duration>,
    /// When something was sent last.
    pub(super) sent: Duration,
    /// What comes next of the caller's audio.
    cursor: Position,
    /// Where the stream began, until its first words come.
    pub(super) resumed_at: Option<Position>,
    /// Up to here the engine knows the audio.
    pub(super) heard_to: Position,
    /// Up to here it has given the words that were asked for.
    pub(super) finalized_to: Position,
    /// Where the engine believes that a turn ended, and how firmly.
    pub(super) turn_end: Option<(Position, f32)>,
    /// Up to here of the stream the engine holds what it was sent in earlier turns.
    held_to: u64,
    /// Where the words up to there are to be asked for.
    finalize_at: Option<Position>,
    pub(super) has_worked: bool,
    /// So much audio of it was counted as paid for, bytes.
    charged: u64,
    /// Messages that could not be read.
    pub(super) malformed: u32,
}

impl Stream {
    pub(super) fn new(engine: usize, protocol: Box<dyn Protocol>, cursor: Position, now: Duration) -> Self {
        Self {
            engine,
            traits: protocol.traits(),
            protocol,
            map: AudioMap::default(),
            opened: now,
            ready: None,
            sent: now,
            cursor,
            resumed_at: Some(cursor),
            heard_to: cursor,
            finalized_to: 0,
            turn_end: None,
            held_to: 0,
            finalize_at: None,
            has_worked: false,
            charged: 0,
            malformed: 0,
        }
    }

    pub(super) fn ready(&mut self, now: Duration) {
        self.ready.get_or_insert(now);
        self.sent = now;
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    pub(super) fn ready_for(&self, now: Duration) -> Duration {
        self.ready.map_or(Duration::ZERO, |ready| now.saturating_sub(ready))
    }

    /// When it has to be ready, unless it is.
    pub(super) fn late_at(&self) -> Option<Duration> {
        self.ready.is_none().then_some(self.opened + READY)
    }

    pub(super) fn backlog(&self, ring: &Ring) -> u64 {
        ring.end().saturating_sub(self.cursor)
    }

    /// An engine that is fed turns only begins with the turn's beginning, unless it has that already.
    pub(super) fn turn_started(&mut self, from: Position) {
        if self.traits.feeding == Feeding::Turns {
            self.cursor = from.max(self.map.call_end(self.held_to));
        }
    }

    pub(super) fn discard(&mut self, out: &mut Vec<Wire>) {
        self.finalize_at = None;
        if self.ready.is_some() {
            self.held_to = self.protocol.discard(out);
        }
    }

    /// Asks for the words up to `place` as soon as all audio before it was sent.
    pub(super) fn finalize_at(&mut self, place: Position) {
        if !self.traits.answers_by_progress {
            self.finalize_at = Some(place);
        }
    }

    /// What its service charges for that was not counted yet, bytes.
    pub(super) fn newly_charged(&mut self) -> u64 {
        let all = self.protocol.charged();
        all - std::mem::replace(&mut self.charged, all).min(all)
    }

    /// Sends what is due; true when audio had to be left out because the ring no longer holds it.
    pub(super) fn pump(
        &mut self,
        now: Duration,
        ring: &Ring,
        (is_wanted, room): (bool, usize),
        (out, heard): (&mut Vec<Wire>, &mut Vec<Heard>),
    ) -> bool {
        if self.ready.is_none() {
            return false;
        }
        if self.traits.feeding == Feeding::Turns && !is_wanted {
            self.cursor = ring.end();
            return false;
        }
        let is_lost = self.cursor < ring.start();
        self.cursor = self.cursor.max(ring.start());
        let before = out.len();
        while out.len() - before < room {
            let waiting = self.backlog(ring);
            if self.finalize_at.is_some_and(|place| place <= self.cursor) {
                self.finalize_at = None;
                self.protocol.finalize(out, heard);
                continue;
            }
            if waiting == 0 || (waiting < self.traits.chunk && self.finalize_at.is_none()) {
                break;
            }
            let until = self.finalize_at.map_or(ring.end(), |place| place.min(ring.end()));
            let to = (self.cursor + LONGEST_CHUNK).min(until);
            let mulaw = ring.between(self.cursor, to);
            self.map.push(self.cursor, mulaw.len() as u64);
            self.protocol.audio(&mulaw, out);
            self.cursor = to;
        }
        if out.len() > before {
            self.sent = now;
        }
        is_lost
    }
}
