//! Which event is delivered next: pure. The events of one call go one after the other; calls don't wait for each other.

use crate::store::{Delivery, OutboxRow, WaitingEvent};
use crate::telemetry::labels::SinkFault;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The events that one sink has before it.
///
/// An event is *settled* when it was delivered or is written down as waiting or dead: the cursor stands before the first
/// that isn't. One that fails holds back those of its call, which are written down with it, so that the cursor goes on.
#[derive(Debug)]
pub struct Lanes {
    /// The newest event that was loaded.
    loaded: i64,
    /// Loaded, and not settled.
    open: BTreeSet<i64>,
    /// By call.
    calls: HashMap<String, Lane>,
    /// Calls whose first event may go now.
    ready: VecDeque<String>,
    /// Calls that wait for another try, and until when.
    due: BTreeSet<(Timestamp, String)>,
    /// Events after the cursor that were written down before: they aren't taken a second time.
    noted: BTreeSet<i64>,
    /// What is to be written down, by event.
    changes: BTreeMap<i64, Delivery>,
    /// Events that are written down as waiting.
    waiting: usize,
}

#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Item>,
    is_busy: bool,
    /// The first one failed, and is tried again then.
    due: Option<Timestamp>,
}

#[derive(Debug)]
struct Item {
    event: Arc<OutboxRow>,
    tries: u32,
    is_written: bool,
}

impl Lanes {
    /// Goes on from a cursor, with what was written down as waiting; `noted` are the events after the cursor that were
    /// written down as waiting or dead.
    pub fn new(cursor: i64, waiting: Vec<WaitingEvent>, noted: Vec<i64>) -> Self {
        let mut lanes = Self {
            loaded: cursor,
            open: BTreeSet::new(),
            calls: HashMap::new(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            noted: noted.into_iter().collect(),
            changes: BTreeMap::new(),
            waiting: waiting.len(),
        };
        for WaitingEvent { event, tries, next_at } in waiting {
            let call = event.call_sid.clone();
            let lane = lanes.calls.entry(call.clone()).or_default();
            if lane.events.is_empty() {
                lane.due = next_at;
                match next_at {
                    Some(at) => _ = lanes.due.insert((at, call)),
                    None => lanes.ready.push_back(call),
                }
            }
            lane.events.push_back(Item {
                event: Arc::new(event),
                tries,
                is_written: true,
            });
        }
        lanes
    }

    /// Everything up to here is settled.
    pub fn cursor(&self) -> i64 {
        self.open.first().map_or(self.loaded, |first| first - 1)
    }

    /// The newest event that was loaded: the next ones come after it.
    pub fn loaded(&self) -> i64 {
        self.loaded
    }

    /// Loaded events that aren't settled.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Events that wait for another try, or behind one that does.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes the next event of the outbox; one that this sink doesn't want is settled at once.
    pub fn load(&mut self, event: OutboxRow, is_wanted: bool) {
        self.loaded = event.seq;
        if self.noted.remove(&event.seq) || !is_wanted {
            return;
        }
        let call = event.call_sid.clone();
        let lane = self.calls.entry(call.clone()).or_default();
        let mut item = Item {
            event: Arc::new(event),
            tries: 0,
            is_written: false,
        };
        // Behind one that waits: it waits with it.
        if lane.events.front().is_some_and(|first| first.is_written) {
            write_down(&mut item, None, None, &mut self.changes);
            self.waiting += 1;
        } else {
            self.open.insert(item.event.seq);
        }
        lane.events.push_back(item);
        if lane.events.len() == 1 {
            self.ready.push_back(call);
        }
    }

    /// The next event that may go, and how often it was tried before. Its call waits until it is told what became of it.
    pub fn next_event(&mut self) -> Option<(Arc<OutboxRow>, u32)> {
        let lane = self.calls.get_mut(&self.ready.pop_front()?)?;
        lane.is_busy = true;
        lane.events.front().map(|item| (item.event.clone(), item.tries))
    }

    /// The call's event was delivered.
    pub fn delivered(&mut self, call: &str) {
        self.settle(call, |item| item.is_written.then_some(Delivery::Done));
    }

    /// The call's event is given up.
    pub fn dead(&mut self, call: &str, reason: SinkFault) {
        self.settle(call, |item| {
            Some(Delivery::Dead {
                call_sid: item.event.call_sid.clone(),
                tries: item.tries + 1,
                reason: reason.as_str(),
            })
        });
    }

    /// The call's event failed and is tried again at `due`; until then its call waits.
    pub fn failed(&mut self, call: &str, due: Timestamp, reason: SinkFault) {
        let Some(lane) = self.calls.get_mut(call) else { return };
        lane.is_busy = false;
        lane.due = Some(due);
        self.due.insert((due, call.to_owned()));
        for (place, item) in lane.events.iter_mut().enumerate() {
            if place == 0 {
                item.tries += 1;
            }
            if !item.is_written {
                self.open.remove(&item.event.seq);
                self.waiting += 1;
            }
            if place == 0 {
                write_down(item, Some(due), Some(reason), &mut self.changes);
            } else if !item.is_written {
                write_down(item, None, None, &mut self.changes);
            }
        }
    }

    /// The call's event was not tried after all: nothing can be delivered now.
    pub fn put_back(&mut self, call: &str) {
        if let Some(lane) = self.calls.get_mut(call) {
            lane.is_busy = false;
            self.ready.push_front(call.to_owned());
        }
    }

    /// Lets calls go on whose time has come; answers when the next one's does.
    pub fn wake(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some((at, _)) = self.due.first() {
            if *at > now {
                return Some(*at);
            }
            if let Some((_, call)) = self.due.pop_first()
                && let Some(lane) = self.calls.get_mut(&call)
            {
                lane.due = None;
                self.ready.push_back(call);
            }
        }
        None
    }

    /// What is to be written down, with the cursor as it is now.
    pub fn take_changes(&mut self) -> Vec<(i64, Delivery)> {
        std::mem::take(&mut self.changes).into_iter().collect()
    }

    /// The same, where it could not be written; what has changed since stays.
    pub fn give_back(&mut self, changes: Vec<(i64, Delivery)>) {
        for (seq, change) in changes {
            self.changes.entry(seq).or_insert(change);
        }
    }

    /// Whether something is to be written down beside the cursor.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    fn settle(&mut self, call: &str, becomes: impl FnOnce(&Item) -> Option<Delivery>) {
        let Some(lane) = self.calls.get_mut(call) else { return };
        lane.is_busy = false;
        if let Some(item) = lane.events.pop_front() {
            if item.is_written {
                self.waiting -= 1;
            } else {
                self.open.remove(&item.event.seq);
            }
            if let Some(change) = becomes(&item) {
                self.changes.insert(item.event.seq, change);
            }
        }
        if lane.events.is_empty() {
            self.calls.remove(call);
        } else {
            self.ready.push_back(call.to_owned());
        }
    }
}

fn write_down(
    item: &mut Item,
    next_at: Option<Timestamp>,
    reason: Option<SinkFault>,
    changes: &mut BTreeMap<i64, Delivery>,
) {
    item.is_written = true;
    let change = Delivery::Waiting {
        call_sid: item.event.call_sid.clone(),
        tries: item.tries,
        next_at,
        reason: reason.map(SinkFault::as_str),
    };
    changes.insert(item.event.seq, change);
}
