//! When a person may be called: the same hours on the clock of everywhere where they may be.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// Hours of the day and days of the week, on the callee's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    from: Time,
    until: Time,
    days: [bool; 7],
}

impl Hours {
    /// From `from` on and before `until`; none when that is no time at all.
    pub fn new(from: Time, until: Time, days: &[Weekday]) -> Option<Self> {
        if from >= until || days.is_empty() {
            return None;
        }
        let mut open = [false; 7];
        for day in days {
            open[index(*day)] = true;
        }
        Some(Self {
            from,
            until,
            days: open,
        })
    }

    /// Whether it is a good time in every one of these zones; in none, it is no good time.
    pub fn within(&self, zones: &[TimeZone], now: Timestamp) -> bool {
        !zones.is_empty()
            && zones.iter().all(|zone| {
                let there = now.to_zoned_datetime(zone.clone());
                let time = there.time();
                self.days[index(there.weekday())] && self.from <= time && time < self.until
            })
    }
}

fn index(day: Weekday) -> usize {
    day.to_monday_zero_offset() as usize
}
