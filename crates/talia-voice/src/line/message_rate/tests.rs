//! A line at its own pace always passes, whatever its connection does; nobody passes faster than the bucket fills.

use super::*;
use proptest::prelude::*;

const FRAME: Duration = Duration::from_millis(20);

#[test]
fn a_burst_passes_and_then_one_message_an_interval() {
    let mut rate = MessageRate::default();
    let mut now = Duration::from_secs(7);
    assert_eq!((0..2 * BURST).filter(|_| rate.take(now)).count(), BURST as usize);
    now += INTERVAL;
    assert!(rate.take(now));
    assert!(!rate.take(now));
    now += INTERVAL * BURST * 3;
    assert_eq!((0..2 * BURST).filter(|_| rate.take(now)).count(), BURST as usize);
}

proptest! {
    /// Messages made every 20 ms arrive when the connection lets them through: late, and then all at once.
    #[test]
    fn a_line_whose_connection_stalls_is_never_too_fast(stalls in prop::collection::vec(0_u32..500, 1..20)) {
        let mut rate = MessageRate::default();
        let mut now = Duration::ZERO;
        for frames in stalls {
            now += FRAME * frames;
            for _ in 0..frames {
                prop_assert!(rate.take(now));
            }
        }
    }

    #[test]
    fn no_stretch_of_time_lets_more_through_than_the_burst_and_the_rate(
        waits in prop::collection::vec(0_u64..12_000, 1..2_000),
    ) {
        let mut rate = MessageRate::default();
        let mut now = Duration::ZERO;
        let mut passed = Vec::new();
        for micros in waits {
            now += Duration::from_micros(micros);
            if rate.take(now) {
                passed.push(now);
            }
        }
        for (before, first) in passed.iter().enumerate() {
            for (after, last) in passed.iter().enumerate().skip(before) {
                let room = BURST as usize + (last.saturating_sub(*first).as_micros() / INTERVAL.as_micros()) as usize;
                prop_assert!(after - before < room);
            }
        }
    }
}
