//! Watches a stream's counters: what was lost, what came twice, what came too late, and how much silence mends it.

/// Length of a usual frame, in milliseconds.
pub const FRAME_MS: u64 = 20;
/// A jump of the sequence number beyond this is believed only when the next message confirms it (as in RFC 3550,
/// appendix A.1): one damaged number must not deafen the rest of the call.
const MAX_JUMP: u64 = 3000;
/// How many sequence numbers back a repeat is told from a late arrival.
const WINDOW: u64 = 64;

/// Where a message stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The one that was expected.
    Next,
    /// Ahead of what was expected.
    Gap {
        /// How many messages are missing in between.
        missing: u64,
    },
    /// Seen before: drop it.
    Duplicate,
    /// Behind one that was already taken: drop it, silence stands in its place.
    Late,
    /// Ahead by more than a minute: drop it. If the next message follows on it, the stream is resumed there.
    Implausible,
}

/// What to do with a piece of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Take it.
    Next,
    /// Put silence in front, then take it.
    AfterGap {
        /// Pieces that the track's own counter says are missing.
        missing_chunks: u64,
        /// Frames of 20 ms that the stream's clock says are missing.
        missing_frames: u64,
        /// Frames of silence to insert: `missing_frames`, at most the tracker's limit.
        silence_frames: u32,
    },
    /// The stream's clock went back though the counters went on: take it; the clock is set anew.
    ClockBack {
        /// By how many milliseconds.
        by_ms: u64,
    },
    /// Seen before: drop it.
    Duplicate,
    /// Too late: drop it.
    Late,
    /// Its counters can't be believed: drop it.
    Implausible,
}

/// The counters of one piece of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// `sequenceNumber`.
    pub sequence_number: u64,
    /// `media.chunk`.
    pub chunk: u64,
    /// `media.timestamp`: milliseconds since the stream's start.
    pub timestamp_ms: u64,
    /// How long the decoded piece lasts, in milliseconds (its bytes divided by 8).
    pub duration_ms: u64,
}

/// What went wrong so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Places where messages were missing.
    pub gaps: u64,
    /// Messages that were missing.
    pub missing_messages: u64,
    /// Frames of silence that were asked for.
    pub silence_frames: u64,
    /// Frames that were missing beyond the limit of silence.
    pub unfilled_frames: u64,
    /// Messages that came twice.
    pub duplicates: u64,
    /// Messages that came too late.
    pub late: u64,
    /// Times that the clock went back.
    pub clock_back: u64,
    /// Messages whose counters could not be believed.
    pub implausible: u64,
}

/// The counters of one stream, one track of audio. A new stream needs a new tracker.
#[derive(Debug, Clone)]
pub struct Tracker {
    last: u64,
    /// Bit `i` tells whether `last - i` was seen.
    seen: u64,
    /// Where an implausible jump led.
    candidate: Option<u64>,
    last_chunk: u64,
    /// Where the next piece should begin; none before the first.
    next_ms: Option<u64>,
    max_silence: u32,
    tally: Tally,
}

impl Tracker {
    /// Begins behind the `start` message with its sequence number; fills gaps with up to `max_silence` frames of 20 ms.
    pub fn new(start_sequence: u64, max_silence: u32) -> Self {
        Self {
            last: start_sequence,
            seen: 1,
            candidate: None,
            last_chunk: 0,
            next_ms: None,
            max_silence,
            tally: Tally::default(),
        }
    }

    /// What went wrong so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Notes a message that isn't audio.
    pub fn message(&mut self, sequence_number: u64) -> Order {
        let order = self.place(sequence_number);
        match order {
            Order::Next => {}
            Order::Gap { missing } => {
                self.tally.gaps += 1;
                self.tally.missing_messages = self.tally.missing_messages.saturating_add(missing);
            }
            Order::Duplicate => self.tally.duplicates += 1,
            Order::Late => self.tally.late += 1,
            Order::Implausible => self.tally.implausible += 1,
        }
        order
    }

    /// Notes a piece of audio.
    pub fn media(&mut self, position: Position) -> Arrival {
        match self.message(position.sequence_number) {
            Order::Duplicate => return Arrival::Duplicate,
            Order::Late => return Arrival::Late,
            Order::Implausible => return Arrival::Implausible,
            Order::Next | Order::Gap { .. } => {}
        }
        if position.chunk == self.last_chunk {
            self.tally.duplicates += 1;
            return Arrival::Duplicate;
        }
        let missing_chunks = position.chunk.saturating_sub(self.last_chunk.saturating_add(1));
        self.last_chunk = position.chunk;
        let expected = self.next_ms.unwrap_or(position.timestamp_ms);
        self.next_ms = Some(position.timestamp_ms.saturating_add(position.duration_ms));

        // Half a frame either way is jitter of the sender's clock.
        if position.timestamp_ms.saturating_add(FRAME_MS / 2) < expected {
            self.tally.clock_back += 1;
            return Arrival::ClockBack {
                by_ms: expected - position.timestamp_ms,
            };
        }
        let ahead_ms = position.timestamp_ms.saturating_sub(expected);
        let missing_frames = ahead_ms.saturating_add(FRAME_MS / 2) / FRAME_MS;
        if missing_chunks == 0 && missing_frames == 0 {
            return Arrival::Next;
        }
        let silence_frames = u32::try_from(missing_frames).unwrap_or(u32::MAX).min(self.max_silence);
        self.tally.silence_frames += u64::from(silence_frames);
        let unfilled = missing_frames - u64::from(silence_frames);
        self.tally.unfilled_frames = self.tally.unfilled_frames.saturating_add(unfilled);
        Arrival::AfterGap {
            missing_chunks,
            missing_frames,
            silence_frames,
        }
    }

    fn place(&mut self, number: u64) -> Order {
        let Some(ahead) = number.checked_sub(self.last).filter(|ahead| *ahead > 0) else {
            return self.place_behind(self.last - number);
        };
        if ahead > MAX_JUMP {
            let confirmed = self
                .candidate
                .is_some_and(|candidate| candidate.checked_add(1) == Some(number));
            if !confirmed {
                self.candidate = Some(number);
                return Order::Implausible;
            }
        }
        self.candidate = None;
        self.last = number;
        self.seen = u32::try_from(ahead)
            .ok()
            .and_then(|by| self.seen.checked_shl(by))
            .unwrap_or(0)
            | 1;
        match ahead - 1 {
            0 => Order::Next,
            missing => Order::Gap { missing },
        }
    }

    fn place_behind(&mut self, behind: u64) -> Order {
        if behind >= WINDOW {
            return Order::Late;
        }
        let bit = 1 << behind;
        if self.seen & bit == 0 {
            self.seen |= bit;
            Order::Late
        } else {
            Order::Duplicate
        }
    }
}
