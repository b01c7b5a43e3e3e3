//! The race between models: never two winners, never an end without a decision.

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;
use talia_voice::brain::llm::{AttemptId, Order, Pace, Race};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_lone_model_is_asked_again_at_once_and_then_less_and_less_often() {
    let mut next = 0;
    let mut race = Race::new(Pace::default(), vec![0], ms(0), false);
    assert_eq!(
        race.begin(&mut next),
        [Order::Start {
            attempt: AttemptId(1),
            link: 0
        }]
    );
    assert_eq!(
        race.failed(ms(10), AttemptId(1), true, &mut next),
        [Order::Start {
            attempt: AttemptId(2),
            link: 0
        }]
    );
    assert_eq!(race.failed(ms(20), AttemptId(2), true, &mut next), []);
    assert_eq!(race.next_deadline(), Some(ms(270)));
    assert_eq!(
        race.due(ms(270), &mut next),
        [Order::Start {
            attempt: AttemptId(3),
            link: 0
        }]
    );
    assert_eq!(race.failed(ms(280), AttemptId(3), false, &mut next), [Order::Lost]);
}

#[test]
fn nobody_is_hedged_while_nobody_waits() {
    let mut next = 0;
    let mut race = Race::new(Pace::default(), vec![0, 1], ms(0), true);
    race.begin(&mut next);
    assert_eq!(race.next_deadline(), None);
    assert_eq!(race.due(ms(9_000), &mut next), []);
    race.is_wanted(ms(2_500));
    assert_eq!(
        race.due(ms(2_500), &mut next),
        [Order::Start {
            attempt: AttemptId(2),
            link: 1
        }]
    );
}

#[derive(Debug, Clone)]
enum Happens {
    Useful(u32),
    Lively(u32),
    Failed(u32, bool),
    Time,
}

fn happenings() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let one = prop_oneof![
        (1u32..6).prop_map(Happens::Useful),
        (1u32..6).prop_map(Happens::Lively),
        (1u32..6, any::<bool>()).prop_map(|(attempt, again)| Happens::Failed(attempt, again)),
        Just(Happens::Time),
    ];
    prop::collection::vec((0u64..900, one), 0..40)
}

proptest! {
    #[test]
    fn one_winner_at_most_and_always_an_end(links in 1usize..4, happenings in happenings()) {
        let pace = Pace::default();
        let mut next = 0;
        let mut race = Race::new(pace, (0..links).collect(), ms(0), false);
        let mut running: BTreeSet<AttemptId> = BTreeSet::new();
        let mut heard: BTreeSet<AttemptId> = BTreeSet::new();
        let mut ended = false;
        let mut now = ms(0);
        let mut orders = race.begin(&mut next);
        let mut rest = happenings.into_iter();
        loop {
            for order in orders.drain(..) {
                prop_assert!(!ended, "an order behind the end");
                match order {
                    Order::Start { attempt, .. } => {
                        running.insert(attempt);
                        prop_assert!(running.len() <= 2, "more than two at once");
                    }
                    Order::Cancel(attempt) => {
                        running.remove(&attempt);
                    }
                    Order::Stalled { .. } | Order::Lost => ended = true,
                }
            }
            prop_assert!(heard.len() <= 1, "two were heard: {:?}", heard);
            if ended {
                prop_assert_eq!(race.next_deadline(), None);
                break;
            }
            let Some(deadline) = race.next_deadline() else {
                prop_assert!(false, "no end in sight");
                break;
            };
            prop_assert!(deadline <= pace.whole);
            let (at, what) = match rest.next() {
                Some((after, what)) if now + ms(after) < deadline => (now + ms(after), what),
                _ => (deadline, Happens::Time),
            };
            now = at;
            orders = match what {
                Happens::Useful(attempt) => {
                    let attempt = AttemptId(attempt);
                    let counts = race.runs(attempt);
                    let orders = race.useful(now, attempt);
                    if counts {
                        heard.insert(attempt);
                    }
                    orders
                }
                Happens::Lively(attempt) => {
                    race.lively(now, AttemptId(attempt));
                    Vec::new()
                }
                Happens::Failed(attempt, again) => {
                    running.remove(&AttemptId(attempt));
                    race.failed(now, AttemptId(attempt), again, &mut next)
                }
                Happens::Time => race.due(now, &mut next),
            };
        }
    }
}
