//! The order of deliveries, whatever fails: against random sinks.

use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use talia_voice::events::{EventType, Lanes};
use talia_voice::store::{Delivery, EventKind, OutboxRow, WaitingEvent};
use talia_voice::telemetry::labels::SinkFault;

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(second)
}

fn event(seq: i64, call: u8) -> OutboxRow {
    OutboxRow {
        seq,
        id: seq.to_string(),
        kind: EventKind::Known(EventType::TranscriptSegment),
        call_sid: format!("CA{call}"),
        at: at(0),
        event: String::new(),
    }
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Load {
        call: u8,
        is_wanted: bool,
    },
    Send,
    /// The oldest that is on its way comes to this end.
    End(End),
    Wake,
    Save {
        succeeds: bool,
    },
    /// The node dies, and another one goes on.
    Die,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Delivered,
    Failed,
    Dead,
    PutBack,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        4 => Just(End::Delivered),
        2 => Just(End::Failed),
        1 => Just(End::Dead),
        1 => Just(End::PutBack),
    ];
    prop_oneof![
        6 => (0..4_u8, proptest::bool::weighted(0.8)).prop_map(|(call, is_wanted)| Step::Load { call, is_wanted }),
        6 => Just(Step::Send),
        6 => end.prop_map(Step::End),
        2 => Just(Step::Wake),
        2 => any::<bool>().prop_map(|succeeds| Step::Save { succeeds }),
        1 => Just(Step::Die),
    ]
}

/// The database as a relay uses it, and what the sink has got.
#[derive(Default)]
struct World {
    outbox: Vec<(OutboxRow, bool)>,
    cursor: i64,
    waiting: BTreeMap<i64, (u32, Option<Timestamp>)>,
    dead: BTreeSet<i64>,
    given_up: BTreeSet<i64>,
    delivered: Vec<i64>,
    /// Delivered although they were dead.
    revived: Vec<i64>,
    now: u64,
}

impl World {
    fn save(&mut self, lanes: &mut Lanes, succeeds: bool) {
        let cursor = lanes.cursor();
        let changes = lanes.take_changes();
        if !succeeds {
            return lanes.give_back(changes);
        }
        self.cursor = cursor;
        for (seq, change) in changes {
            match change {
                Delivery::Done => _ = self.waiting.remove(&seq),
                Delivery::Waiting { tries, next_at, .. } => _ = self.waiting.insert(seq, (tries, next_at)),
                Delivery::Dead { .. } => {
                    self.waiting.remove(&seq);
                    self.dead.insert(seq);
                }
            }
        }
    }

    fn restart(&self) -> Lanes {
        let waiting = self.waiting.iter().map(|(seq, (tries, next_at))| WaitingEvent {
            event: self.outbox[*seq as usize - 1].0.clone(),
            tries: *tries,
            next_at: *next_at,
        });
        let noted = self.waiting.keys().chain(&self.dead).copied();
        let noted = noted.filter(|seq| *seq > self.cursor).collect();
        let mut lanes = Lanes::new(self.cursor, waiting.collect(), noted);
        self.load_all(&mut lanes);
        lanes
    }

    fn load_all(&self, lanes: &mut Lanes) {
        for (row, is_wanted) in &self.outbox[lanes.loaded() as usize..] {
            lanes.load(row.clone(), *is_wanted);
        }
    }

    fn end(&mut self, lanes: &mut Lanes, row: &OutboxRow, end: End) {
        match end {
            End::Delivered => {
                self.delivered.push(row.seq);
                if self.dead.contains(&row.seq) {
                    self.revived.push(row.seq);
                }
                lanes.delivered(&row.call_sid);
            }
            End::Failed => lanes.failed(&row.call_sid, at(self.now + 3), SinkFault::Failed),
            End::Dead => {
                self.given_up.insert(row.seq);
                lanes.dead(&row.call_sid, SinkFault::Gone);
            }
            End::PutBack => lanes.put_back(&row.call_sid),
        }
    }
}

/// The first time that each event of a call was delivered, in order; without those that were given up before a death.
fn firsts(world: &World, call: &str) -> Vec<i64> {
    let mut seen = BTreeSet::new();
    let of_call = |seq: &&i64| world.outbox[**seq as usize - 1].0.call_sid == call && !world.given_up.contains(seq);
    let delivered = world.delivered.iter().filter(of_call);
    delivered.copied().filter(|seq| seen.insert(*seq)).collect()
}

proptest! {
    #[test]
    fn nothing_is_lost_and_each_calls_order_is_kept(steps in proptest::collection::vec(step(), 0..200)) {
        let mut world = World::default();
        let mut lanes = Lanes::new(0, Vec::new(), Vec::new());
        let mut on_the_way: Vec<OutboxRow> = Vec::new();
        let mut deaths = 0;
        for step in steps {
            match step {
                Step::Load { call, is_wanted } => {
                    world.outbox.push((event(world.outbox.len() as i64 + 1, call), is_wanted));
                    world.load_all(&mut lanes);
                }
                Step::Send => if let Some((row, _)) = lanes.next_event() {
                    // Never two of one call at once.
                    prop_assert!(on_the_way.iter().all(|other| other.call_sid != row.call_sid));
                    on_the_way.push((*row).clone());
                },
                Step::End(end) => if !on_the_way.is_empty() {
                    let row = on_the_way.remove(0);
                    world.end(&mut lanes, &row, end);
                },
                Step::Wake => {
                    world.now += 1;
                    lanes.wake(at(world.now));
                }
                Step::Save { succeeds } => world.save(&mut lanes, succeeds),
                Step::Die => {
                    deaths += 1;
                    on_the_way.clear();
                    lanes = world.restart();
                }
            }
            prop_assert!(lanes.cursor() >= world.cursor);
        }
        // Everything that is left goes well.
        for row in std::mem::take(&mut on_the_way) {
            world.end(&mut lanes, &row, End::Delivered);
        }
        world.now += 10;
        lanes.wake(at(world.now));
        while let Some((row, _)) = lanes.next_event() {
            world.end(&mut lanes, &row, End::Delivered);
        }
        world.save(&mut lanes, true);
        // What is given up and written down stays given up.
        prop_assert!(world.revived.is_empty(), "{:?}", world.revived);
        prop_assert_eq!(world.cursor, world.outbox.len() as i64);
        prop_assert!(world.waiting.is_empty());
        prop_assert_eq!((lanes.open(), lanes.waiting()), (0, 0));
        let got: BTreeSet<i64> = world.delivered.iter().copied().collect();
        for (row, is_wanted) in &world.outbox {
            let is_settled = got.contains(&row.seq) || world.given_up.contains(&row.seq);
            prop_assert_eq!(is_settled, *is_wanted, "{}", row.seq);
        }
        if deaths == 0 {
            prop_assert_eq!(got.len(), world.delivered.len(), "delivered twice without a death");
        }
        for call in 0..4 {
            let order = firsts(&world, &format!("CA{call}"));
            prop_assert!(order.is_sorted(), "{:?}", order);
        }
    }
}
