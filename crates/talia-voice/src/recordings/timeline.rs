//! Both sides of a call on one time line, the line's own. Pure.
//!
//! The caller's frames say where they stand. Ours say it by their marks: a mark comes back on the same socket between two
//! frames of the caller, so what lies before it had been played by then. No clock is asked, and a slow reader is no
//! fault. What was sent and thrown away by a `clear` is never in it; of what was heard just before one, as much as the way to
//! the line and back takes may be missing.

use std::collections::VecDeque;
use talia_audio::frame::{FRAME_SAMPLES, MulawFrame, SAMPLE_RATE};
use talia_audio::mulaw::SILENCE;
use talia_dialogue::MarkId;

/// One block of this many samples a side is handed on at once: a fifth of a second.
const BLOCK: u64 = SAMPLE_RATE as u64 / 5;
/// A key is told when its tone was recognised: the tone itself may lie this far back.
const BEFORE_KEY: u64 = SAMPLE_RATE as u64;
/// More of the row may follow for as long as this: the pause that ends a row of keys.
const AFTER_KEY: u64 = 2 * SAMPLE_RATE as u64;
/// Between a mark and the frame of the caller before it lies half a frame, on average.
const HALF_FRAME: u64 = FRAME_SAMPLES as u64 / 2;
/// Within one stretch of our speech, marks that differ by no more than this say the same.
const TOLERANCE: u64 = SAMPLE_RATE as u64 / 25;
/// A mark that stays out for so long after its time is lost, and its audio counts as played, as in the transcript.
const OVERDUE: u64 = 5 * SAMPLE_RATE as u64;
/// A jump of the line's clock beyond this is no pause but a fault: the recording goes on behind what it has.
const LONGEST_GAP: u64 = 60 * SAMPLE_RATE as u64;

/// A stretch of the recording, whole in both channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Samples of the recording before it.
    pub at: u64,
    /// μ-law, a byte of the caller's and one of ours in turn.
    pub stereo: Vec<u8>,
    /// How many of its samples were silenced on purpose.
    pub silenced: u64,
}

/// Both sides of one stream. Positions count samples since the stream began.
#[derive(Debug, Default)]
pub struct Timeline {
    /// Where the caller's last frame ends: the line's clock.
    now: u64,
    /// What is added to the caller's positions where the line's clock was set anew.
    shift: i64,
    /// From where on it is recorded.
    begun: Option<u64>,
    /// What was handed on already.
    emitted: u64,
    caller: Side,
    assistant: Side,
    sent: VecDeque<Sent>,
    /// Where the line would have played all that was sent, if it took no time to get there.
    line_end: u64,
    /// Stretches of our speech without a pause, counted; 0 is one that began before the line's clock was known.
    run: u32,
    /// How much later than that the line plays, and in which stretch that was seen.
    lag: Option<(u32, u64)>,
    quiet: VecDeque<Quiet>,
}

/// What went to the line and is not known to have been played.
#[derive(Debug)]
struct Sent {
    ends: u64,
    run: u32,
    what: What,
}

#[derive(Debug)]
enum What {
    Frame(MulawFrame),
    Mark(MarkId),
}

/// A stretch that is silence in the recording.
#[derive(Debug)]
struct Quiet {
    from: u64,
    until: u64,
    /// Both sides; else the caller's alone.
    both: bool,
}

/// What is known of one side and was not handed on.
#[derive(Debug, Default)]
struct Side {
    from: u64,
    bytes: VecDeque<u8>,
}

impl Side {
    fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }

    /// Puts a frame there, or behind what it has.
    fn put(&mut self, at: u64, frame: &MulawFrame) {
        let missing = at.saturating_sub(self.end());
        self.bytes.extend(std::iter::repeat_n(SILENCE, missing as usize));
        self.bytes.extend(frame);
    }

    /// Takes what lies before `until` into every other byte of `stereo`; what is missing is silence.
    fn take(&mut self, until: u64, channel: usize, stereo: &mut [u8]) {
        let samples = (until.saturating_sub(self.from)) as usize;
        let known = samples.min(self.bytes.len());
        let places = stereo.iter_mut().skip(channel).step_by(2);
        for (place, byte) in places.zip(self.bytes.drain(..known)) {
            *place = byte;
        }
        self.from = self.from.max(until);
    }

    fn begin(&mut self, at: u64) {
        self.bytes.clear();
        self.from = at;
    }
}

impl Timeline {
    /// Records from now on.
    pub fn begin(&mut self) {
        self.begun = Some(self.now);
        self.emitted = self.now;
        self.caller.begin(self.now);
        self.assistant.begin(self.now);
    }

    /// The caller's next frame, with its time in milliseconds since the stream began.
    pub fn caller(&mut self, frame: &MulawFrame, timestamp_ms: u64) {
        let told = timestamp_ms.saturating_mul(u64::from(SAMPLE_RATE) / 1_000);
        let mut at = told.saturating_add_signed(self.shift);
        if at < self.now || at - self.now > LONGEST_GAP {
            self.shift = (self.now as i64).saturating_sub_unsigned(told);
            at = self.now;
        }
        if self.begun.is_some() {
            self.caller.put(at, frame);
        }
        self.now = at + FRAME_SAMPLES as u64;
        while let Some(first) = self.sent.front()
            && first.ends + self.lag_in(first.run).unwrap_or(0) + OVERDUE <= self.now
        {
            self.play_first();
        }
    }

    /// This went to the line.
    pub fn sent_frame(&mut self, frame: &MulawFrame) {
        if self.now > self.line_end {
            self.line_end = self.now;
            self.run += 1;
        }
        self.line_end += FRAME_SAMPLES as u64;
        self.push(What::Frame(*frame));
    }

    /// This mark went to the line behind it.
    pub fn sent_mark(&mut self, mark: MarkId) {
        self.push(What::Mark(mark));
    }

    fn push(&mut self, what: What) {
        self.sent.push_back(Sent {
            ends: self.line_end,
            run: self.run,
            what,
        });
    }

    /// A mark came back: everything before it was played. One that was cleared away says nothing any more.
    pub fn mark_back(&mut self, mark: MarkId) {
        let is_it = |sent: &Sent| matches!(&sent.what, What::Mark(known) if *known == mark);
        let Some(place) = self.sent.iter().position(is_it) else {
            return;
        };
        let Sent { ends, run, .. } = self.sent[place];
        let seen = (self.now + HALF_FRAME).saturating_sub(ends);
        let same = |(known_in, known): (u32, u64)| known_in == run && known.abs_diff(seen) <= TOLERANCE;
        if !self.lag.is_some_and(same) {
            self.lag = Some((run, seen));
        }
        for _ in 0..=place {
            self.play_first();
        }
    }

    /// Everything that the line had not played was thrown away.
    pub fn cleared(&mut self) {
        while let Some(first) = self.sent.front()
            && self.lag_in(first.run).is_some_and(|lag| first.ends + lag <= self.now)
        {
            self.play_first();
        }
        self.sent.clear();
        // What is said next is a stretch of its own.
        self.line_end = 0;
    }

    /// How much later the line plays a stretch, as far as marks have said.
    fn lag_in(&self, run: u32) -> Option<u64> {
        let (seen_in, lag) = self.lag?;
        (seen_in == run || seen_in != 0).then_some(lag)
    }

    fn play_first(&mut self) {
        if let Some(Sent {
            ends,
            run,
            what: What::Frame(frame),
        }) = self.sent.pop_front()
            && self.begun.is_some()
        {
            // Without any mark yet, where it would have been at the earliest is the best that is known.
            let lag = self.lag_in(run).unwrap_or(0);
            self.assistant.put(ends - FRAME_SAMPLES as u64 + lag, &frame);
        }
    }

    /// A key was pressed: the caller's side is silence around it.
    pub fn key(&mut self) {
        let (from, until) = (self.now.saturating_sub(BEFORE_KEY), self.now + AFTER_KEY);
        match self.quiet.back_mut() {
            Some(last) if !last.both && from <= last.until => last.until = until,
            _ => self.quiet.push_back(Quiet {
                from,
                until,
                both: false,
            }),
        }
    }

    /// From now on both sides are silence, or are no longer.
    pub fn quiet(&mut self, quiet: bool) {
        let open = self.quiet.iter_mut().find(|stretch| stretch.until == u64::MAX);
        match (open, quiet) {
            (None, true) => self.quiet.push_back(Quiet {
                from: self.now,
                until: u64::MAX,
                both: true,
            }),
            (Some(stretch), false) => stretch.until = self.now,
            _ => {}
        }
    }

    /// What is known for good, once it is a block's worth.
    pub fn block(&mut self) -> Option<Block> {
        // What may still be silenced, or still be told to have been played, is not handed on yet.
        let ours = self.sent.iter().find_map(|sent| match sent.what {
            What::Frame(_) => Some(sent.ends - FRAME_SAMPLES as u64),
            What::Mark(_) => None,
        });
        let ours = ours.map_or(self.now, |begins| begins.max(self.assistant.end()).min(self.now));
        let known = ours.min(self.now.saturating_sub(BEFORE_KEY));
        (self.begun.is_some() && known >= self.emitted + BLOCK).then(|| self.take(known))
    }

    /// Everything that is left, when nothing more comes.
    pub fn finish(&mut self) -> Option<Block> {
        self.cleared();
        (self.begun.is_some() && self.now > self.emitted).then(|| self.take(self.now))
    }

    fn take(&mut self, until: u64) -> Block {
        let (from, begun) = (self.emitted, self.begun.unwrap_or(self.emitted));
        let mut stereo = vec![SILENCE; (until - from) as usize * 2];
        self.caller.take(until, 0, &mut stereo);
        self.assistant.take(until, 1, &mut stereo);
        self.emitted = until;
        let silenced = self.silence(from, &mut stereo);
        self.quiet.retain(|quiet| quiet.until > until);
        Block {
            at: from - begun,
            stereo,
            silenced,
        }
    }

    /// Silences what must not be heard; answers how many samples that are.
    fn silence(&self, from: u64, stereo: &mut [u8]) -> u64 {
        let samples = stereo.len() as u64 / 2;
        let mut silenced = 0;
        for quiet in &self.quiet {
            let first = quiet.from.saturating_sub(from).min(samples) as usize;
            let last = quiet.until.saturating_sub(from).min(samples) as usize;
            for [caller, assistant] in &mut stereo.as_chunks_mut::<2>().0[first..last.max(first)] {
                *caller = SILENCE;
                if quiet.both {
                    *assistant = SILENCE;
                }
            }
            silenced += last.saturating_sub(first) as u64;
        }
        silenced.min(samples)
    }
}
