//! Both sides on one time line, against a line with delays: whatever is sent, cleared and played, our side of the recording
//! is what was heard, where it was heard.

use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use talia_audio::mulaw::SILENCE;
use talia_dialogue::{MarkId, SegmentId};
use talia_voice::recordings::timeline::{Block, Timeline};

/// Samples in a millisecond.
const MS: u64 = 8;
/// A frame of the caller's is never silence and says when it was.
fn callers_frame(number: u64) -> [u8; 160] {
    [(number % 100) as u8; 160]
}

/// A frame of ours: its number in the first bytes.
fn our_frame(number: u16) -> [u8; 160] {
    let mut frame = [0x20; 160];
    let [high, low] = number.to_be_bytes();
    (frame[0], frame[1], frame[2]) = (0x10, high, low);
    frame
}

/// The frames in one side of a recording, by the sample at which they begin.
fn frames_in(side: &[u8]) -> Vec<(u64, u16)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < side.len() {
        if side[at] == SILENCE {
            at += 1;
            continue;
        }
        // The last one may be cut by the end.
        if at + 160 > side.len() {
            break;
        }
        assert_eq!(side[at], 0x10, "a frame begins at {at}");
        assert!(
            side[at + 3..at + 160].iter().all(|byte| *byte == 0x20),
            "a whole frame at {at}"
        );
        found.push((at as u64, u16::from_be_bytes([side[at + 1], side[at + 2]])));
        at += 160;
    }
    found
}

enum Sent {
    Frame(u16),
    Mark(MarkId),
}

/// The line: it takes `down` ms to get there and `up` ms back, and plays 20 ms a tick.
struct Line {
    down: u64,
    up: u64,
    /// What is on its way there, with the time of its arrival.
    going: VecDeque<(u64, Vec<Sent>, bool)>,
    queue: VecDeque<Sent>,
    /// When each frame was played, in samples of the line's time.
    played: BTreeMap<u16, Vec<u64>>,
    /// What is on its way back.
    coming: VecDeque<(u64, Back)>,
    clears: Vec<u64>,
}

enum Back {
    Caller(u64),
    Mark(MarkId),
}

impl Line {
    fn tick(&mut self, number: u64) {
        let ends = number * 20;
        while self.going.front().is_some_and(|(at, ..)| *at <= ends - 20) {
            let (_, sent, clear) = self.going.pop_front().expect("one");
            if clear {
                let flushed: Vec<_> = self.queue.drain(..).collect();
                self.clears.push(ends - 20);
                for sent in flushed {
                    if let Sent::Mark(mark) = sent {
                        self.coming.push_back((ends - 20 + self.up, Back::Mark(mark)));
                    }
                }
            }
            self.queue.extend(sent);
        }
        let mut played = false;
        while let Some(sent) = self.queue.front() {
            match sent {
                Sent::Frame(_) if played => break,
                Sent::Frame(frame) => {
                    self.played.entry(*frame).or_default().push((ends - 20) * MS);
                    played = true;
                }
                Sent::Mark(mark) => self.coming.push_back((ends + self.up, Back::Mark(*mark))),
            }
            self.queue.pop_front();
        }
        self.coming.push_back((ends + self.up, Back::Caller(number - 1)));
    }
}

/// What a server does at a time.
#[derive(Debug, Clone)]
enum Act {
    /// Says something of so many frames.
    Say(u16),
    /// Says nothing for so many ticks.
    Wait(u64),
    /// Stops what is on the line, and says the rest again or not.
    Clear(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1_u16..120).prop_map(Act::Say),
        3 => (1_u64..80).prop_map(Act::Wait),
        2 => any::<bool>().prop_map(Act::Clear),
    ];
    prop::collection::vec(act, 1..25)
}

struct World {
    line: Line,
    timeline: Timeline,
    blocks: Vec<Block>,
    now: u64,
    /// What is said and not sent.
    text: VecDeque<u16>,
    next: u16,
    line_end: u64,
    generation: u32,
    sent: u32,
    /// Sent and not confirmed.
    open: VecDeque<u16>,
}

impl World {
    fn new(down: u64, up: u64) -> Self {
        Self {
            line: Line {
                down,
                up,
                going: VecDeque::new(),
                queue: VecDeque::new(),
                played: BTreeMap::new(),
                coming: VecDeque::new(),
                clears: Vec::new(),
            },
            timeline: Timeline::default(),
            blocks: Vec::new(),
            now: 0,
            text: VecDeque::new(),
            next: 0,
            line_end: 0,
            generation: 0,
            sent: 0,
            open: VecDeque::new(),
        }
    }

    /// One tick of 20 ms: the line plays, what comes back is taken in, what is due is sent 140 ms ahead.
    fn tick(&mut self) {
        self.now += 20;
        self.line.tick(self.now / 20);
        while self.line.coming.front().is_some_and(|(at, _)| *at <= self.now) {
            match self.line.coming.pop_front().expect("one").1 {
                Back::Caller(number) => {
                    self.timeline.caller(&callers_frame(number), number * 20);
                    self.blocks.extend(self.timeline.block());
                }
                Back::Mark(mark) => self.timeline.mark_back(mark),
            }
        }
        let mut sent = Vec::new();
        while let Some(frame) = self.text.front().copied()
            && self.line_end.max(self.now) + 20 <= self.now + 140
        {
            self.text.pop_front();
            self.line_end = self.line_end.max(self.now) + 20;
            self.timeline.sent_frame(&our_frame(frame));
            self.open.push_back(frame);
            sent.push(Sent::Frame(frame));
            self.sent += 1;
            if self.sent.is_multiple_of(10) || self.text.is_empty() {
                let mark = MarkId {
                    generation: self.generation,
                    segment: SegmentId(1),
                    samples: self.sent * 160,
                };
                self.timeline.sent_mark(mark);
                sent.push(Sent::Mark(mark));
            }
        }
        self.line.going.push_back((self.now + self.line.down, sent, false));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Say(frames) => {
                self.text.extend(self.next..self.next + frames);
                self.next += frames;
                self.tick();
            }
            Act::Wait(ticks) => (0..*ticks).for_each(|_| self.tick()),
            Act::Clear(again) => {
                self.timeline.cleared();
                self.generation += 1;
                self.line_end = self.now;
                self.line.going.push_back((self.now + self.line.down, Vec::new(), true));
                if *again {
                    // As after a false alarm, from somewhere before the end of what was sent.
                    let last: Vec<_> = self.open.iter().rev().take(15).copied().collect();
                    for frame in last {
                        self.text.push_front(frame);
                    }
                } else {
                    self.text.clear();
                }
                self.open.clear();
            }
        }
    }

    fn finish(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.blocks.extend(self.timeline.finish());
        let mut expected = 0;
        let mut sides = (Vec::new(), Vec::new());
        for block in &self.blocks {
            assert_eq!(block.at, expected, "blocks follow each other");
            expected += block.stereo.len() as u64 / 2;
            for [caller, assistant] in block.stereo.as_chunks::<2>().0 {
                sides.0.push(*caller);
                sides.1.push(*assistant);
            }
        }
        sides
    }
}

/// How far a frame may be from where it was heard.
const NEAR: u64 = 40 * MS;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn our_side_is_what_was_heard_where_it_was_heard(
        down in 0_u64..150,
        up in 0_u64..150,
        begins_after in 0_u64..100,
        early in any::<bool>(),
        acts in acts(),
    ) {
        let mut world = World::new(down, up);
        // Usually the caller's audio is there before we speak.
        if !early {
            (0..10).for_each(|_| world.tick());
        }
        world.text.extend(0..20);
        world.next = 20;
        // The disclosure is heard to its end, as its mark says, before anything is recorded.
        (0..60 + begins_after).for_each(|_| world.tick());
        world.timeline.begin();
        let begun = (world.now - up) / 20 * 20 * MS;
        for act in &acts {
            world.act(act);
        }
        (0..30).for_each(|_| world.tick());
        let (caller, assistant) = world.finish();
        let mut heard: Vec<(u16, u64)> = Vec::new();
        for (at, frame) in frames_in(&assistant) {
            let at = at + begun;
            let places = world.line.played.get(&frame).cloned().unwrap_or_default();
            prop_assert!(!places.is_empty(), "frame {frame} was never heard");
            let nearest = places.iter().min_by_key(|place| place.abs_diff(at)).copied().unwrap_or(u64::MAX);
            prop_assert!(nearest.abs_diff(at) <= NEAR, "frame {frame} at {at} was heard at {places:?}");
            heard.push((frame, nearest));
        }
        // All that was heard is there, but for what the way to the line and back may hide before a clear and the end.
        // What is said after a disclosure that began before the line's clock was known waits for a mark of its own.
        let hides = (up + down + 80 + if early { 200 } else { 0 }) * MS;
        let end = begun + caller.len() as u64;
        for (frame, places) in &world.line.played {
            for place in places.iter().filter(|place| **place >= begun + NEAR && **place + hides < end) {
                let hidden = world.line.clears.iter().any(|clear| {
                    let clear = clear * MS;
                    clear >= *place && clear < place + hides + 160
                });
                prop_assert!(
                    hidden || heard.contains(&(*frame, *place)),
                    "frame {frame}, heard at {place}, is missing"
                );
            }
        }
        // The caller's side is the caller's, sample by sample.
        for (at, frame) in caller.chunks(160).enumerate() {
            let number = begun / 160 + at as u64;
            prop_assert_eq!(frame, &callers_frame(number)[..frame.len()]);
        }
    }
}

/// Twenty seconds of a caller who speaks all the time.
fn talking(timeline: &mut Timeline, frames: std::ops::Range<u64>, caller: &mut Vec<u8>) {
    for number in frames {
        timeline.caller(&[0x42; 160], number * 20);
        while let Some(block) = timeline.block() {
            caller.extend(block.stereo.iter().step_by(2));
        }
    }
}

#[test]
fn keys_are_silence_on_the_callers_side_from_before_they_were_told() {
    let mut timeline = Timeline::default();
    let mut caller = Vec::new();
    timeline.begin();
    talking(&mut timeline, 0..250, &mut caller);
    timeline.key();
    talking(&mut timeline, 250..275, &mut caller);
    timeline.key();
    talking(&mut timeline, 275..500, &mut caller);
    let last = timeline.finish().expect("the rest");
    caller.extend(last.stereo.iter().step_by(2));
    assert_eq!(caller.len(), 80_000);
    // The keys at 5.0 s and 5.5 s.
    for (at, byte) in caller.iter().enumerate() {
        let silent = (4 * 8_000..7 * 8_000 + 4_000).contains(&at);
        assert_eq!(*byte == SILENCE, silent, "{at}");
    }
}

#[test]
fn what_must_not_be_recorded_is_silence_on_both_sides() {
    let mut timeline = Timeline::default();
    timeline.begin();
    let mut both = Vec::new();
    let mut silenced = 0;
    for number in 0..300_u64 {
        match number {
            // Twice is once.
            100 | 120 => timeline.quiet(true),
            200 => timeline.quiet(false),
            _ => {}
        }
        timeline.sent_frame(&[0x21; 160]);
        timeline.sent_mark(MarkId {
            generation: 0,
            segment: SegmentId(1),
            samples: number as u32 + 1,
        });
        timeline.caller(&[0x42; 160], number * 20);
        timeline.mark_back(MarkId {
            generation: 0,
            segment: SegmentId(1),
            samples: number as u32 + 1,
        });
        while let Some(block) = timeline.block() {
            silenced += block.silenced;
            both.extend(block.stereo);
        }
    }
    let last = timeline.finish().expect("the rest");
    silenced += last.silenced;
    both.extend(last.stereo);
    let pairs = both.as_chunks::<2>().0;
    assert!(pairs[16_000..32_000].iter().all(|pair| *pair == [SILENCE; 2]));
    assert_eq!(silenced, 16_000);
    assert!(pairs[..16_000].iter().all(|[caller, _]| *caller == 0x42));
    assert!(pairs[32_000..].iter().all(|[caller, _]| *caller == 0x42));
    assert!(pairs[1_000..15_000].iter().all(|[_, ours]| *ours == 0x21));
}

#[test]
fn a_line_whose_clock_jumps_is_recorded_without_an_hour_of_silence() {
    let mut timeline = Timeline::default();
    let mut caller = Vec::new();
    timeline.begin();
    talking(&mut timeline, 0..100, &mut caller);
    // An hour ahead, then back to the beginning.
    talking(&mut timeline, 180_000..180_100, &mut caller);
    talking(&mut timeline, 0..100, &mut caller);
    let last = timeline.finish().expect("the rest");
    caller.extend(last.stereo.iter().step_by(2));
    assert_eq!(caller.len(), 300 * 160);
    assert!(caller.iter().all(|byte| *byte == 0x42));
    // A pause of two seconds is one.
    let mut timeline = Timeline::default();
    timeline.begin();
    let mut caller = Vec::new();
    talking(&mut timeline, 0..100, &mut caller);
    talking(&mut timeline, 200..300, &mut caller);
    caller.extend(timeline.finish().expect("the rest").stereo.iter().step_by(2));
    assert_eq!(caller.len(), 300 * 160);
    assert!(caller[16_000..32_000].iter().all(|byte| *byte == SILENCE));
}
